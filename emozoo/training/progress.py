"""What a workflow tells while it runs. The command line draws it; here it goes nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emozoo.data.splits.protocols import Fold
    from emozoo.evaluation.metrics import Metrics


class Progress:
    """Override what you want to hear."""

    def message(self, text: str) -> None:
        """Something to know once."""

    def fold(self, fold: Fold, of: int) -> None:
        """A fold begins; `of` is how many there are."""

    def step(self, epoch: int, done: int, total: int) -> None:
        """`done` of the `total` steps of an epoch (from 1) are over."""

    def epoch(self, record: dict[str, Any], total: int, is_best: bool) -> None:
        """An epoch of `total` is over; `record` is its entry in the history."""

    def result(self, fold: Fold, metrics: Metrics) -> None:
        """A fold is finished; `metrics` are its test split's."""
