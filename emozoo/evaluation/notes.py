"""What a reader of measured figures must know of the clips that they are of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from emozoo.checkpoint.results import Metrics
from emozoo.data.truth import UNDECIDED
from emozoo.evaluation.data import Data
from emozoo.text import letters

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel


def notes_on(model: EmotionModel, data: Data, rows: Sequence[int], metrics: Metrics, modality: str | None) -> list[str]:
    """What some of the rows lack, a sentence each."""
    notes = []
    lacking = sum(data.store.frames(row) is None for row in rows) if model.video and not modality else 0
    if lacking:
        notes.append(f"{lacking} of {len(rows)} clips have no video: the model got their audio alone")
    if silent := len(rows) - (metrics.answered or 0):
        notes.append(f"{silent} of {len(rows)} clips are silent: they have no answer and are not in the figures")
    measured = {each.name: each for each in metrics.dimensions}
    notes += [
        f"CCC of {name} is undefined: all ratings are alike" for name, each in measured.items() if each.ccc is None
    ]
    if unrated := [name for name in model.outputs.dimensions if name not in measured]:
        notes.append(f"no clip has a rating of {' or '.join(unrated)}")
    if metrics.votes and metrics.votes.human_accuracy is None:
        notes.append("each clip has one rater, so the raters' own agreement is not known")
    return notes + (_on_words(model, data, rows) if metrics.labels else [])


def _on_words(model: EmotionModel, data: Data, rows: Sequence[int]) -> list[str]:
    notes = []
    words = data.truth.words[list(rows)]
    if undecided := int((words == UNDECIDED).sum()):
        notes.append(f"{undecided} of {len(rows)} clips have no majority: they are not in WA and UA")
    there = {*words.tolist()} - {UNDECIDED}
    if absent := [label for number, label in enumerate(model.labels) if number not in there]:
        notes.append(f"no clip is {' or '.join(absent)}: UA and macro F1 are over the other {len(there)} classes")
    return notes


def trained_by_its_card(model: EmotionModel, data: Data) -> str:
    """That the model's own card, of another library, names a corpus that is measured; "" where it names none."""
    named = model.source.datasets if model.source else ()
    there = {data.corpus.name, *map(str, data.columns.get("corpus", ()))}
    known = {letters(name) for name in there} - {""}
    found = [name for name in named if letters(name.rpartition("/")[2]) in known]
    return (
        f"leaked: its card says that it was trained on {', '.join(found)}, so these figures say little" if found else ""
    )
