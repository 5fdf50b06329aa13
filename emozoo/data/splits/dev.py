"""The dev split, which is split off train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.data.splits.units import Rows, Unit, within

DEV_PARTS = 5
"""The dev split is about one part in this many of the training clips."""


@dataclass(frozen=True)
class _Rest:
    """All rows but a test split's."""

    train: Unit
    dev: Unit
    by_clips: bool = False
    """Whether dev was split off by clips, not by whole speakers."""
    problem: str = ""
    """As in `Fold`."""


def split_off_dev(
    rows: Rows, fold: str, test: Unit, speakers: list[Unit], copies: list[Unit], seed: list[int]
) -> _Rest:
    """All rows but `test`, as train and dev."""
    training = set(range(len(rows))).difference(test)
    if problem := missing_class(rows, fold, sorted(training)):
        return _Rest([], [], problem=problem)
    by_speaker, by_clip = (within(units, training) for units in (speakers, copies))
    rng = np.random.default_rng(seed)
    dev = _pick_dev(rows, by_speaker, rng)
    by_clips = dev is None and len(by_speaker) < 3
    if by_clips:
        dev = _pick_dev(rows, by_clip, rng)
    if dev is not None:
        return _Rest(sorted(training.difference(dev)), dev, by_clips)
    units = by_clip if by_clips else by_speaker
    holders = np.where(rows.needed, sum(rows.counts(unit) > 0 for unit in units), len(units) + 1)
    word = rows.classes[int(np.argmin(holders))]
    problem = (
        f"fold {fold}: only one {'clip' if by_clips else 'speaker'} of class {word!r} is left for both train and dev; "
        "leave the class out with --labels, merge it into another with --merge, or train without a dev split by --no-dev"
    )
    return _Rest(sorted(training), [], by_clips, problem)


def _pick_dev(rows: Rows, units: list[Unit], rng: np.random.Generator) -> Unit | None:
    """About a fifth of the units' clips, in whole units, that leaves every class in the rest; None: not possible."""
    if len(units) < 2:
        return None
    total = sum(rows.counts(unit) for unit in units)
    # A part can be split off only if each of its units can: if no unit can, no part can.
    parts = [part for part in rows.balanced(units, min(DEV_PARTS, len(units)), rng) if _leaves_all(rows, total, part)]
    parts = parts or [unit for unit in units if _leaves_all(rows, total, unit)]
    if not parts:
        return None

    def unfit(part: Unit) -> tuple[float, int]:
        """By what factor the size is outside half to twice a fifth, then how many classes are missing."""
        share = len(part) / int(np.sum(total)) * DEV_PARTS
        return max(1.0, share / 2, 0.5 / share), int(np.sum(rows.counts(part) == 0))

    best = min(map(unfit, parts))
    fit = [part for part in parts if unfit(part) == best]
    return fit[int(rng.integers(len(fit)))]


def _leaves_all(rows: Rows, total: Any, part: Unit) -> bool:
    """Whether every class that training needs has a clip in the rest."""
    return bool(np.all((total > rows.counts(part))[rows.needed]))


def missing_class(rows: Rows, fold: str, train: Sequence[int]) -> str:
    """The problem if a class that training needs has no clip in `train`; else ""."""
    counts = np.where(rows.needed, rows.counts(train), 1)
    if counts.all():
        return ""
    return (
        f"fold {fold}: no clip of class {rows.classes[int(np.argmin(counts))]!r} is left for train; "
        "leave the class out with --labels, merge it into another with --merge, or take another --fold or --protocol"
    )
