"""Where things lie: the repository, the small files that tests read, and the real clips, where there are any."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "cases"
SHARED_DATA = ROOT.parent / "shared" / "data"
needs_shared = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="needs the real clips, which are not part of the project"
)
