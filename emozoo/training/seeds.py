"""Trains the same folds with several random seeds, and says how far the results depend on the seed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.results import Summary
from emozoo.checkpoint.run import RunOptions
from emozoo.evaluation.sums import mean_and_deviation
from emozoo.filenames import SUMMARY
from emozoo.paths import user_path, write_text
from emozoo.training.claim import claimed
from emozoo.training.progress import Progress
from emozoo.training.trackers import LogTo
from emozoo.training.train import train


@dataclass(frozen=True)
class SeedSpread:
    """A score over the seeds for which it is defined; of each seed, it is the mean over its folds."""

    name: str
    """`wa`, `ua`, `macro_f1`, or `ccc of DIMENSION`."""
    mean: float | None
    std: float | None
    """Sample standard deviation; 0 for one seed."""
    seeds: int

    @classmethod
    def of(cls, name: str, values: Sequence[float | None]) -> SeedSpread:
        return cls(name, *mean_and_deviation(values))


@dataclass(frozen=True)
class SeedsSummary:
    """The runs of several seeds on the same folds. Clips are pooled for each seed alone, never over seeds."""

    seeds: tuple[int, ...]
    split_seed: int
    each: tuple[Summary, ...]
    """In the order of `seeds`."""

    @property
    def folds(self) -> int:
        """How many each seed was trained on."""
        return self.each[0].folds

    @property
    def words(self) -> str:
        """What the scores over seeds are."""
        own = f"its mean over {self.folds} folds" if self.folds > 1 else "that of its fold"
        return f"mean and standard deviation over {len(self.seeds)} seeds; the score of each seed is {own}"

    @property
    def over_seeds(self) -> tuple[SeedSpread, ...]:
        found = []
        if self.each[0].pooled.labels:
            for name in ("wa", "ua", "macro_f1"):
                found.append(SeedSpread.of(name, [getattr(one, f"{name}_mean") for one in self.each]))
        for place, dimension in enumerate(self.each[0].dimensions):
            values = [one.dimensions[place].ccc_mean for one in self.each]
            found.append(SeedSpread.of(f"ccc of {dimension.name}", values))
        return tuple(found)

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
                {"seed": seed, "run": folder_of_seed(seed), **one.to_dict()}
                for seed, one in zip(self.seeds, self.each, strict=True)
            ],
            "note": self.note,
        }


def read_seeds(folder: Path, options: RunOptions) -> SeedsSummary | None:
    """What a finished run over the seeds of `options` gave; None where it is not finished, or the file is none of these."""
    try:
        document = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        seeds, split_seed, by_seed = document["seeds"], document["split_seed"], document["by_seed"]
        own = ({name: value for name, value in one.items() if name not in ("seed", "run")} for one in by_seed)
        found = SeedsSummary(tuple(seeds), split_seed, tuple(map(Summary.from_dict, own)))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return found if found.seeds == options.seeds and len(found.each) == len(found.seeds) else None


def folder_of_seed(seed: int) -> str:
    """The name of a seed's own run in the folder of all."""
    return f"seed{seed}"


def train_seeds(
    options: RunOptions,
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
    log_to: LogTo | None = None,
) -> SeedsSummary:
    """Trains with each of `options.seeds` into `folder/seed0`, ..., each a run as `train` makes it.

    All have the folds of `options.split_seed`, by default of the first seed. With `resume`, finished seeds are kept.
    Raises EmozooError as `train` does.
    """
    from accelerate import PartialState

    options.check()
    seeds = options.seeds or (options.seed,)
    progress = progress or Progress()
    split_seed = seeds[0] if options.split_seed is None else options.split_seed
    place = user_path(folder)
    log_to = replace(log_to or LogTo(), root=place)
    writes = PartialState(cpu=pick_device(device).type == "cpu").is_main_process
    with claimed(place, str(folder), options, resume) if writes else nullcontext():
        each = []
        for number, seed in enumerate(seeds, 1):
            progress.message(f"seed {seed}, {number} of {len(seeds)}")
            own = replace(options, seeds=None, seed=seed, split_seed=split_seed)
            run = Path(folder, folder_of_seed(seed))
            each.append(train(own, run, device=device, resume=resume, progress=progress, log_to=log_to))
        summary = SeedsSummary(tuple(seeds), split_seed, tuple(each))
        if writes:
            write_text(place / SUMMARY, json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
    return summary
