"""Segments from a diarizer plugin: which one is used, and what its answers are worth."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from emozoo.diarizer import Diarizer, diarizer_problem
from emozoo.errors import EmozooError, blamed
from emozoo.inference.segments import Segment, as_segments
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.registry.entry_points import DIARIZERS, KINDS, Plugin, find, plugins
from emozoo.registry.loading import load_plugin, output_to_stderr
from emozoo.text import listed

SLACK_SECONDS = 1.0
"""Diarizers look at windows that reach beyond the end of the sound. What ends this much behind it is cut off there."""
WAY_OUT = "pip install emozoo-sherpa adds one (its README says with which weights)"


@dataclass(frozen=True)
class InstalledDiarizer:
    """A diarizer, and the distribution that it is from."""

    plugin: Plugin
    diarizer: Diarizer

    def segments(self, sound: np.ndarray, name: str) -> list[Segment]:
        """Who speaks when in the sound float32 [samples], 16 kHz, of the file `name`; by time.

        Raises EmozooError, with the diarizer's name, where it fails or gives what are no segments.
        """
        with blamed(self._title, f"fails on {name}"), output_to_stderr:
            given = _given(self.diarizer, sound)
        try:
            found = as_segments(given)
            seconds = len(sound) / SAMPLING_RATE
            if late := next((each for each in found if each.end > seconds + SLACK_SECONDS), None):
                raise EmozooError(f"{late.place} ends at {late.end:g} s, the file at {seconds:.2f} s")
        except EmozooError as error:
            raise EmozooError(f"{self._title} gives no usable segments for {name}: {error}") from error
        inside = [replace(each, end=min(each.end, seconds)) for each in found if each.start < seconds]
        return sorted(inside, key=lambda each: (each.start, each.end))

    @property
    def _title(self) -> str:
        return f"the {KINDS[DIARIZERS]} {self.diarizer.name!r} of {self.plugin.origin}"


def _given(diarizer: Diarizer, sound: np.ndarray) -> list[Any]:
    try:
        return list(diarizer.diarize(sound))  # a generator fails only here
    except SystemExit as error:
        raise RuntimeError(f"it ends the program (exit status {error.code})") from error


def find_diarizer(name: str | None = None) -> InstalledDiarizer:
    """The diarizer of that name, or the only one that is installed.

    Raises EmozooError, with the way out, if there is none or the choice is open, and for one that cannot be used.
    """
    usable = [plugin.name for plugin in plugins(DIARIZERS) if plugin.problem is None]
    if name is None and len(usable) > 1:
        raise EmozooError(f"several diarizers are installed ({listed(usable)}): choose one with --diarizer")
    if not usable and name is None:
        raise EmozooError(f"no diarizer is installed: {WAY_OUT}, or give the segments with --segments")
    plugin = find(DIARIZERS, name or usable[0])
    diarizer = load_plugin(plugin, diarizer_problem)
    missing = [module for module in diarizer.requires if not _is_there(module)]
    if missing:
        raise EmozooError(
            f"the diarizer {plugin.name!r} of {plugin.origin} needs {', '.join(missing)}: pip install -U "
            f"{plugin.distribution} brings what it needs"
        )
    return InstalledDiarizer(plugin, diarizer)


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):  # of a package that is not there, or no name at all
        return False
