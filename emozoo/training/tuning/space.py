"""The settings that `emozoo tune` tries, and between which values: as a file of YAML or TOML says, or as usual.

Every value is written as `--set` takes it, so that what is trained is what is reported.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from emozoo.architecture import Architecture
from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.registry.settings import apply_settings, setting_hints
from emozoo.text import printable, shown, suggestion

if TYPE_CHECKING:
    from optuna import Trial

RANGE = ("low", "high", "log")
LARGEST = 2**20
"""Bytes of a file that is read."""


@dataclass(frozen=True)
class Choice:
    """A setting with some values to choose from."""

    name: str
    values: tuple[str, ...]

    def suggest(self, trial: Trial) -> str:
        return str(trial.suggest_categorical(self.name, self.values))

    @property
    def words(self) -> str:
        return " or ".join(self.values)


@dataclass(frozen=True)
class Range:
    """A setting that is a number between two."""

    name: str
    low: float
    high: float
    log: bool = False
    """Whether values are drawn evenly by their logarithm."""
    whole: bool = False

    def suggest(self, trial: Trial) -> str:
        if self.whole:
            return str(trial.suggest_int(self.name, int(self.low), int(self.high), log=self.log))
        value = trial.suggest_float(self.name, self.low, self.high, log=self.log)
        rounded = f"{value:.4g}"
        return rounded if self.low <= float(rounded) <= self.high else repr(value)

    @property
    def ends(self) -> tuple[str, str]:
        return (str(int(self.low)), str(int(self.high))) if self.whole else (f"{self.low!r}", f"{self.high!r}")

    @property
    def words(self) -> str:
        return f"{self.low:g} to {self.high:g}{', by its logarithm' if self.log else ''}"


Dimension = Choice | Range


def usual_space(architecture: Architecture, fixed: Mapping[str, str]) -> tuple[Dimension, ...]:
    """What is tried where no file says so: what the recipe leaves open, and dropout where the network has it. Settings that
    are `fixed` stay as they are."""
    recipe = architecture.recipe
    size = recipe.batch_size
    sizes = sorted({max(size // 2, 1), size, size * 2})
    found: list[Dimension] = [
        Range("learning_rate", recipe.learning_rate / 10, recipe.learning_rate * 10, log=True),
        Range("weight_decay", 1e-4, 0.1, log=True),
        Choice("batch_size", tuple(map(str, sizes))),
    ]
    if setting_hints(architecture).get("dropout") is float:
        found.append(Range("dropout", 0.0, 0.5))
    space = tuple(each for each in found if each.name not in fixed)
    if not space:
        raise EmozooError("every setting that is tried by default is given with --set: name others with --space FILE")
    check_space(space, architecture, fixed, "the default space")
    return space


def read_space(file: str, architecture: Architecture, fixed: Mapping[str, str]) -> tuple[Dimension, ...]:
    """The space that a file describes: of each setting a list of values, or `low` and `high`, with `log: true` for a scale
    of logarithms. Raises EmozooError, with the file and the setting, for what the architecture cannot use."""
    called = printable(file)
    document = _document(file, called)
    if not isinstance(document, dict) or not document:
        raise EmozooError(f"{called} names no setting; as in: learning_rate: {{low: 1e-5, high: 1e-2, log: true}}")
    hints = setting_hints(architecture)
    space = []
    for name, words in document.items():
        if name not in hints:
            known = suggestion(str(name), sorted(hints))
            raise EmozooError(f"{called}: {architecture.name} has no setting {shown(name)}; {known}")
        if name in fixed:
            raise EmozooError(
                f"{called}: {name} is given with --set {name}={fixed[name]} as well: leave one of them out"
            )
        space.append(_dimension(name, words, hints[name], called))
    check_space(space, architecture, fixed, called)
    return tuple(space)


def check_space(
    space: tuple[Dimension, ...] | list[Dimension], architecture: Architecture, fixed: Mapping[str, str], called: str
) -> None:
    """Raises EmozooError for a value of a setting that the architecture refuses."""
    for dimension in space:
        for text in dimension.values if isinstance(dimension, Choice) else dimension.ends:
            try:
                apply_settings(architecture, {**fixed, dimension.name: text})
            except EmozooError as error:
                raise EmozooError(f"{called}: {error}") from error


def _document(file: str, called: str) -> Any:
    path = user_path(file)
    try:
        if path.stat().st_size > LARGEST:
            raise EmozooError(f"{called} is too large for a few settings")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EmozooError(f"cannot read --space {called}: {getattr(error, 'strerror', None) or error}") from error
    try:
        return tomllib.loads(text) if path.suffix.lower() == ".toml" else yaml.safe_load(text)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, RecursionError, ValueError) as error:
        kind = "TOML" if path.suffix.lower() == ".toml" else "YAML"
        raise EmozooError(f"{called} is not {kind}: {' '.join(str(error).split())}") from error


def _dimension(name: str, words: Any, hint: Any, called: str) -> Dimension:
    if isinstance(words, list):
        if not words:
            raise EmozooError(f"{called}: {name} has no value to choose from")
        return Choice(name, tuple(dict.fromkeys(map(_as_text, words))))
    if not isinstance(words, dict):
        raise EmozooError(
            f"{called}: {name} is {shown(words)}: write a list of values, or low and high; what is the same in all trials "
            f"is given with --set {name}={_as_text(words)}"
        )
    if strangers := [key for key in words if key not in RANGE]:
        raise EmozooError(f"{called}: {name} has {shown(strangers[0])}, not one of {', '.join(RANGE)}")
    if not {"low", "high"} <= words.keys():
        raise EmozooError(f"{called}: {name} needs both low and high")
    log = words.get("log", False)
    if not isinstance(log, bool):
        raise EmozooError(f"{called}: the log of {name} is {shown(log)}, not true or false")
    low, high = (_number(words[key], f"{called}: the {key} of {name}") for key in ("low", "high"))
    if low > high:
        raise EmozooError(f"{called}: the low of {name} is {low:g}, above its high, {high:g}")
    if log and low <= 0:
        raise EmozooError(f"{called}: the low of {name} is {low:g}, which has no logarithm: leave log out")
    if hint not in (int, float):
        raise EmozooError(f"{called}: {name} is no number: write a list of its values")
    if hint is int and not (low.is_integer() and high.is_integer()):
        raise EmozooError(f"{called}: {name} takes whole numbers, not {low:g} to {high:g}")
    return Range(name, low, high, log, whole=hint is int)


def _number(value: Any, called: str) -> float:
    """YAML reads 1e-5 as a text."""
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise EmozooError(f"{called} is {shown(value)}, not a number")
    return number


def _as_text(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    return json.dumps(value) if isinstance(value, list) else str(value)


def as_json(space: tuple[Dimension, ...]) -> dict[str, Any]:
    """Each setting with what was tried, as a report and a search hold it."""
    return {each.name: {k: v for k, v in dataclasses.asdict(each).items() if k != "name"} for each in space}
