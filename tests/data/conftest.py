"""What tests of tables share."""

from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that a table names."""
    for name in ("a.wav", "b.wav", "ü ber.wav", "film.MP4"):
        (tmp_path / name).write_bytes(b"not opened here")
    return tmp_path
