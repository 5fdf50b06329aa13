"""Windows become probabilities, in batches, on all cores."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import numpy as np

from emozoo.inference.answers import Model, Window
from emozoo.paths import cores

BATCH_WINDOWS = 32
CPU_BATCH = 8
"""Windows that a core answers at a time: more do not fit its cache, fewer cost more each."""
Item = TypeVar("Item")
"""What is answered in batches: a window, or what says where it is cut."""


def classify(
    model: Model, windows: Iterable[Window], within: Callable[[], AbstractContextManager[Any]] = nullcontext
) -> Iterator[np.ndarray]:
    """Probabilities float64 [labels] of each window, in order; windows are read a few batches ahead, no more. Each batch is
    answered `within` a context, such as autocast, which holds for one thread only."""
    return in_batches(model, windows, model.probabilities, within)


def in_batches(
    model: Model,
    items: Iterable[Item],
    answer: Callable[[list[Item]], np.ndarray],
    within: Callable[[], AbstractContextManager[Any]],
) -> Iterator[np.ndarray]:
    """What `answer` gives for batches of items, one by one, in order.

    On a CPU, as many batches are answered at a time as there are cores, each on one: that keeps all cores busy also where
    a network computes in small steps. A single batch has all cores for itself.
    """
    size, workers = (CPU_BATCH, cores()) if model.on_cpu else (BATCH_WINDOWS, 1)
    remaining = iter(items)
    batches = iter(lambda: list(itertools.islice(remaining, size)), [])
    begin = list(itertools.islice(batches, 2))

    def answer_within(batch: list[Item]) -> np.ndarray:
        with within():
            return answer(batch)

    if len(begin) == 1:
        yield from answer_within(begin[0])
        return
    with thread_pool(workers, _use_one_core if model.on_cpu else None) as pool:
        waiting: deque[Future[np.ndarray]] = deque()
        for batch in itertools.chain(begin, batches):
            waiting.append(pool.submit(answer_within, batch))
            if len(waiting) > 2 * workers:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


@contextmanager
def thread_pool(workers: int, initializer: Callable[[], None] | None = None) -> Iterator[ThreadPoolExecutor]:
    """Threads, which an error or Ctrl-C leaves to end what they are at, and no more."""
    pool = ThreadPoolExecutor(workers, initializer=initializer)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _use_one_core() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # for this thread
