"""What every test may use: where the real clips are, and a cache of its own for the whole run."""

import os
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="needs the real clips, which are not part of the project")

# Set before anything imports datasets: no test reads or fills the user's own cache.
_cache = tempfile.TemporaryDirectory(prefix="emozoo-tests-")
os.environ["EMOZOO_CACHE"] = _cache.name
os.environ["HF_HOME"] = str(Path(_cache.name) / "huggingface")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("EMOZOO_IEMOCAP", None)
