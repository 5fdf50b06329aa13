"""Third parties' plugins as a user's environment has them: distributions on the path, good and bad."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from emozoo.registry.entry_points import ARCHITECTURES, DATASETS

GOOD = """
    from dataclasses import dataclass
    from emozoo.architecture import Architecture

    @dataclass(frozen=True)
    class Config:
        size: int = 3

    def build(config, num_labels):
        raise RuntimeError("never built here")

    architecture = Architecture(name="{name}", modalities=("audio",), config=Config, build=build)
"""

LOUD = """
    import ctypes, os, subprocess, sys
    print("LOUD")
    sys.__stdout__.write("LOUD")
    os.write(1, b"LOUD")
    os.system("echo LOUD")
    ctypes.CDLL(None).puts(b"LOUD")
"""


def distribution(folder: Path, name: str, entries: dict[str, str], source: str, group: str = ARCHITECTURES) -> None:
    """Installs a distribution by hand: one module, and its metadata with the entry points."""
    folder.mkdir(parents=True, exist_ok=True)
    module = name.replace("-", "_")
    (folder / f"{module}.py").write_text(textwrap.dedent(source))
    info = folder / f"{module}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    lines = "".join(f"{entry} = {target}\n" for entry, target in entries.items())
    (info / "entry_points.txt").write_text(f"[{group}]\n{lines}")


def emozoo(*words: str, path: Path, cache: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(path), "EMOZOO_CACHE": str(cache), "COLUMNS": "200", **more}
    command = [sys.executable, "-m", "emozoo", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of third parties' plugins: one good, and every way to be bad."""
    site = tmp_path / "site"
    distribution(site, "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    distribution(site, "raising-net", {"raising": "raising_net:architecture"}, "raise RuntimeError('boom')")
    distribution(site, "exiting-net", {"exiting": "exiting_net:architecture"}, "import os; os._exit(3)")
    distribution(site, "missing-net", {"missing": "missing_net:nothing"}, "")
    distribution(site, "wrong-net", {"wrong": "wrong_net:architecture"}, GOOD.format(name="other"))
    distribution(site, "loud-net", {"loud": "loud_net:architecture"}, LOUD + GOOD.format(name="loud"))
    distribution(site, "greedy-net", {"cnn": "greedy_net:architecture"}, GOOD.format(name="cnn"))
    distribution(site, "bad-data", {"bad": "bad_data:corpus"}, "corpus = 5", DATASETS)
    return site
