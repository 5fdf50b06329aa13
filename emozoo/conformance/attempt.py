"""The program that imports third parties' plugins, one after the other, in a process that they cannot leave.

`python -m emozoo.conformance.attempt FOLDER PLUGINS GROUP` writes a JSON file for each, `[problem or null, seconds]`, named
by its position. What all plugins of GROUP import is imported before the clock starts; with an empty GROUP, nothing, but then
it writes what `emozoo list` tells of the plugins as well, into files named by position and `.facts`.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from emozoo.architecture import contract_problem
from emozoo.data.corpus import corpus_problem
from emozoo.diarizer import diarizer_problem
from emozoo.reader import reader_problem
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, DIARIZERS, MODELS, READERS, Plugin
from emozoo.registry.facts import facts_of, with_parameters
from emozoo.registry.loading import import_plugin
from emozoo.shipped import shipped_problem

PROBLEM_OF = {
    ARCHITECTURES: contract_problem,
    DATASETS: corpus_problem,
    DIARIZERS: diarizer_problem,
    READERS: reader_problem,
    MODELS: shipped_problem,
}
NEEDED = {ARCHITECTURES: ("torch", "emozoo.features"), DATASETS: ("emozoo.data.corpus",)}
"""What plugins of a group import before anything of their own."""


def main(folder: str, asked: str, timed: str) -> None:
    for needed in NEEDED.get(timed, ()):
        importlib.import_module(needed)
    usable: dict[int, tuple[str, Any]] = {}
    for number, fields in enumerate(json.loads(asked)):
        started = time.perf_counter()
        plugin = Plugin(*fields)
        offered, problem = import_plugin(plugin, PROBLEM_OF[plugin.group])
        _write(Path(folder, str(number)), [problem, time.perf_counter() - started])
        if problem is None and not timed:
            usable[number] = plugin.group, offered
    for number, (group, offered) in usable.items():  # after the verdicts: a network may take long to build
        with suppress(Exception):
            facts = facts_of(offered)
            _write(Path(folder, f"{number}.facts"), facts.to_dict())
            _write(Path(folder, f"{number}.facts"), with_parameters(facts, group, offered).to_dict())
    sys.stderr.flush()
    os._exit(0)  # plugins may have left threads that would keep the process alive


def _write(file: Path, document: Any) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_text(json.dumps(document), encoding="utf-8")
    part.replace(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
