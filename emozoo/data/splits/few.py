"""Few training speakers: how a network does with fewer than there are, on the same dev and test clips."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

from emozoo.data.splits.balancing import hashed
from emozoo.data.splits.fold import Fold
from emozoo.errors import EmozooError

CANDIDATES = 3
"""Speakers of whom the one is taken that suits the classes best: the next ones in an order that the seed decides."""


def with_few_speakers(
    fold: Fold,
    count: int,
    *,
    speakers: Sequence[str],
    genders: Sequence[str],
    classes: Sequence[str],
    needed: Collection[str],
    seed: int,
) -> Fold:
    """The fold with `count` of its training speakers, and the same dev and test clips. `speakers`, `genders` and `classes`
    are those of each row, "" where unknown.

    Genders, and as far as possible classes, are in the shares that they have among all. With the same seed, fewer speakers
    are among more, so that results are points of one curve. A class of `needed` that these speakers do not say is the fold's
    problem. Raises EmozooError for more speakers than there are, and for clips whose speaker is unknown."""
    if fold.problem and not fold.train:
        return fold
    if unknown := sum(not speakers[row] for row in fold.train):
        raise EmozooError(
            f"--train-speakers {count}: the speakers of {unknown} of the {len(fold.train)} training clips of fold "
            f"{fold.number} are unknown: fill the column speaker, or leave the option out"
        )
    own: dict[str, Counter[str]] = {}
    gender: dict[str, str] = {}
    for row in fold.train:
        own.setdefault(speakers[row], Counter())[classes[row]] += 1
        gender[speakers[row]] = genders[row]
    if count > len(own):
        raise EmozooError(
            f"--train-speakers {count}: fold {fold.number} has {len(own)} training speakers, so take {len(own)} or fewer"
        )
    kept = set(_in_order(own, gender, seed)[:count])
    train = tuple(row for row in fold.train if speakers[row] in kept)
    problem = fold.problem
    if lacking := sorted({*needed} & {classes[row] for row in fold.train} - {classes[row] for row in train}):
        problem = problem or (
            f"fold {fold.number}: the {count} training speakers have no clip of class {lacking[0]!r}; take more "
            "--train-speakers, or leave the class out with --labels"
        )
    return replace(fold, train=train, problem=problem, kept_speakers=count, all_speakers=len(own))


def _in_order(own: dict[str, Counter[str]], gender: dict[str, str], seed: int) -> list[str]:
    """All speakers, so that the first of them, however many, are like all in gender and classes."""
    waiting = sorted(own, key=lambda name: hashed(seed, 0, name))
    total = sum(own.values(), Counter())
    of_gender = Counter(gender.values())
    taken: Counter[str] = Counter()
    held: Counter[str] = Counter()
    order: list[str] = []
    while waiting:
        due = max(
            {gender[name] for name in waiting},
            key=lambda one: (of_gender[one] / (taken[one] + 1), hashed(seed, 1, one)),
        )
        candidates = [name for name in waiting if gender[name] == due]
        ranked = [(_unlike(held + own[name], total), name) for name in candidates]
        fewest = min(missing for (missing, _), _ in ranked)
        fit = [(far, name) for (missing, far), name in ranked if missing == fewest][:CANDIDATES]
        _, chosen = min(fit)
        waiting.remove(chosen)
        order.append(chosen)
        taken[due] += 1
        held += own[chosen]
    return order


def _unlike(counts: Counter[str], total: Counter[str]) -> tuple[int, float]:
    """How many classes of all clips are missing among some, and how far the shares of the others are from those of all."""
    size, whole = sum(counts.values()), sum(total.values())
    far = sum((counts[one] / size - total[one] / whole) ** 2 for one in total)
    return sum(not counts[one] for one in total), far
