"""Door: what a diarizer plugin offers, a `Diarizer` that says who speaks when."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from emozoo.architecture import CONTRACT_VERSION, version_problem


@dataclass(frozen=True)
class Diarizer:
    """What the entry point of a diarizer names (group `emozoo.diarizers`)."""

    name: str
    """As the entry point's."""
    diarize: Callable[[Any], Iterable[tuple[float, float, str | int]]]
    """Takes the whole sound of a file, a numpy array float32 [samples] of 16 kHz, one channel, values from -1 to 1.

    Gives segments in any order, which may overlap: start and end in seconds, and the speaker's name or number. None: nobody
    speaks. What it raises is shown to the user with the plugin's name, an `EmozooError` as it is."""
    summary: str = ""
    """One line on what it is, for `emozoo list`."""
    requires: tuple[str, ...] = ()
    """Modules that `diarize` imports. What is missing is said before a file is read."""
    contract: int = CONTRACT_VERSION
    """The version of the plugin contract that it was written for."""


def diarizer_problem(diarizer: object, entry_name: str) -> str | None:
    """The first way in which `diarizer` breaks the contract; None if it keeps it."""
    if not isinstance(diarizer, Diarizer):
        return f"the entry point gives a {type(diarizer).__name__}, not an emozoo.diarizer.Diarizer"
    if problem := version_problem(diarizer.contract):
        return problem
    if diarizer.name != entry_name:
        return f"the entry point is named {entry_name!r}, the diarizer {diarizer.name!r}: they must agree"
    if not callable(diarizer.diarize):
        return "diarize cannot be called: it must be diarize(sound)"
    if isinstance(diarizer.requires, str) or not all(isinstance(each, str) for each in diarizer.requires):
        return f"requires are {diarizer.requires!r}, not a tuple of names of modules"
    return None
