"""Folds are alike in clips and classes, and adding or losing a speaker leaves most others where they are."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.data.splits.balancing import SWAPPED, balance, balance_steadily


def even(speakers: int = 24, classes: int = 8) -> np.ndarray:
    """Like RAVDESS: everybody says the same."""
    return np.full((speakers, classes), 8)


def uneven(speakers: int = 65, classes: int = 5) -> np.ndarray:
    """Like ASED: from 4 clips to 70 of a speaker, and not of everybody all classes."""
    rng = np.random.default_rng(0)
    size = np.exp(rng.uniform(np.log(4), np.log(70), speakers))
    shares = rng.dirichlet(np.full(classes, 2.0), speakers) * (rng.random((speakers, classes)) < 0.85)
    return np.maximum(
        np.rint(size[:, None] * shares).astype(int), np.eye(classes, dtype=int)[np.arange(speakers) % classes]
    )


def names(count: int) -> list[str]:
    return [f"speaker {number:02}" for number in range(count)]


def imbalance(counts: np.ndarray, parts_of: np.ndarray, parts: int) -> float:
    """How far the largest or smallest part is from an equal share of the clips."""
    sizes = np.array([counts[parts_of == part].sum() for part in range(parts)])
    return float(np.abs(sizes * parts / counts.sum() - 1).max())


def moved(counts: np.ndarray, parts: int, seed: int) -> float:
    """The mean share of the others that change their part when one speaker is lost (or, read backwards, joins)."""
    who = names(len(counts))
    all_ = balance_steadily(counts, who, parts, seed)
    shares = []
    for lost in range(len(counts)):
        rest = [number for number in range(len(counts)) if number != lost]
        shares.append(np.mean(balance_steadily(counts[rest], [who[n] for n in rest], parts, seed) != all_[rest]))
    return float(np.mean(shares))


@pytest.mark.parametrize(("counts", "most"), [(even(), 0.10), (uneven(), 0.15), (uneven(200), 0.10)])
def test_a_speaker_who_joins_or_leaves_moves_few_others_and_the_balance_is_that_of_balancing_anew(
    counts: np.ndarray, most: float
) -> None:
    seeds = range(3)
    assert np.mean([moved(counts, 5, seed) for seed in seeds]) < most
    steady = [imbalance(counts, balance_steadily(counts, names(len(counts)), 5, seed), 5) for seed in seeds]
    anew = [imbalance(counts, balance(counts, 5, np.random.default_rng(seed)), 5) for seed in seeds]
    assert np.mean(steady) <= np.mean(anew) + 0.04


def test_few_speakers_of_whom_each_counts_are_balanced_first() -> None:
    counts = np.array([[14, 7, 4, 10], [12, 11, 10, 9], [13, 4, 9, 4], [10, 4, 4, 3], [11, 8, 9, 7]] * 2)
    steady = np.mean([imbalance(counts, balance_steadily(counts, names(10), 5, seed), 5) for seed in range(5)])
    assert steady <= 0.05 + np.mean(
        [imbalance(counts, balance(counts, 5, np.random.default_rng(s)), 5) for s in range(5)]
    )


tables = st.integers(1, 5).flatmap(
    lambda classes: st.lists(
        st.lists(st.integers(0, 30), min_size=classes, max_size=classes).filter(any), min_size=2, max_size=30
    )
)


@settings(max_examples=150, deadline=None)
@given(tables, st.integers(2, 6), st.integers(0, 3), st.randoms(use_true_random=False))
def test_no_part_is_empty_and_the_order_of_speakers_does_not_matter(table: list, parts: int, seed: int, chance) -> None:
    counts, who = np.array(table), names(len(table))
    parts = min(parts, len(table))
    parts_of = balance_steadily(counts, who, parts, seed)
    assert set(parts_of.tolist()) == set(range(parts))
    order = list(range(len(table)))
    chance.shuffle(order)
    assert steady_in(order, counts, who, parts, seed) == parts_of[order].tolist()


def test_of_units_alike_the_one_that_fills_an_empty_part_is_chosen_by_name() -> None:
    counts, who = np.array([[1], [16], [1]]), names(3)
    parts_of = balance_steadily(counts, who, 3, 1)
    for order in itertools.permutations(range(3)):
        assert steady_in(list(order), counts, who, 3, 1) == parts_of[list(order)].tolist()


def steady_in(order: list[int], counts: np.ndarray, who: list[str], parts: int, seed: int) -> list[int]:
    """The parts of units that are given in another order."""
    return balance_steadily(counts[order], [who[number] for number in order], parts, seed).tolist()


def test_thousands_of_speakers_are_balanced() -> None:
    counts = uneven(4 * SWAPPED)
    assert imbalance(counts, balance_steadily(counts, names(len(counts)), 5, 0), 5) < 0.02


def test_another_seed_deals_otherwise() -> None:
    deals = {tuple(balance_steadily(even(), names(24), 5, seed).tolist()) for seed in range(5)}
    assert len(deals) == 5
