"""Public models for emotion in speech, by reference: models.csv, with what their authors say of them.

Nothing in it was measured by emozoo. `source` and `score_source` say where each row comes from; what is not known is empty.
"""

from __future__ import annotations

import csv
import functools
import importlib.resources
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emozoo.hub.reference import is_reference, parse

READ, REFUSED, UNCLEAR = "read", "refused", "unclear"
NAMELESS = re.compile(r"LABEL_(\d+)")
"""What transformers calls an output that its config does not name."""


@dataclass(frozen=True)
class PublicModel:
    """A model that others publish on the Hub."""

    reference: str
    summary: str
    reader: str
    """Which plugin opens it; empty: unknown."""
    target: str
    """`emotion` or `dimensions`."""
    labels: tuple[str, ...]
    """As its authors name the outputs, in order."""
    languages: tuple[str, ...]
    """Codes, as `en`."""
    corpora: tuple[str, ...]
    """What it was trained on: words of corpora.csv."""
    licence: str
    score: str
    """What its authors measured."""
    score_source: str
    source: str
    state: str
    """Judged by the layout of its files: `read`, `refused: ` and why, or `unclear: ` and why."""

    @property
    def verdict(self) -> str:
        """`read`, `refused` or `unclear`."""
        return self.state.partition(":")[0]


@functools.cache
def public_models() -> tuple[PublicModel, ...]:
    """All of models.csv."""
    return tuple(_model(row) for row in _rows("models.csv"))


@functools.cache
def corpora() -> Mapping[str, str]:
    """The words by which models.csv calls corpora, which are emozoo's for those that it reads, and the corpora's names."""
    return {row["word"]: row["corpus"] for row in _rows("corpora.csv")}


def known_model(reference: str | os.PathLike[str]) -> PublicModel | None:
    """What is known of the model that a reference names, at whatever revision; None for another one, and for a folder."""
    if not is_reference(reference):
        return None
    repo = parse(reference).repo.casefold()
    return next((each for each in public_models() if parse(each.reference).repo.casefold() == repo), None)


def named_labels(labels: Sequence[str], reference: str | os.PathLike[str]) -> tuple[str, ...]:
    """The labels of a model or, where its config only says LABEL_0, LABEL_1 and so on, what its authors say elsewhere."""
    nameless = [NAMELESS.fullmatch(label) for label in labels]
    if not all(found and int(found[1]) == number for number, found in enumerate(nameless)):
        return tuple(labels)
    model = known_model(reference)
    return model.labels if model and len(model.labels) == len(labels) else tuple(labels)


def _rows(file: str) -> list[dict[str, str]]:
    text = importlib.resources.files("emozoo.hub").joinpath(file).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _model(row: Mapping[str, str]) -> PublicModel:
    several = ("labels", "languages", "corpora")
    values: dict[str, Any] = {name: tuple(text.split()) if name in several else text for name, text in row.items()}
    return PublicModel(**values)
