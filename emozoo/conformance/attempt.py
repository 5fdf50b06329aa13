"""The program that imports third parties' plugins, one after the other, in a process that they cannot leave.

`python -m emozoo.conformance.attempt FOLDER PLUGINS GROUP` writes a JSON file for each, `[problem or null, seconds]`, named
by its position. What all plugins of GROUP import is imported before the clock starts; with an empty GROUP, nothing.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from pathlib import Path

from emozoo.architecture import contract_problem
from emozoo.data.corpus import corpus_problem
from emozoo.diarizer import diarizer_problem
from emozoo.reader import reader_problem
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, DIARIZERS, READERS, Plugin
from emozoo.registry.loading import import_plugin

PROBLEM_OF = {
    ARCHITECTURES: contract_problem,
    DATASETS: corpus_problem,
    DIARIZERS: diarizer_problem,
    READERS: reader_problem,
}
NEEDED = {ARCHITECTURES: ("torch", "emozoo.features"), DATASETS: ("emozoo.data.corpus",)}
"""What plugins of a group import before anything of their own."""


def main(folder: str, asked: str, timed: str) -> None:
    for needed in NEEDED.get(timed, ()):
        importlib.import_module(needed)
    for number, fields in enumerate(json.loads(asked)):
        started = time.perf_counter()
        plugin = Plugin(*fields)
        problem = import_plugin(plugin, PROBLEM_OF[plugin.group])[1]
        file = Path(folder, str(number))
        part = file.with_suffix(".part")
        part.write_text(json.dumps([problem, time.perf_counter() - started]), encoding="utf-8")
        part.replace(file)
    sys.stderr.flush()
    os._exit(0)  # plugins may have left threads that would keep the process alive


if __name__ == "__main__":
    main(*sys.argv[1:])
