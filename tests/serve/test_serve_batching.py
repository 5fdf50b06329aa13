"""Windows of concurrent requests are answered together, and each gets the answer that it would get alone."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from support.models import LABELS, small_model
from support.service import becomes

from emozoo import EmozooError
from emozoo.inference.model import Window
from emozoo.media.preparation import PLAIN
from emozoo.media.window_shape import DEFAULT_WINDOW
from emozoo.serve.batching import Batcher, Cancelled, Joined
from emozoo.target import Outputs


def window(seed: int, dtype: type = np.float32) -> Window:
    sound = np.random.default_rng(seed).normal(0, 0.1, 48_000)
    return (sound.astype(np.float32) if dtype is np.float32 else (sound * 32768).astype(np.int16)), None


class Slow:
    """In the place of a model: waits for a sign in its first batch, and notes the batches."""

    labels, video, optional, on_cpu, preparation = LABELS, False, (), True, PLAIN
    window, target, outputs = DEFAULT_WINDOW, "emotion", Outputs(LABELS)

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()

    def probabilities(self, windows: Sequence[Window]) -> np.ndarray:
        self.batches.append(len(windows))
        self.begun.release()
        self.go_on.wait(60)
        if any(np.isnan(sound).any() for sound, _ in windows):
            raise EmozooError("the network answers with values that are not finite")
        return np.array([[sound[0], 0, 0, 0] for sound, _ in windows], np.float64)

    def embeddings(self, windows: Sequence[Window]) -> np.ndarray:
        raise AssertionError("it is not asked for them")


@contextmanager
def occupied(model: Slow) -> Iterator[tuple[Batcher, list[threading.Thread]]]:
    """A batcher whose workers are all at work, until the model may go on."""
    before = set(threading.enumerate())
    batcher = Batcher(model)
    workers = [each for each in threading.enumerate() if each not in before]
    first = []
    for _ in range(batcher.workers):  # one by one, or a single worker takes all
        first.append(batcher.submit("probabilities", [window(0)]))
        assert model.begun.acquire(timeout=60)
    yield batcher, workers
    model.go_on.set()
    assert all(future.result(60).shape == (1, 4) for future in first)
    batcher.close()


def test_concurrent_calls_get_the_answers_that_each_gets_alone() -> None:
    model = small_model()
    alone = [model.probabilities([window(seed)])[0] for seed in range(24)]
    batches: list[tuple[int, int]] = []
    batcher = Batcher(model, lambda windows, calls: batches.append((windows, calls)))
    try:
        with ThreadPoolExecutor(24) as pool:
            together = list(pool.map(lambda seed: Joined(model, batcher).probabilities([window(seed)])[0], range(24)))
    finally:
        batcher.close()
    np.testing.assert_allclose(together, alone, atol=1e-6)
    assert sum(windows for windows, _ in batches) == 24


def test_what_waits_is_answered_in_one_batch() -> None:
    model = Slow()
    with occupied(model) as (batcher, _):
        waiting = [batcher.submit("probabilities", [window(seed), window(seed + 1)]) for seed in range(3)]
        model.go_on.set()
        for seed, future in enumerate(waiting):
            found = future.result(60)[:, 0]
            np.testing.assert_array_equal(found, [window(seed)[0][0], window(seed + 1)[0][0]])
    assert max(model.batches) == 6


def test_a_bad_window_gets_the_error_and_the_others_their_answers() -> None:
    model = Slow()
    bad = (np.full(48_000, np.nan, np.float32), None)
    with occupied(model) as (batcher, _):
        waiting = [batcher.submit("probabilities", [each]) for each in (window(1), bad, window(2))]
        model.go_on.set()
        assert waiting[0].result(60)[0, 0] == window(1)[0][0] and waiting[2].result(60)[0, 0] == window(2)[0][0]
        with pytest.raises(EmozooError, match="not finite"):
            waiting[1].result(60)
    assert max(model.batches) == 3


def test_windows_of_different_kinds_are_never_stacked() -> None:
    """int16 among float32 would be taken for sound that is 32768 times as loud."""
    model = Slow()
    with occupied(model) as (batcher, _):
        waiting = [
            batcher.submit("probabilities", [each])
            for each in (window(1), window(2, np.int16), window(3), (window(4)[0][:100], None))
        ]
        model.go_on.set()
        for future in waiting:
            future.result(60)
    assert max(model.batches) == 2


def test_a_cancelled_request_waits_no_longer_and_is_not_computed() -> None:
    model = Slow()
    with occupied(model) as (batcher, _), ThreadPoolExecutor(1) as pool:
        request = Joined(model, batcher)  # type: ignore[arg-type]
        waiting = pool.submit(request.probabilities, [window(1)])
        assert becomes(lambda: batcher.waiting == 1)
        request.cancel()
        with pytest.raises(Cancelled):
            waiting.result(60)
        with pytest.raises(Cancelled):
            request.probabilities([window(2)])
    assert sum(model.batches) == batcher.workers


def test_a_closed_batcher_leaves_nobody_waiting() -> None:
    model = Slow()
    with occupied(model) as (batcher, workers):
        waiting = batcher.submit("probabilities", [window(1)])
        batcher.close()
        assert waiting.cancelled()
        with pytest.raises(Cancelled):
            batcher.submit("probabilities", [window(1)])
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive()


def test_what_a_model_says_of_itself_is_said_of_the_joined_one() -> None:
    model = small_model()
    batcher = Batcher(model)
    joined = Joined(model, batcher)
    assert joined.labels == LABELS and joined.video is False and joined.preparation is model.preparation
    batcher.close()
