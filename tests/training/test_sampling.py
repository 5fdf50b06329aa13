"""One epoch's clips and windows: equal classes, no repeats before all is used, frames and samples cut together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from support.windows import SHAPES

from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.training.sampling import balanced_epoch, class_weights, random_starts

some_labels = arrays(np.int64, st.integers(1, 60), elements=st.integers(0, 4))
seeds = st.integers(0, 2**32 - 1)


@settings(deadline=None)
@given(some_labels, seeds)
def test_an_epoch_has_as_many_clips_of_every_class(labels: np.ndarray, seed: int) -> None:
    sampled = balanced_epoch(labels, np.random.default_rng(seed))
    classes, counts = np.unique(labels[sampled], return_counts=True)
    assert classes.tolist() == np.unique(labels).tolist()
    assert len(set(counts.tolist())) == 1
    assert len(labels) <= len(sampled) < len(labels) + len(classes)


@settings(deadline=None)
@given(some_labels, seeds, st.integers(0, 200))
def test_an_asked_size_is_kept_and_shared_out_to_within_one(labels: np.ndarray, seed: int, size: int) -> None:
    sampled = balanced_epoch(labels, np.random.default_rng(seed), size)
    assert len(sampled) == size
    counts = [int(np.sum(labels[sampled] == label)) for label in np.unique(labels)]
    assert max(counts) - min(counts) <= 1


@settings(deadline=None)
@given(some_labels, seeds, st.integers(0, 200))
def test_no_clip_is_repeated_before_all_of_its_class_are_used(labels: np.ndarray, seed: int, size: int) -> None:
    sampled = balanced_epoch(labels, np.random.default_rng(seed), size)
    for label in np.unique(labels):
        uses = [int(np.sum(sampled == clip)) for clip in np.flatnonzero(labels == label)]
        assert max(uses) - min(uses) <= 1


def test_epochs_are_shuffled_and_repeatable() -> None:
    labels = np.repeat([0, 1], 50)
    sampled = balanced_epoch(labels, np.random.default_rng(1))
    assert sampled.tolist() == balanced_epoch(labels, np.random.default_rng(1)).tolist()
    assert sampled.tolist() != balanced_epoch(labels, np.random.default_rng(2)).tolist()
    assert 10 < labels[sampled][:50].sum() < 40, "the classes are mixed, not one after the other"
    with pytest.raises(ValueError, match="no labels"):
        balanced_epoch(labels[:0], np.random.default_rng(1))


def test_class_weights_are_inverse_to_counts_with_mean_one() -> None:
    weights = class_weights(np.array([0, 0, 0, 1]), 2)
    assert weights.dtype == np.float32
    assert weights.tolist() == pytest.approx([0.5, 1.5])


@settings(deadline=None)
@given(some_labels)
def test_every_class_weighs_the_same_in_all(labels: np.ndarray) -> None:
    weights = class_weights(labels, 6)
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    assert weights[5] == 1
    totals = [weights[label] * np.sum(labels == label) for label in np.unique(labels)]
    assert totals == pytest.approx([totals[0]] * len(totals), rel=1e-5)


def test_class_weights_refuse_a_label_beyond_the_set() -> None:
    with pytest.raises(ValueError, match="label 2 is beyond the 2 labels"):
        class_weights(np.array([0, 2]), 2)


@settings(deadline=None)
@given(arrays(np.int64, st.integers(0, 20), elements=st.integers(0, 600_000)), seeds, SHAPES)
def test_windows_start_on_a_frame_and_fit(lengths: np.ndarray, seed: int, shape: WindowShape) -> None:
    starts = random_starts(lengths, np.random.default_rng(seed), shape)
    assert starts.shape == lengths.shape
    assert np.all(starts % shape.samples_per_frame == 0)
    assert np.all(starts >= 0)
    assert np.all((starts == 0) | (starts + shape.samples <= lengths))


def test_every_window_that_fits_is_as_likely() -> None:
    # 0.45 s longer than a window: four starts. 8,000 samples: 2,000 each, standard deviation 39.
    lengths = np.full(8_000, DEFAULT_WINDOW.samples + 3 * DEFAULT_WINDOW.samples_per_frame)
    starts = random_starts(lengths, np.random.default_rng(0))
    values, counts = np.unique(starts, return_counts=True)
    assert values.tolist() == [0, 2_400, 4_800, 7_200]
    assert counts.tolist() == pytest.approx([2_000] * 4, abs=200)


@settings(deadline=None)
@given(some_labels, seeds, st.data())
def test_every_corpus_has_as_many_places_and_every_class_of_it_too(
    labels: np.ndarray, seed: int, data: st.DataObject
) -> None:
    corpora = np.array([data.draw(st.sampled_from(("a", "b", "c"))) for _ in labels])
    sampled = balanced_epoch(labels, np.random.default_rng(seed), corpora=corpora)
    names, counts = np.unique(corpora[sampled], return_counts=True)
    assert names.tolist() == np.unique(corpora).tolist()
    assert max(counts) - min(counts) <= (len(np.unique(labels)) if len(names) == 1 else 0)
    for name in names:
        own = np.unique(labels[corpora == name])
        uses = [int(np.sum((corpora[sampled] == name) & (labels[sampled] == label))) for label in own]
        assert max(uses) - min(uses) <= 1
