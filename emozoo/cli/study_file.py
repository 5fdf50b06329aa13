"""The file of a study, in YAML or TOML, becomes its trainings: one for each way to choose from its lists.

What the options mean is not known here: a training is words of the command line.
"""

from __future__ import annotations

import itertools
import json
import math
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emozoo.cli.study_names import distinct, label_of
from emozoo.errors import EmozooError
from emozoo.text import shown, suggestion

MOST = 1000
"""Trainings of a study."""
ALSO = {"architectures": "architecture", "datasets": "dataset", "protocols": "protocol"}
"""Other names of keys."""
NAMED = ("architecture", "dataset")
"""Keys whose values may bring options of their own. They stand in every name, the others where they are lists."""
ONCE = ("device", "merge", "columns")
"""Keys that take no list."""
Words = dict[str, str | dict[str, str]]
"""What a training is asked for: the text of each option, or its texts by key."""


@dataclass(frozen=True)
class Options:
    """The names of the options of a training, without their hyphens."""

    texts: frozenset[str]
    flags: Mapping[str, str]
    """Those that are on or off: what turns each off, or nothing."""
    pairs: frozenset[str]
    """Those that are given as KEY=VALUE."""

    def words(self, values: Words) -> tuple[str, ...]:
        """The words of the command line. What is no option, the architecture, comes last."""
        found, last = [], []
        for name, value in values.items():
            if isinstance(value, dict):
                found += [f"--{name}={key}={text}" for key, text in value.items()]
            elif name in self.flags:
                found += [f"--{name}"] if value == "true" else [self.flags[name]]
            elif name == "architecture":
                last = ["--", value]
            else:
                found.append(f"--{name}={value}")
        return (*filter(None, found), *last)


@dataclass(frozen=True)
class StudyCell:
    """One training of a study."""

    name: str
    """That of its folder: unlike any other of the study, also where capitals do not count."""
    words: tuple[str, ...]


@dataclass(frozen=True)
class _Choice:
    label: str
    """Its part of the name; empty for none."""
    values: Words


@dataclass
class _Reader:
    """Reads the keys of one study; `shown` is what errors call its file."""

    shown: str
    options: Options
    fixed: Words = field(default_factory=dict)
    axes: dict[str, list[_Choice]] = field(default_factory=dict)

    def read(self, document: Any) -> None:
        if not isinstance(document, dict) or not document:
            raise self.wrong("a study has keys and values, such as architecture: cnn")
        for name, value in self.keys(document):
            if name in self.options.pairs and isinstance(value, dict):
                self.pairs(name, value)
            elif name in NAMED:
                self.named(name, value if isinstance(value, list) else [value])
            elif isinstance(value, list) and name == "seeds":
                self.fixed[name] = ",".join(self.text(name, item) for item in self.filled(name, value))
            elif isinstance(value, list):
                self.listed(name, value)
            else:
                self.fixed.update(self.single(name, value))

    def keys(self, document: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, Any]]:
        """The keys as the command line has them. Raises EmozooError for an unknown one, and one that stands twice."""
        known = {*self.options.texts, *self.options.flags, *self.options.pairs}
        seen: set[str] = set()
        for key, value in document.items():
            name = key.strip().replace("_", "-")
            name = ALSO.get(name, name)
            if name not in known:
                raise self.wrong(
                    f"{within}{shown(key)[1:-1]} is no option of a training; {suggestion(name, sorted(known))}"
                )
            if name in seen:
                raise self.wrong(f"{within}{name} stands twice in it")
            seen.add(name)
            yield name, value

    def single(self, name: str, value: Any) -> Words:
        """The option with one value."""
        if name in self.options.pairs:
            raise self.wrong(f"{name} must have keys of its own, as in {name}: {{KEY: VALUE}}")
        text = self.text(name, value)
        if name in self.options.flags and text not in ("true", "false"):
            raise self.wrong(f"{name} is {shown(value)}, not true or false")
        return {name: text}

    def text(self, where: str, value: Any) -> str:
        """A value as the command line has it. Raises EmozooError for one that is no text, number or truth value."""
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float) or isinstance(value, float) and not math.isfinite(value):
            what = "is empty" if value is None else f"is {shown(value)}"
            raise self.wrong(f"{where} {what}: it must be a text, a number, or true or false")
        try:
            return str(value)
        except ValueError:  # more digits than Python writes
            raise self.wrong(f"{where} is too large a number") from None

    def filled(self, name: str, items: list[Any]) -> list[Any]:
        if not items:
            raise self.wrong(f"{name} is an empty list: name at least one value, or leave it out")
        return items

    def listed(self, name: str, items: list[Any]) -> None:
        """An option with several values, each of them another training."""
        if name in ONCE:
            raise self.wrong(f"{name} takes no list: all trainings of a study share it")
        texts = [self.text(name, item) for item in self.filled(name, items)]
        if name == "labels" and not all("," in text or text in ("all", "multi") for text in texts):
            raise self.wrong(
                "labels is a list, which means several sets: write one set as a text, as in sad,angry,neutral"
            )
        prefix = "" if name == "protocol" else f"{name}="
        found = [
            _Choice(f"{prefix}{label_of(text)}", self.single(name, item))
            for text, item in zip(texts, items, strict=True)
        ]
        self.axis(name, found, texts)

    def pairs(self, name: str, values: dict[str, Any]) -> None:
        """An option with keys of its own. In `set`, a list is several values, each of them another training."""
        own: dict[str, str] = {}
        for key, value in values.items():
            where = f"{name}: {shown(key)[1:-1]}"
            if isinstance(value, list) and name == "set":
                texts = [self.setting(where, item) for item in self.filled(where, value)]
                self.axis(
                    f"{name} {key}",
                    [_Choice(f"{label_of(key)}={label_of(text)}", {name: {key: text}}) for text in texts],
                    texts,
                )
            else:
                own[key] = self.text(where, value)
        if own:
            self.fixed[name] = own

    def setting(self, where: str, value: Any) -> str:
        """A setting's value; a list within a list is one value."""
        if not isinstance(value, list):
            return self.text(where, value)
        try:
            return json.dumps(value)
        except (TypeError, ValueError):  # TOML's dates
            raise self.wrong(f"{where} is {shown(value)}: its items must be numbers, texts or lists") from None

    def named(self, name: str, items: list[Any]) -> None:
        """Architectures or datasets, some with options of their own."""
        found = []
        for item in self.filled(name, items):
            if not isinstance(item, dict):
                found.append(_Choice(label_of(self.text(name, item)), self.single(name, item)))
                continue
            rest = dict(item)
            if "name" not in rest:
                raise self.wrong(f"{name}: an item with options of its own needs a name, as in {{name: NAME, ...}}")
            called = self.text(f"{name}: name", rest.pop("name"))
            label = self.text(f"{name}: as", rest.pop("as", called))
            found.append(_Choice(label_of(label), {**self.own(name, f"{name} {called}: ", rest), name: called}))
        self.axis(name, found, [choice.label for choice in found], " (give each another name with as: WORD)")

    def own(self, name: str, within: str, rest: Mapping[str, Any]) -> Words:
        values: Words = {}
        for key, value in self.keys(rest, within):
            if key in (name, "device"):
                raise self.wrong(f"{within}{key} stands at the top of a study only")
            if isinstance(value, dict) and key in self.options.pairs:
                values[key] = {each: self.setting(f"{within}{key}: {each}", inner) for each, inner in value.items()}
            else:
                values.update(self.single(key, value) if not isinstance(value, list) else self.no_list(within + key))
        return values

    def no_list(self, where: str) -> Words:
        raise self.wrong(f"{where} is a list: lists of values stand at the top of a study only")

    def axis(self, name: str, choices: list[_Choice], texts: Sequence[str], way_out: str = "") -> None:
        if twice := [text for text, count in Counter(texts).items() if count > 1]:
            raise self.wrong(f"{name} holds {shown(twice[0])[1:-1]} twice{way_out}")
        self.axes[name] = choices

    def wrong(self, what: str) -> EmozooError:
        return EmozooError(f"{self.shown}: {what}")

    def cells(self) -> list[StudyCell]:
        """All trainings. Raises EmozooError for too many, and an option that is a list and one value at once."""
        count = math.prod(map(len, self.axes.values()))
        if count > MOST:
            raise self.wrong(
                f"its lists make {count} trainings, and {MOST} are the most: split it into several studies"
            )
        order = sorted(self.axes, key=lambda name: ([*NAMED, "protocol", name].index(name), name))
        for name in NAMED:  # what these bring decides, but a name must not say another value
            for choice in self.axes.get(name, ()):
                self.apart(name, choice)
        chosen = list(itertools.product(*(self.axes[name] for name in order)))
        names = ["-".join(filter(None, (choice.label for choice in choices))) for choices in chosen]
        words = [self.options.words(self.merged(order, choices)) for choices in chosen]
        return [StudyCell(*pair) for pair in zip(distinct(names, words), words, strict=True)]

    def apart(self, name: str, choice: _Choice) -> None:
        for key, value in choice.values.items():
            for own in [f"{key} {each}" for each in value] if isinstance(value, dict) else [key]:
                if own != name and own in self.axes:
                    raise self.wrong(
                        f"{own.replace(' ', ': ')} is a list, and {name} {choice.label} has another value of it"
                    )

    def merged(self, order: Sequence[str], choices: Sequence[_Choice]) -> Words:
        """What the study has for all, then what its lists choose, then what architectures and datasets bring."""
        found: Words = {**self.fixed}
        for _, choice in sorted(zip(order, choices, strict=True), key=lambda pair: pair[0] in NAMED):
            for name, value in choice.values.items():
                before = found.get(name)
                found[name] = {**before, **value} if isinstance(before, dict) and isinstance(value, dict) else value
        return found


def read_study(path: Path, shown_as: str, options: Options) -> list[StudyCell]:
    """The trainings of the study in a file. Raises EmozooError, about `shown_as`, for what is no study."""
    from emozoo.tables.plain_yaml import LARGEST, plain_data

    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise EmozooError(f"{shown_as}: cannot be read: {error.strerror or error}") from None
    if len(data) > LARGEST:
        raise EmozooError(f"{shown_as} is larger than {LARGEST // 2**10} KiB, as no study is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EmozooError(f"{shown_as} is not UTF-8 text: save it as that") from None
    reader = _Reader(shown_as, options)
    reader.read(_toml(text, shown_as) if path.suffix.lower() == ".toml" else plain_data(text, shown_as))
    return reader.cells()


def _toml(text: str, shown_as: str) -> Any:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise EmozooError(f"{shown_as} is damaged: not readable as TOML: {error}") from None
