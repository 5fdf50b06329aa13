"""What a workflow reports while it runs. The command line shows it; this class ignores it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Metrics
    from emozoo.data.splits.fold import Fold
    from emozoo.training.history import EpochRecord
    from emozoo.training.tuning.trials import Trial, Tuning


class Progress:
    """Override the methods for what you want to know."""

    def message(self, text: str) -> None:
        """Something to know once."""

    def fold(self, fold: Fold, of: int) -> None:
        """A fold begins; `of` is how many there are."""

    def step(self, epoch: int, done: int, total: int) -> None:
        """`done` of the `total` steps of an epoch (from 1) are over."""

    def epoch(self, record: EpochRecord, total: int, is_best: bool) -> None:
        """An epoch of `total` is over."""

    def trial(self, trial: Trial, study: Tuning) -> None:
        """A trial of a study is over; `study` has all that are known."""

    def result(self, fold: Fold, metrics: Metrics) -> None:
        """A fold is finished; `metrics` are its test split's."""
