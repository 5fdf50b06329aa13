"""The options of a request, from its query and its form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from emozoo.errors import EmozooError
from emozoo.inference.options import PredictOptions
from emozoo.serve.refusal import Refused
from emozoo.text import shown, suggestion

WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
PREDICT = ("model", "timeline", "hop", "vad", "min_confidence", "coverage")
EMBED = ("model", "windows", "hop", "vad")
LISTEN = ("model", "rate", "channels", "format", "hop", "vad", "min_confidence", "coverage")


@dataclass(frozen=True)
class Asked:
    """Values by name, each given once. Raises Refused, with status 422, for a value that cannot be."""

    values: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str | None:
        return self.values.get(name)

    def boolean(self, name: str) -> bool | None:
        said = self.values.get(name)
        if said is None:
            return None
        if said.lower() not in WORDS:
            raise Refused(422, f"{name} is true or false, not {shown(said)}")
        return WORDS[said.lower()]

    def number(self, name: str) -> float | None:
        said = self.values.get(name)
        if said is None:
            return None
        try:
            found = float(said)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise Refused(422, f"{name} is a number, not {shown(said)}")
        return found

    def integer(self, name: str) -> int | None:
        said = self.values.get(name)
        if said is None:
            return None
        if not (said.isascii() and said.isdecimal() and len(said) < 10):
            raise Refused(422, f"{name} is a whole number, not {shown(said)}")
        return int(said)

    def options(self, timeout: float | None = None) -> PredictOptions:
        """Those of `emozoo predict`; `timeout` is the decoder's."""
        hop, confidence = self.number("hop"), self.number("min_confidence")
        try:
            return PredictOptions(
                timeline=bool(self.boolean("timeline")),
                vad=self.boolean("vad"),
                coverage=self.number("coverage"),
                timeout=timeout,
                hop=hop,
                min_confidence=confidence or 0.0,
            )
        except EmozooError as error:
            raise Refused(422, str(error)) from None


def read_asked(known: Iterable[str], *given: Iterable[tuple[str, str]]) -> Asked:
    """Checks names and values from a query and a form. Raises Refused for an unknown name, and for one given twice."""
    names = tuple(known)
    values: dict[str, str] = {}
    for name, value in (pair for pairs in given for pair in pairs):
        if name not in names:
            raise Refused(422, f"{shown(name)} is no option here: {suggestion(name, names)}")
        if name in values:
            raise Refused(422, f"{name} is given twice: give it once, in the query or in the form")
        values[name] = value
    return Asked(values)
