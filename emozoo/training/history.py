"""What an epoch gave: a record for the history in metrics.json, for the resume file and for progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class DevScores:
    """What the dev split gave; None where the target has no such score."""

    loss: float
    """Cross entropy of the words, in nats; 1 - CCC of the dimensions; the sum of both."""
    wa: float | None = None
    ua: float | None = None
    ccc: float | None = None
    """The mean over dimensions."""
    divergence: float | None = None
    """Of votes: mean Jensen-Shannon divergence, in bits."""
    macro_f1: float | None = None
    """Of several labels a clip."""

    @property
    def score(self) -> float:
        """What epochs are compared by: UA; of votes 1 - divergence; of several labels the macro F1; of dimensions the mean
        CCC; of words and dimensions the mean of the two."""
        words = self.ua if self.divergence is None else 1 - self.divergence
        words = self.macro_f1 if self.macro_f1 is not None else words
        found = [each for each in (words, self.ccc) if each is not None]
        return sum(found) / len(found) if found else 0.0

    def to_dict(self) -> dict[str, float]:
        return {f"dev_{name}": value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True)
class EpochRecord:
    """The numbers of one epoch."""

    epoch: int
    """From 1, pretraining included."""
    pretraining: bool
    loss: float
    """Mean training loss over batches."""
    learning_rate: float
    """That of the last batch."""
    seconds: float
    dev: DevScores | None = None
    """None without a dev split, and in pretraining."""

    @property
    def rank(self) -> tuple[float, float]:
        """Higher for a better epoch: by `DevScores.score`, then by loss; without a dev split, for a later one."""
        return (self.dev.score, -self.dev.loss) if self.dev else (0.0, float(self.epoch))

    def to_dict(self) -> dict[str, Any]:
        """As metrics.json holds it."""
        return {
            "epoch": self.epoch,
            "pretraining": self.pretraining,
            "loss": self.loss,
            "learning_rate": self.learning_rate,
            **(self.dev.to_dict() if self.dev else {}),
            "seconds": self.seconds,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> EpochRecord:
        """From `to_dict`'s document. Raises KeyError, TypeError or ValueError for another."""
        dev = None
        if "dev_loss" in document:
            known = {field.name: document.get(f"dev_{field.name}") for field in fields(DevScores)}
            dev = DevScores(**{name: float(value) for name, value in known.items() if value is not None})
        numbers = {name: float(document[name]) for name in ("loss", "learning_rate", "seconds")}
        return cls(epoch=int(document["epoch"]), pretraining=bool(document["pretraining"]), **numbers, dev=dev)
