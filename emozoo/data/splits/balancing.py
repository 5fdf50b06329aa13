"""Units of clips, such as speakers, are assigned to the parts of a split, balanced in clips and classes.

`balance` is for where only balance counts. `balance_steadily` also keeps most units in their part when one comes or goes, so
that results on a growing corpus stay comparable. A unit is described by its number of clips of each class.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

WORTH = 0.06
"""The gain for which `balance_steadily` moves a unit, as a fraction of a unit's average part of the sum of squares that
perfectly equal parts would have."""
SWAPPED = 500
"""With more units, `balance_steadily` moves single ones only: there is always one of the right size."""


def balance(counts: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """The part of each unit, int [units], for its clips of each class, int [units, classes]. With at least `parts` units,
    no part is empty.

    Units go in order of size, largest first, in random order among similar sizes (a quarter of an octave). Each goes to
    the part that has least of its classes. This keeps the sum of squares of the parts' shares of all classes low.
    """
    shares = _shares(counts)
    held = np.zeros((parts, shares.shape[1]))
    part_of = np.zeros(len(counts), dtype=int)
    rank = -np.rint(4 * np.log2(counts.sum(axis=1)))
    for unit in sorted(rng.permutation(len(counts)), key=rank.__getitem__):
        part_of[unit] = np.argmin(held @ shares[unit])
        held[part_of[unit]] += shares[unit]
    return part_of


def balance_steadily(counts: np.ndarray, names: Sequence[str], parts: int, seed: int) -> np.ndarray:
    """As `balance`, but by the units' names, so that a unit's part hardly depends on which others there are.

    Each unit first goes to the part for which the hash of the two is highest (rendezvous hashing, Thaler and Ravishankar
    1998), whatever the others do. Then the best move of one unit, or swap of two, is made while it lowers the sum of
    squares by `WORTH`.
    """
    order = sorted(range(len(names)), key=lambda unit: names[unit])
    shares = _shares(counts)[order]
    part_of = np.array([max(range(parts), key=lambda part: hashed(seed, part, names[unit])) for unit in order])
    held = np.zeros((parts, shares.shape[1]))
    np.add.at(held, part_of, shares)
    overlap = shares @ shares.T if len(order) <= SWAPPED else None
    worth = WORTH * shares.shape[1] / parts / len(order)
    while True:
        gain, changes = _best_change(shares, held, part_of, overlap)
        if gain < worth:
            break
        for unit, part in changes.items():
            held[part_of[unit]] -= shares[unit]
            held[part] += shares[unit]
            part_of[unit] = part
    result = np.empty_like(part_of)
    result[order] = _filled(part_of, shares, parts)
    return result


def _best_change(
    shares: np.ndarray, held: np.ndarray, part_of: np.ndarray, overlap: np.ndarray | None
) -> tuple[float, dict[int, int]]:
    """By how much the best move, or with `overlap` the best swap, lowers the sum of squares; and the new parts of units."""
    units = np.arange(len(shares))
    square = (shares**2).sum(axis=1)
    common = shares @ held.T  # [units, parts]
    own = common[units, part_of]
    moves = 2 * ((own - square)[:, None] - common)
    moves[units, part_of] = 0
    unit, part = (int(number) for number in np.unravel_index(np.argmax(moves), moves.shape))
    gain = moves[unit, part]
    if overlap is None:
        return gain, {unit: part}
    there = common[:, part_of]
    swaps = 2 * (own[:, None] + own - there - there.T - square[:, None] - square + 2 * overlap)
    swaps[part_of[:, None] == part_of] = 0
    one, other = (int(number) for number in np.unravel_index(np.argmax(swaps), swaps.shape))
    if swaps[one, other] > gain:
        return swaps[one, other], {one: int(part_of[other]), other: int(part_of[one])}
    return gain, {unit: part}


def _filled(part_of: np.ndarray, shares: np.ndarray, parts: int) -> np.ndarray:
    """Each empty part gets the smallest unit of the fullest one."""
    for empty in sorted(set(range(parts)) - set(part_of.tolist())):
        fullest = np.argmax(np.bincount(part_of, minlength=parts))
        units = np.flatnonzero(part_of == fullest)
        part_of[units[np.argmin(shares[units].sum(axis=1))]] = empty
    return part_of


def _shares(counts: np.ndarray) -> np.ndarray:
    """float [units, classes + 1]: each unit's share of the clips of each class, and of all clips."""
    counts = np.column_stack([counts, counts.sum(axis=1)])
    return counts / np.maximum(counts.sum(axis=0), 1)


def hashed(seed: int, part: int, name: str) -> bytes:
    """What a name's place in an order is by, that no other name changes."""
    return hashlib.blake2b(f"{seed}\0{part}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
