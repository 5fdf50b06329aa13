"""Finds before the first epoch what would fail after the last: labels that no file can hold, a network that its checkpoint
does not bring back."""

from __future__ import annotations

import secrets
import shutil
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import torch

from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError
from emozoo.filenames import LONGEST_TEXT, MOST_LABELS
from emozoo.paths import PART
from emozoo.publishing.card import render_card
from emozoo.text import shown
from emozoo.training.objective import plugin_name


def check_labels(labels: Sequence[str]) -> None:
    """Raises EmozooError for labels that a checkpoint, a table or a card cannot hold."""
    for label in labels:
        if not isinstance(label, str):
            raise EmozooError(f"the label {shown(label)} is not text: a label is a word such as happy")
        if not label.strip() or not label.isprintable():
            raise EmozooError(
                f"the label {shown(label)} cannot be printed, and no checkpoint takes it: --merge gives it another name"
            )
        if len(label) > LONGEST_TEXT:
            raise EmozooError(f"the label {shown(label)} has {len(label)} characters, more than a checkpoint takes")
    if len(labels) > MOST_LABELS:
        raise EmozooError(
            f"{len(labels)} labels are more than a checkpoint takes, {MOST_LABELS}: name some with --labels"
        )
    seen: dict[str, str] = {}
    for label in labels:
        alike = seen.setdefault(" ".join(unicodedata.normalize("NFC", label).split()), label)
        if alike is not label:
            raise EmozooError(
                f"the labels {shown(alike)} and {shown(label)} look the same: --merge {label}={alike} makes one of them"
            )


def rehearse(model: EmotionModel, folder: Path) -> None:
    """Saves the untrained model below `folder`, loads it again and describes it in a card, as the end of a training does.

    Raises EmozooError, naming the plugin, where one of these fails or the model comes back changed.
    """
    trial = folder / f"{PART}{secrets.token_hex(4)}"
    try:
        model.save(trial)
        again = load(trial, "cpu")
        _compare(model, again)
        render_card(trial)
    except EmozooError as error:
        raise _refused(model, str(error).replace(f"{trial}/", "")) from error
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a plugin's values do to what writes them
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise _refused(model, reason[:300]) from error
    finally:
        shutil.rmtree(trial, ignore_errors=True)


def _compare(model: EmotionModel, again: EmotionModel) -> None:
    if again.outputs != model.outputs:
        raise EmozooError("its labels come back changed")
    if again.config != model.config:
        raise EmozooError(f"its config comes back changed: {shown(again.config)}")
    weights = again.network.state_dict()
    for key, value in model.network.state_dict().items():
        if not torch.equal(value.cpu(), weights[key]):
            raise EmozooError(f"its tensor {key!r} comes back changed")


def _refused(model: EmotionModel, reason: str) -> EmozooError:
    return EmozooError(
        f"{plugin_name(model)} cannot be trained, for its checkpoint could not be saved and loaded again: {reason}"
    )
