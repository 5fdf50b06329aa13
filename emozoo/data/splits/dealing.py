"""How units of clips, such as speakers, are dealt to the parts of a split: alike in clips and classes.

`deal` serves where only balance counts. `deal_steadily` also leaves most units where they are when one comes or goes, so
that results on a corpus that grows stay comparable. Units are known here by the clips of each class that they bring.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

WORTH = 0.06
"""`deal_steadily` moves no unit for less: in shares of what a unit has, on average, of the sum of squares that parts of
equal shares would have."""
SWAPPED = 500
"""Of more units, `deal_steadily` only moves single ones: there is always one of the right size."""


def deal(counts: np.ndarray, parts: int, rng: np.random.Generator) -> np.ndarray:
    """The part of each unit, int [units], for its clips of each class, int [units, classes]. With at least `parts` units,
    no part is empty.

    Large units first, in a random order where sizes are alike (quarters of an octave), each goes to the part that has
    least of what it brings: this keeps the sum of squares of the parts' shares, of each class and of all, low.
    """
    shares = _shares(counts)
    held = np.zeros((parts, shares.shape[1]))
    dealt = np.zeros(len(counts), dtype=int)
    rank = -np.rint(4 * np.log2(counts.sum(axis=1)))
    for unit in sorted(rng.permutation(len(counts)), key=rank.__getitem__):
        dealt[unit] = np.argmin(held @ shares[unit])
        held[dealt[unit]] += shares[unit]
    return dealt


def deal_steadily(counts: np.ndarray, names: Sequence[str], parts: int, seed: int) -> np.ndarray:
    """As `deal`, but by the units' names, so that it hardly depends on which others there are.

    Each unit first goes where the hash of its name and the part's number is highest (rendezvous hashing, Thaler and
    Ravishankar 1998), which nobody else changes. Then, while it lowers the sum of squares by `WORTH`, the best move of one
    unit, or exchange of two, is made.
    """
    order = sorted(range(len(names)), key=lambda unit: names[unit])
    shares = _shares(counts)[order]
    units = np.arange(len(order))
    dealt = np.array([max(range(parts), key=lambda part: _hash(seed, part, names[unit])) for unit in order])
    held = np.zeros((parts, shares.shape[1]))
    np.add.at(held, dealt, shares)
    alike = shares @ shares.T if len(order) <= SWAPPED else None
    square = (shares**2).sum(axis=1)
    worth = WORTH * shares.shape[1] / parts / len(order)
    while True:
        meets = shares @ held.T  # [units, parts]
        own = meets[units, dealt]
        moves = 2 * ((own - square)[:, None] - meets)  # by how much the sum of squares falls
        moves[units, dealt] = 0
        unit, part = np.unravel_index(np.argmax(moves), moves.shape)
        gain, changes = moves[unit, part], {unit: part}
        if alike is not None:
            there = meets[:, dealt]
            swaps = 2 * (own[:, None] + own - there - there.T - square[:, None] - square + 2 * alike)
            swaps[dealt[:, None] == dealt] = 0
            one, other = np.unravel_index(np.argmax(swaps), swaps.shape)
            if swaps[one, other] > gain:
                gain, changes = swaps[one, other], {one: dealt[other], other: dealt[one]}
        if gain < worth:
            break
        for unit, part in changes.items():
            held[dealt[unit]] -= shares[unit]
            held[part] += shares[unit]
            dealt[unit] = part
    result = np.empty_like(dealt)
    result[order] = dealt
    return _filled(result, shares[np.argsort(order)], parts)


def _filled(dealt: np.ndarray, shares: np.ndarray, parts: int) -> np.ndarray:
    """With the least unit of the fullest part in each part that is empty."""
    for empty in sorted(set(range(parts)) - set(dealt.tolist())):
        fullest = np.argmax(np.bincount(dealt, minlength=parts))
        units = np.flatnonzero(dealt == fullest)
        dealt[units[np.argmin(shares[units].sum(axis=1))]] = empty
    return dealt


def _shares(counts: np.ndarray) -> np.ndarray:
    """float [units, classes + 1]: what each has of all clips of a class, and of all clips."""
    counts = np.column_stack([counts, counts.sum(axis=1)])
    return counts / np.maximum(counts.sum(axis=0), 1)


def _hash(seed: int, part: int, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{part}\0{name}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
