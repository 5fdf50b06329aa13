"""A cache of its own for the whole run, and one thread for each of its processes."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

# Set before anything imports datasets: no test reads or fills the user's own cache.
_cache = tempfile.TemporaryDirectory(prefix="emozoo-tests-")
os.environ["EMOZOO_CACHE"] = _cache.name
os.environ["HF_HOME"] = str(Path(_cache.name) / "huggingface")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("EMOZOO_IEMOCAP", None)
# Before torch is imported: there are as many workers as cores, and more threads would only wait for each other. Where a
# test is about threads, it asks for `two_threads`.
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["RAY_worker_niceness"] = "0"  # else the workers of Ray stand behind all other tests


@pytest.fixture
def two_threads() -> Iterator[None]:
    """torch computes with two threads during the test."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
