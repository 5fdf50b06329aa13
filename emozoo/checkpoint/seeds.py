"""What a run over several random seeds gave, as its summary.json holds it. `emozoo.training.seeds` trains it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from emozoo.checkpoint.results import Summary
from emozoo.hints import from_json


@dataclass(frozen=True)
class SeedSpread:
    """A score over the seeds for which it is defined; of each seed, it is the mean over its folds."""

    name: str
    """`wa`, `ua`, `macro_f1`, `ccc of DIMENSION`, or that of a `ScoreSpread`."""
    mean: float | None
    std: float | None
    """Sample standard deviation; 0 for one seed."""
    seeds: int


@dataclass(frozen=True)
class SeedsSummary:
    """The runs of several seeds on the same folds. Clips are pooled for each seed alone, never over seeds."""

    seeds: tuple[int, ...]
    split_seed: int
    each: tuple[Summary, ...]
    """In the order of `seeds`."""
    over_seeds: tuple[SeedSpread, ...]

    @property
    def folds(self) -> int:
        """How many each seed was trained on."""
        return self.each[0].folds

    @property
    def runs(self) -> tuple[str, ...]:
        """The folder of each seed."""
        return tuple(map(folder_of_seed, self.seeds))

    @property
    def words(self) -> str:
        """What the scores over seeds are."""
        own = f"its mean over {self.folds} folds" if self.folds > 1 else "that of its fold"
        return f"mean and standard deviation over {len(self.seeds)} seeds; the score of each seed is {own}"

    @property
    def note(self) -> str:
        return "; ".join(dict.fromkeys(one.note for one in self.each if one.note))

    def to_dict(self) -> dict[str, Any]:
        """As summary.json and `emozoo train --seeds --json` have it."""
        return {
            "seeds": list(self.seeds),
            "split_seed": self.split_seed,
            "words": self.words,
            "over_seeds": [asdict(spread) for spread in self.over_seeds],
            "by_seed": [
                {"seed": seed, "run": run, **one.to_dict()}
                for seed, run, one in zip(self.seeds, self.runs, self.each, strict=True)
            ],
            "note": self.note,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SeedsSummary:
        """From `to_dict`'s document, also after its way through JSON. Raises ValueError for another."""
        found = from_json(cls, {**document, "each": document.get("by_seed")})
        if not found.seeds or len(found.seeds) != len(found.each):
            raise ValueError("it does not hold the results of each seed")
        return found


def folder_of_seed(seed: int) -> str:
    """The name of a seed's own run in the folder of all."""
    return f"seed{seed}"
