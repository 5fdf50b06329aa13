"""What was measured, as metrics.json and summary.json hold it. How it is worked out is in `emozoo.evaluation.metrics`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emozoo.checkpoint.groups import Grouping
from emozoo.checkpoint.speakers import Interval, SpeakerSums
from emozoo.hints import from_json

Matrix = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SpeakerMetrics:
    """One speaker's clips."""

    speaker: str
    count: int
    wa: float
    ua: float
    confusion: Matrix
    """[true][predicted]."""


@dataclass(frozen=True)
class Confidence:
    """What the probabilities of answers are worth."""

    calibration_error: float
    """Expected calibration error over 15 ranges of probability (Guo et al. 2017)."""
    calibration_error_interval: tuple[float, float]
    """95 % percentile bootstrap, over what `Metrics.interval_over` names. The error of a resample is rather too high."""
    aurc: float
    """The area under the risk-coverage curve: the mean risk over all coverages (Geifman and El-Yaniv 2017)."""
    risks: tuple[float, ...]
    """The share of wrong answers among the surest 10 %, 20 %, ... 100 % of clips."""


@dataclass(frozen=True)
class SetMetrics:
    """Sets of labels that were to hold the true one in a given share of cases. A tuple per class follows the order of
    `Metrics.labels`; None for a class that does not occur in truth."""

    method: str
    """`lac` or `aps`, as in `emozoo.inference.calibration`."""
    asked: float
    """The coverage that was asked for."""
    coverage: float
    """The share of clips whose set holds the true label."""
    coverage_interval: tuple[float, float]
    """As `Confidence.calibration_error_interval`."""
    size: float
    """Labels in a set, on average."""
    class_coverage: tuple[float | None, ...]
    class_size: tuple[float | None, ...]


@dataclass(frozen=True)
class Score:
    """One number of a result."""

    name: str
    kind: str
    """As the Hub calls such a metric."""
    value: float | None
    """None where it is undefined."""
    interval: Interval | None = None
    average: str = ""
    """`macro` or `micro`, where it is a mean."""
    share: bool = True
    """Whether it is written in per cent."""


@dataclass(frozen=True, kw_only=True)
class DimensionMetrics:
    """What the values of a dimension are worth, as `emozoo.evaluation.dimensions` defines them; None where undefined."""

    name: str
    count: int
    """Clips with a rating."""
    ccc: float | None
    ccc_interval: Interval | None
    """95 % percentile bootstrap, as the others: over speakers or clips, as `Metrics.interval_over`."""
    pearson: float | None
    pearson_interval: Interval | None
    mae: float
    """In units of the corpus' ratings."""
    mae_interval: Interval | None
    span: float
    """The highest rating less the lowest."""
    per_speaker: tuple[SpeakerSums, ...] = ()
    asked: float | None = None
    """The coverage that was asked of the intervals of a calibrated model."""
    covered: float | None = None
    """The share of clips whose rating lies in the interval."""
    width: float | None = None
    """Of an interval, on average, in units of the ratings."""


@dataclass(frozen=True)
class DimensionSpread:
    """The CCC of a dimension over the folds in which it is defined."""

    name: str
    ccc_mean: float | None
    ccc_std: float | None
    folds: int


@dataclass(frozen=True)
class ScoreSpread:
    """A score of votes or of several labels, over the folds in which it is defined."""

    name: str
    """As the field of `VoteMetrics` or `SeveralMetrics`."""
    mean: float | None
    std: float | None
    folds: int


@dataclass(frozen=True, kw_only=True)
class VoteMetrics:
    """What distributions over words are worth against the votes of raters. Shares are 0..1."""

    count: int
    divergence: float
    """Mean Jensen-Shannon divergence, in bits, 0 (equal) to 1."""
    divergence_interval: Interval | None
    any_rater: float
    """The share of clips whose most probable word a rater said."""
    any_rater_interval: Interval | None
    human_accuracy: float | None
    """A rater against the majority of the clip's other raters: the ceiling of WA. None where each clip has one rater."""
    human_accuracy_interval: Interval | None
    human_any_rater: float | None
    """The share of raters whose word another rater of the clip said: the ceiling of `any_rater`."""
    human_any_rater_interval: Interval | None
    per_speaker: tuple[SpeakerSums, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SeveralMetrics:
    """What predictions of several labels a clip are worth. Shares are 0..1."""

    labels: tuple[str, ...]
    count: int
    macro_f1: float | None
    macro_f1_interval: Interval | None
    micro_f1: float | None
    micro_f1_interval: Interval | None
    exact: float
    """The share of clips with all labels right."""
    exact_interval: Interval | None
    f1: tuple[float | None, ...]
    """Of each label; None for one that neither occurs nor is predicted."""
    per_speaker: tuple[SpeakerSums, ...] = ()


@dataclass(frozen=True)
class Metrics:
    """What a set of predictions is worth. Shares are 0..1; a tuple per class follows the order of `labels`. Without
    `labels`, which are the words of one-word answers, only `count`, `interval_over` and what else was
    measured mean something."""

    labels: tuple[str, ...] = ()
    confusion: Matrix = ()
    """[true][predicted], in clips."""
    count: int = 0
    """Clips that were answered and have a label; without `labels`, that were answered."""
    wa: float = 0.0
    ua: float = 0.0
    macro_f1: float = 0.0
    recall: tuple[float | None, ...] = ()
    """None for a class that does not occur in truth."""
    precision: tuple[float | None, ...] = ()
    """None for a class that is never predicted."""
    f1: tuple[float | None, ...] = ()
    """None for a class that neither occurs nor is predicted."""
    wa_interval: Interval = (0.0, 0.0)
    """95 % percentile bootstrap, as `ua_interval`; 2,000 resamples of what `interval_over` names."""
    ua_interval: Interval = (0.0, 0.0)
    interval_over: str = "clips"
    """`speakers`, or `clips` where fewer than two speakers are known: then it tells nothing of other speakers."""
    per_speaker: tuple[SpeakerMetrics, ...] = ()
    """Sorted by speaker; clips of an unknown speaker are left out."""
    confidence: Confidence | None = None
    """None for several folds together, and where an older emozoo measured."""
    sets: tuple[SetMetrics, ...] = ()
    """One for each method; none for a model that is not calibrated."""
    dimensions: tuple[DimensionMetrics, ...] = ()
    votes: VoteMetrics | None = None
    several: SeveralMetrics | None = None
    answered: int | None = None
    """Clips that were answered, with a label or without; None where an older emozoo measured."""

    @property
    def scores(self) -> tuple[Score, ...]:
        """Its main numbers."""
        found: list[Score] = []
        if self.labels:
            found += [
                Score("WA", "accuracy", self.wa, self.wa_interval),
                Score("UA", "recall", self.ua, self.ua_interval, "macro"),
                Score("macro F1", "f1", self.macro_f1, None, "macro"),
            ]
        if votes := self.votes:
            divergence = votes.divergence, votes.divergence_interval
            found += [
                Score("Jensen-Shannon divergence", "jensen-shannon", *divergence, share=False),
                Score("a rater's word", "any-rater-accuracy", votes.any_rater, votes.any_rater_interval),
            ]
        if several := self.several:
            found += [
                Score("macro F1", "f1", several.macro_f1, several.macro_f1_interval, "macro"),
                Score("micro F1", "f1", several.micro_f1, several.micro_f1_interval, "micro"),
            ]
        for each in self.dimensions:
            found += [
                Score(f"CCC of {each.name}", "ccc", each.ccc, each.ccc_interval, share=False),
                Score(f"Pearson's r of {each.name}", "pearsonr", each.pearson, each.pearson_interval, share=False),
                Score(f"mean absolute error of {each.name}", "mae", each.mae, each.mae_interval, share=False),
            ]
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """As `metrics.json` holds it: without what means nothing."""
        document = dataclasses.asdict(self)
        left_out = () if self.labels else WORD_FIELDS
        extra = [name for name in ("dimensions", "votes", "several", "answered") if not document[name]]
        for dimension in document["dimensions"]:
            for name in ("asked", "covered", "width"):
                if dimension[name] is None:
                    del dimension[name]
        return {name: value for name, value in document.items() if name not in (*left_out, *extra)}

    def _repr_html_(self) -> str:
        from emozoo.checkpoint.notebook import metrics_html

        return metrics_html(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Metrics:
        """From `to_dict`'s document, also after its way through JSON. Raises ValueError for another."""
        return from_json(cls, document)


WORD_FIELDS = (
    "labels", "confusion", "wa", "ua", "macro_f1", "recall", "precision", "f1", "wa_interval", "ua_interval", "per_speaker",
    "confidence", "sets",
)  # fmt: skip
"""Fields of `Metrics` that are of one-word answers."""


OTHERS = {
    "divergence": ("Jensen-Shannon divergence", False),
    "any_rater": ("a rater's word", True),
    "macro_f1": ("macro F1", True),
    "micro_f1": ("micro F1", True),
}
"""What `Score` calls each `ScoreSpread`, and whether it is written in per cent."""


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of a score over the folds in which it is defined; None where it is in none."""

    name: str
    """As of `Score`."""
    mean: float | None
    std: float | None
    share: bool = True
    """Whether it is written in per cent."""


@dataclass(frozen=True)
class Summary:
    """Several folds together: all their clips pooled, and mean and sample standard deviation (0 for one) over folds."""

    folds: int
    pooled: Metrics
    wa_mean: float = 0.0
    wa_std: float = 0.0
    ua_mean: float = 0.0
    ua_std: float = 0.0
    macro_f1_mean: float = 0.0
    macro_f1_std: float = 0.0
    note: str = ""
    """What a reader of the figures must know, such as that they are speaker-dependent; "" for nothing."""
    dimensions: tuple[DimensionSpread, ...] = ()
    others: tuple[ScoreSpread, ...] = ()
    """Of votes and of several labels."""
    groups: tuple[Grouping, ...] = ()
    """Groups of all clips pooled, where they are known."""

    @property
    def spreads(self) -> tuple[Spread, ...]:
        """The mean of each main score over the folds."""
        found = []
        if self.pooled.labels:
            found += [
                Spread("WA", self.wa_mean, self.wa_std),
                Spread("UA", self.ua_mean, self.ua_std),
                Spread("macro F1", self.macro_f1_mean, self.macro_f1_std),
            ]
        for other in self.others:
            name, share = OTHERS.get(other.name, (other.name, False))
            found.append(Spread(name, other.mean, other.std, share))
        found += [Spread(f"CCC of {each.name}", each.ccc_mean, each.ccc_std, False) for each in self.dimensions]
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able: without what means nothing."""
        groups = [each.to_dict() for each in self.groups]
        document = {**dataclasses.asdict(self), "pooled": self.pooled.to_dict(), "groups": groups}
        left_out = [] if self.pooled.labels else [name for name in document if name.endswith(("_mean", "_std"))]
        left_out += [name for name in ("dimensions", "others", "groups") if not document[name]]
        return {name: value for name, value in document.items() if name not in left_out}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Summary:
        """From `to_dict`'s document, also after its way through JSON. Raises ValueError for another."""
        return from_json(cls, document)
