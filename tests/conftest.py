"""A cache of its own for the whole run."""

import os
import tempfile
from pathlib import Path

# Set before anything imports datasets: no test reads or fills the user's own cache.
_cache = tempfile.TemporaryDirectory(prefix="emozoo-tests-")
os.environ["EMOZOO_CACHE"] = _cache.name
os.environ["HF_HOME"] = str(Path(_cache.name) / "huggingface")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ.pop("EMOZOO_IEMOCAP", None)
