"""What a model card says of groups of clips, such as those of women and of men."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from emozoo.checkpoint.groups import Gap, Grouping
from emozoo.publishing.card_results import Facts, table
from emozoo.text import number, percent


def by_group(facts: Facts) -> str:
    """The section on groups; "" where none were measured, or a column has one group only."""
    if facts.record is None:
        return ""
    found = facts.whole.summary.groups if facts.whole else facts.record.groups
    shown = [each for each in found if len(each.groups) > 1]
    if not shown:
        return ""
    of = "all folds, pooled, by the single networks" if facts.whole and facts.whole.several else "the test fold"
    opening = (
        f"Of the test clips of {of}. An interval is a 95 % bootstrap over speakers, or over clips where some speaker is "
        "unknown. Groups of five or more known speakers are ranked, and the largest gap is that between the first and the "
        "last of them; with few speakers a gap may be chance, so look at its interval."
    )
    return "\n\n".join(["## By group", opening, *(part for each in shown for part in _grouping(each))])


def _grouping(grouping: Grouping) -> list[str]:
    words = grouping.measure == "ua"
    form: Callable[[float | None], str] = percent if words else number
    score = "UA, %" if words else f"CCC of {grouping.dimension}"
    rows = []
    for group in grouping.groups:
        speakers = "unknown" if group.speakers is None else str(group.speakers)
        ends = _between(group.interval, form) if group.interval else "-"
        over = "" if group.interval_over == "speakers" or not group.interval else ", over clips"
        rows.append([group.name or "unknown", str(group.clips), speakers, form(group.score), ends + over])
    parts = [table([grouping.by, "clips", "speakers", score, "95 % interval"], rows)]
    if grouping.gap:
        parts.append(_gap(grouping.gap, form))
    return [*parts, *([f"{grouping.note[:1].upper()}{grouping.note[1:]}."] if grouping.note else [])]


def _gap(gap: Gap, form: Callable[[float | None], str]) -> str:
    ends = f" (95 % interval over speakers: {_between(gap.interval, form)})" if gap.interval else ""
    return f"Largest gap: {gap.highest} {form(gap.value)} above {gap.lowest}{ends}."


def _between(ends: Sequence[float], form: Callable[[float | None], str]) -> str:
    return " to ".join(map(form, ends))
