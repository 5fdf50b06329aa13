"""What `emozoo list` tells of a plugin, as plain data.

Of third parties' plugins, the process that tries them works it out; of emozoo's own, it stands in facts.json, which
research/facts.py writes. So listing imports neither.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from emozoo.hints import from_json
from emozoo.registry.entry_points import ARCHITECTURES

LABELS = 4
"""Labels of the network whose parameters are counted."""
LONGEST = 300
MOST = 100
"""Characters of a text, and texts in a list, that are told."""


@dataclass(frozen=True)
class Measured:
    """A score, and where it comes from."""

    ua: float
    """The mean recall of the labels, from 0 to 1."""
    dataset: str
    protocol: str = ""
    labels: int | None = None
    """How many were told apart."""
    architecture: str = ""
    """Which network it is of."""
    source: str = ""
    """The command that measured it or, of others' scores, where they stand."""


@dataclass(frozen=True)
class Facts:
    """Empty where nothing is known."""

    summary: str = ""
    modalities: tuple[str, ...] = ()
    parameters: int | None = None
    """Of an architecture: with its defaults and `LABELS` labels."""
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """Codes, as `en`."""
    licence: str = ""
    corpora: tuple[str, ...] = ()
    architecture: str = ""
    reference: str = ""
    target: str = ""
    best: Measured | None = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON; `facts_from` reads it."""
        return asdict(self)


UNKNOWN = Facts()


def facts_from(document: Any) -> Facts:
    """From JSON; `UNKNOWN` where it is damaged."""
    with suppress(ValueError, TypeError):
        return from_json(Facts, document)
    return UNKNOWN


@functools.cache
def own_facts() -> Mapping[str, Mapping[str, Facts]]:
    """Of emozoo's own plugins, by group and name; and of the bundled models, under `bundled`."""
    text = importlib.resources.files("emozoo.registry").joinpath("facts.json").read_text(encoding="utf-8")
    return {
        group: {name: facts_from(facts) for name, facts in named.items()} for group, named in json.loads(text).items()
    }


def facts_of(offered: Any) -> Facts:
    """What an object that a plugin offers says of itself, without an architecture's parameters."""
    language = _text(getattr(offered, "language", ""))
    found = Facts(
        summary=_text(getattr(offered, "summary", "")),
        modalities=_texts(getattr(offered, "modalities", ())),
        labels=_texts(getattr(offered, "labels", ())),
        languages=_texts(getattr(offered, "languages", ())) or ((language,) if language else ()),
        licence=_text(getattr(offered, "licence", "")),
        corpora=_texts(getattr(offered, "corpora", ())),
        reference=_text(getattr(offered, "reference", "")),
    )
    parameters = getattr(offered, "parameters", None)
    scores = [
        Measured(float(score.ua), _text(score.dataset), _text(score.protocol), source=_text(score.source))
        for score in getattr(offered, "scores", ())
    ]
    best = max(scores, key=lambda score: score.ua, default=None)
    return replace(found, parameters=parameters if type(parameters) is int else None, best=best)


def with_parameters(facts: Facts, group: str, offered: Any) -> Facts:
    """With an architecture's parameters, which are counted on a network without memory. Imports torch; raises whatever the
    plugin's code raises."""
    if group != ARCHITECTURES:
        return facts
    import torch

    with torch.device("meta"):
        network = offered.build(offered.config(), LABELS)
    return replace(facts, parameters=sum(parameter.numel() for parameter in network.parameters()))


def _text(value: Any) -> str:
    return value[:LONGEST] if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(_text(word) for word in value[:MOST]) if isinstance(value, tuple | list) else ()
