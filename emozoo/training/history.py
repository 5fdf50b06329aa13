"""What an epoch gave: a record for the history in metrics.json, for the resume file and for progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DevScores:
    """What the dev split gave; WA and UA are shares, 0..1."""

    loss: float
    """Cross entropy, in nats."""
    wa: float
    ua: float

    def to_dict(self) -> dict[str, float]:
        return {"dev_loss": self.loss, "dev_wa": self.wa, "dev_ua": self.ua}


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
        """Higher for a better epoch: by UA on the dev split, then by loss there; without a dev split, for a later one."""
        return (self.dev.ua, -self.dev.loss) if self.dev else (0.0, float(self.epoch))

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
            dev = DevScores(*(float(document[name]) for name in ("dev_loss", "dev_wa", "dev_ua")))
        numbers = {name: float(document[name]) for name in ("loss", "learning_rate", "seconds")}
        return cls(epoch=int(document["epoch"]), pretraining=bool(document["pretraining"]), **numbers, dev=dev)
