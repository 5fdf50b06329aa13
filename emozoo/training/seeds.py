"""Trains the same folds with several random seeds, and says how far the results depend on the seed."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from emozoo.checkpoint.results import Summary
from emozoo.checkpoint.run import RunOptions
from emozoo.checkpoint.seeds import SeedSpread, SeedsSummary, folder_of_seed
from emozoo.evaluation.sums import mean_and_deviation
from emozoo.filenames import SUMMARY
from emozoo.paths import user_path, write_text
from emozoo.training.claim import claimed, join
from emozoo.training.folds import with_digest
from emozoo.training.processes import from_main, joined
from emozoo.training.progress import Progress
from emozoo.training.sharing import shared_out
from emozoo.training.trackers import LogTo
from emozoo.training.train import train


def train_seeds(
    options: RunOptions,
    folder: str | os.PathLike[str],
    *,
    device: str = "auto",
    resume: bool = False,
    progress: Progress | None = None,
    log_to: LogTo | None = None,
    shared: bool = False,
) -> SeedsSummary:
    """Trains with each of `options.seeds` into `folder/seed0`, ..., each a run as `train` makes it.

    All have the folds of `options.split_seed`, by default of the first seed. With `resume`, finished seeds are kept.
    `shared`, and the errors, are as with `train`.
    """
    options.check()
    options = with_digest(options, resume)
    seeds = options.seeds or (options.seed,)
    progress = progress or Progress()
    split_seed = seeds[0] if options.split_seed is None else options.split_seed
    place = user_path(folder)
    log_to = replace(log_to or LogTo(), root=place)
    writes = joined(device).is_main_process

    def trained(seed: int) -> Summary:
        progress.message(f"seed {seed}, {seeds.index(seed) + 1} of {len(seeds)}")
        own = replace(options, seeds=None, seed=seed, split_seed=split_seed)
        run = Path(folder, folder_of_seed(seed))
        return train(own, run, device=device, resume=resume, progress=progress, log_to=log_to, shared=shared)

    if shared:
        join(place, str(folder), options)
    with ExitStack() as held:
        if not shared:
            from_main(lambda: held.enter_context(claimed(place, str(folder), options, resume)))
        each = shared_out(seeds, trained) if shared else [trained(seed) for seed in seeds]
        summary = SeedsSummary(tuple(seeds), split_seed, tuple(each), over_seeds(each))
        if writes:
            write_text(place / SUMMARY, json.dumps(summary.to_dict(), indent=2, ensure_ascii=False) + "\n")
    return summary


def over_seeds(each: Sequence[Summary]) -> tuple[SeedSpread, ...]:
    """The scores of the summaries of several seeds, over these."""
    found = []
    if each[0].pooled.labels:
        for name in ("wa", "ua", "macro_f1"):
            found.append(_spread(name, [getattr(one, f"{name}_mean") for one in each]))
    for place, score in enumerate(each[0].others):
        found.append(_spread(score.name, [one.others[place].mean for one in each]))
    for place, dimension in enumerate(each[0].dimensions):
        found.append(_spread(f"ccc of {dimension.name}", [one.dimensions[place].ccc_mean for one in each]))
    return tuple(found)


def _spread(name: str, values: Sequence[float | None]) -> SeedSpread:
    return SeedSpread(name, *mean_and_deviation(values))
