"""What was found between two runs, in sentences."""

from __future__ import annotations

from emozoo.evaluation.comparison import Estimate, Pair


def sentences(pair: Pair) -> list[str]:
    """One for the words of two runs, and one for each dimension."""
    told = []
    if pair.ua and pair.wa and pair.mcnemar:
        told.append(_verdict(pair, pair.found, pair.ua, pair.wa, _p("McNemar", pair.mcnemar.p_holm)))
    for each in pair.ccc:
        found = each.found and not pair.too_few
        told.append(_verdict(pair, found, each.ccc, None, _p("bootstrap", each.p_holm), each.dimension))
    return told


def _verdict(pair: Pair, found: bool, main: Estimate, wa: Estimate | None, test: str, dimension: str = "") -> str:
    better, worse = pair.first, pair.second
    if found and main.value < 0:
        better, worse, main, wa = worse, better, -main, wa and -wa
    measure = f"CCC {difference(main, 1, 3)}" if dimension else f"UA {difference(main)}"
    evidence = f"{measure}; " + (f"WA {difference(wa)}; " if wa else "") + test
    in_ = f" in {dimension}" if dimension else ""
    if pair.too_few:
        return f"{pair.speakers} speakers are too few to tell whether {better} and {worse} differ{in_} ({evidence})"
    if not found:
        return f"no difference was found between {better} and {worse}{in_} ({evidence})"
    if wa and wa.value < 0:
        return f"{better} has the higher UA and {worse} the higher WA ({evidence})"
    return f"{better} is better than {worse}{in_} ({evidence})"


def difference(estimate: Estimate, factor: int = 100, digits: int = 1) -> str:
    """`+3.1, 1.0 to 5.2`, in % unless there is another factor."""
    value, low, high = (factor * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+z.{digits}f}, {low:z.{digits}f} to {high:z.{digits}f}"


def _p(test: str, p: float) -> str:
    return f"{test} p {p_value(p)} after Holm"


def p_value(p: float) -> str:
    """`< 0.001`, `= 0.004` or `= 0.27`."""
    return "< 0.001" if p < 0.001 else f"= {p:.3f}" if p < 0.1 else f"= {p:.2f}"
