"""Door: what a plugin offers that ships a trained model: a `ShippedModel`, under a name that is a model reference.

Importing this module imports neither torch nor numpy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from emozoo.architecture import CONTRACT_VERSION, MODALITIES, version_problem
from emozoo.errors import EmozooError
from emozoo.hub.reference import is_reference, parse

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,98}")
LONGEST = 300
"""Characters of a text."""


@dataclass(frozen=True)
class Score:
    """What somebody measured: the model's authors, unless `source` says who else."""

    dataset: str
    ua: float
    """The mean recall of the labels, from 0 to 1."""
    protocol: str = ""
    """How training and test were divided, as in `unseen speakers`."""
    source: str = ""
    """Where the figure stands: a paper, a page, a card."""


@dataclass(frozen=True)
class ShippedModel:
    """What the entry point of a model names (group `emozoo.models`)."""

    name: str
    """As the entry point's; `--model NAME` uses it."""
    reference: str
    """`hub:user/name[@revision]`, or a checkpoint's folder beside the entry point's module, as in `models/small`."""
    summary: str = ""
    """One line on what it is, for `emozoo list`."""
    licence: str = ""
    """Of the weights."""
    labels: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """Codes, as `en`."""
    corpora: tuple[str, ...] = ()
    """What it was trained on, by emozoo's names of datasets where there are some."""
    modalities: tuple[str, ...] = ("audio",)
    parameters: int | None = None
    scores: tuple[Score, ...] = ()
    contract: int = CONTRACT_VERSION
    """The version of the plugin contract that it was written for."""

    @property
    def on_hub(self) -> bool:
        return is_reference(self.reference)


def shipped_problem(model: object, entry_name: str) -> str | None:
    """The first way in which `model` breaks the contract; None if it keeps it. Its files are not looked at."""
    if not isinstance(model, ShippedModel):
        return f"the entry point gives a {type(model).__name__}, not an emozoo.shipped.ShippedModel"
    if problem := version_problem(model.contract):
        return problem
    if model.name != entry_name:
        return f"the entry point is named {entry_name!r}, the model {model.name!r}: they must agree"
    if not NAME.fullmatch(model.name):
        return f"the name {model.name!r} is no word of letters, digits and . _ -, so that --model could not tell it"
    return _reference_problem(model) or _texts_problem(model) or _scores_problem(model)


def _reference_problem(model: ShippedModel) -> str | None:
    if not isinstance(model.reference, str):
        return f"reference is {model.reference!r}, not a text"
    if model.on_hub:
        try:
            parse(model.reference)
        except EmozooError as error:
            return f"reference: {error}"
        return None
    parts = PurePosixPath(model.reference).parts
    if not parts or ".." in parts or parts[0] == "/" or re.search(r"[\\:]", model.reference):
        return f"reference is {model.reference!r}, not hub:user/name nor a folder beside the module"
    return None


def _texts_problem(model: ShippedModel) -> str | None:
    for name in ("summary", "licence"):
        if not _is_text(getattr(model, name)):
            return f"{name} is not a text of one line"
    for name in ("labels", "languages", "corpora"):
        words = getattr(model, name)
        if not isinstance(words, tuple) or not all(_is_text(word) and word for word in words):
            return f"{name} are {words!r}, not a tuple of texts"
    if model.modalities not in MODALITIES:
        return f'modalities are {model.modalities!r}, not ("audio",) or ("audio", "video")'
    if model.parameters is not None and (type(model.parameters) is not int or model.parameters < 1):
        return f"parameters is {model.parameters!r}, not a number above zero"
    return None


def _scores_problem(model: ShippedModel) -> str | None:
    if not isinstance(model.scores, tuple) or not all(isinstance(score, Score) for score in model.scores):
        return "scores are not a tuple of emozoo.shipped.Score"
    for score in model.scores:
        if isinstance(score.ua, bool) or not isinstance(score.ua, int | float) or not 0 <= score.ua <= 1:
            return f"a score's ua is {score.ua!r}, not a share from 0 to 1"
        if not all(map(_is_text, (score.dataset, score.protocol, score.source))) or not score.dataset:
            return "a score names no dataset, or holds something else than texts of one line"
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST and (value.isprintable() or not value)
