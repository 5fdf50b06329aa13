"""Makes the plugins of `plugins/emozoo-NAME` look installed, for a test and the processes that it starts. Not a test itself.

Each is built into a wheel, which is unpacked into a folder on the path: what pip would install, without touching the
environment, and without a network.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.places import ROOT

PLUGINS = ROOT / "plugins"
_sites = tempfile.TemporaryDirectory(prefix="emozoo-plugins-")


@functools.cache
def site(distribution: str) -> Path:
    """The folder that a plugin was installed into."""
    folder = Path(_sites.name, distribution)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder / "wheel")]
    subprocess.run(command, cwd=PLUGINS / distribution, check=True, capture_output=True, timeout=120)
    (wheel,) = (folder / "wheel").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


@contextmanager
def installed(*distributions: str) -> Iterator[None]:
    """The plugins are found in the block, also by processes that are started in it."""
    folders = [str(site(distribution)) for distribution in distributions]
    with pytest.MonkeyPatch.context() as patch:
        for folder in folders:
            patch.syspath_prepend(folder)
        patch.setenv("PYTHONPATH", os.pathsep.join([*folders, *filter(None, [os.environ.get("PYTHONPATH")])]))
        yield
