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
