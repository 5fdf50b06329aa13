"""Windows become probabilities, in batches and on all cores."""

from __future__ import annotations

import itertools
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import numpy as np

from emozoo.inference.model import Model, Window
from emozoo.paths import cores

BATCH_WINDOWS = 32
"""Windows in a batch on a GPU."""
CPU_BATCH = 8
"""Windows in a batch on one core: more do not fit its cache, fewer cost more each."""
Item = TypeVar("Item")
"""A window, or what says where to cut it."""


def classify(model: Model, windows: Iterable[Window]) -> Iterator[np.ndarray]:
    """The answer float64 [outputs] for each window, in order. Windows are read a few batches ahead at most."""
    return in_batches(model, windows, model.probabilities)


def in_batches(
    model: Model,
    items: Iterable[Item],
    answer: Callable[[list[Item]], np.ndarray],
    within: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Iterator[np.ndarray]:
    """What `answer` gives for batches of items, item by item and in order. Each batch is answered `within` a context of its
    own, because autocast, for one, holds for a single thread.

    On a CPU, each core answers a batch of its own, which keeps all cores busy even if a network computes in small steps.
    A single batch gets all cores.
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
    """Threads. After an error or Ctrl-C, they end the task that they are in and start no other."""
    pool = ThreadPoolExecutor(workers, initializer=initializer)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _use_one_core() -> None:
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # for this thread
