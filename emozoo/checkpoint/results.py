"""What was measured, as metrics.json and summary.json hold it. How it is worked out is in `emozoo.evaluation.metrics`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
class Metrics:
    """What a set of predictions is worth. Shares are 0..1; a tuple per class follows the order of `labels`."""

    labels: tuple[str, ...]
    confusion: Matrix
    """[true][predicted], in clips."""
    count: int
    wa: float
    ua: float
    macro_f1: float
    recall: tuple[float | None, ...]
    """None for a class that does not occur in truth."""
    precision: tuple[float | None, ...]
    """None for a class that is never predicted."""
    f1: tuple[float | None, ...]
    """None for a class that neither occurs nor is predicted."""
    wa_interval: tuple[float, float]
    """95 % percentile bootstrap, as `ua_interval`; 2,000 resamples of what `interval_over` names."""
    ua_interval: tuple[float, float]
    interval_over: str
    """`speakers`, or `clips` where fewer than two speakers are known: then it tells nothing of other speakers."""
    per_speaker: tuple[SpeakerMetrics, ...]
    """Sorted by speaker; clips of an unknown speaker are left out."""
    confidence: Confidence | None = None
    """None for several folds together, and where an older emozoo measured."""
    sets: tuple[SetMetrics, ...] = ()
    """One for each method; none for a model that is not calibrated."""

    def to_dict(self) -> dict[str, Any]:
        """As `metrics.json` holds it."""
        return dataclasses.asdict(self)

    def _repr_html_(self) -> str:
        from emozoo.checkpoint.notebook import metrics_html

        return metrics_html(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Metrics:
        """From `to_dict`'s document, also after its way through JSON. Raises ValueError for another."""
        return from_json(cls, document)


@dataclass(frozen=True)
class Summary:
    """Several folds together: all their clips pooled, and mean and sample standard deviation (0 for one) over folds."""

    folds: int
    pooled: Metrics
    wa_mean: float
    wa_std: float
    ua_mean: float
    ua_std: float
    macro_f1_mean: float
    macro_f1_std: float
    note: str = ""
    """What a reader of the figures must know, such as that they are speaker-dependent; "" for nothing."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Summary:
        """From `to_dict`'s document, also after its way through JSON. Raises ValueError for another."""
        return from_json(cls, document)
