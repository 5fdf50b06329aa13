"""A model that was trained on other corpora answers a corpus' clips: a second opinion on its labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.opening import load_with_record
from emozoo.checkpoint.provenance import Leak, compare
from emozoo.evaluation.clips import clip_probabilities
from emozoo.evaluation.data import Data
from emozoo.evaluation.notes import trained_by_its_card
from emozoo.hub.reference import name_of
from emozoo.inspection.exchanged import Comparison, compared
from emozoo.inspection.findings import Finding, clips
from emozoo.tables.emotions import same_emotion
from emozoo.text import listed

MOST = 200
"""Clips of each label that are answered, of all speakers in turn: more would not change what is found."""
AT_ONCE = 64
"""Clips between two steps of the progress that is shown."""
Track = Callable[[Iterable[Any], str, int], Iterable[Any]]
"""Passes items on and shows how many are done: the items, what is done, and their number."""


@dataclass(frozen=True)
class SecondOpinion:
    """What a model says of the clips."""

    model: str
    labels: tuple[str, ...]
    """Those of the corpus that the model knows."""
    answers: dict[str, dict[str, int]]
    """How many clips of each label got which answer, of the corpus' words for these labels."""
    comparison: Comparison = Comparison()
    leak: Leak = Leak()
    note: str = ""
    """Why nothing can be told, or what to know of it; "" for nothing."""

    def findings(self) -> Iterator[Finding]:
        """Labels that look exchanged."""
        for pair in self.comparison.exchanged:
            one, other = pair.labels
            text = (
                f"{one} and {other} look exchanged: {self._confusion(one, other)}; {self._confusion(other, one)}; "
                f"where a clip of each is compared, {pair.share:.0%} are as labelled (at most {pair.high:.0%})"
            )
            yield Finding("exchanged", text)

    def _confusion(self, label: str, other: str) -> str:
        own = self.answers[label]
        of = f"of {clips(sum(own.values()))} labelled {label}"
        return f"{of}, the model calls {own[other]} {other} and {own[label]} {label}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.model,
            "labels": list(self.labels),
            "answers": self.answers,
            "pairs": [pair.to_dict() for pair in self.comparison.pairs],
            "exchanged": [list(pair.labels) for pair in self.comparison.exchanged],
            "fit": self.comparison.fit,
            "tells": self.comparison.tells,
            "leak": self.leak.to_dict(),
            "note": self.note,
        }


@dataclass(frozen=True)
class Asked:
    """A model, opened, and its name."""

    name: str
    model: EmotionModel


def asked_model(reference: str, device: str) -> Asked:
    """Raises EmozooError for a model that there is not."""
    return Asked(name_of(reference), load_with_record(reference, device)[0])


def ask(asked: Asked, data: Data, words: Sequence[str], track: Track) -> SecondOpinion:
    """What the model says of some clips of each label that it knows. `words`: each clip's label, "" for none."""
    model = asked.model
    known = {same_emotion(word): place for place, word in enumerate(model.labels)}
    labels = tuple(word for word in sorted({*words} - {""}) if same_emotion(word) in known)
    if problem := _problem(model, data, labels):
        return SecondOpinion(asked.name, labels, {}, note=f"nothing can be told of the labels: {asked.name} {problem}")
    rows = [row for label in labels for row in _some(label, words, data.speakers)]
    answers = np.concatenate(
        [
            clip_probabilities(model, data.store, rows[begin : begin + AT_ONCE])
            for begin in track(range(0, len(rows), AT_ONCE), "answering", -(-len(rows) // AT_ONCE))
        ]
    )[:, [known[same_emotion(label)] for label in labels]]
    own, speakers = [words[row] for row in rows], [data.speakers[row] for row in rows]
    comparison = compared(answers, own, speakers, labels)
    leak = compare(model.provenance, data.clips, rows)
    return SecondOpinion(
        asked.name,
        labels,
        _counted(answers, own, labels),
        comparison,
        leak,
        _note(asked.name, comparison, leak, trained_by_its_card(model, data)),
    )


def _problem(model: EmotionModel, data: Data, labels: Sequence[str]) -> str:
    """Why a model cannot tell; "" if it can."""
    if data.corpus.synthetic and not model.synthetic:
        return "knows real voices, and these are computed"
    if model.video and "video" not in model.optional:
        return "needs video, which is not looked at here"
    if model.preparation.denoise:
        return "removes noise first, which is not done here"
    if len(labels) < 2:
        return f"knows {labels[0] if labels else 'none of them'} {'alone' if labels else ''}".strip()
    return ""


def _some(label: str, words: Sequence[str], speakers: Sequence[str]) -> list[int]:
    """Rows of a label: at most `MOST`, of the speakers in turn, spread over the rows of each."""
    by_speaker: dict[str, list[int]] = defaultdict(list)
    for row in np.random.default_rng(0).permutation(len(words)).tolist():
        if words[row] == label:
            by_speaker[speakers[row]].append(row)
    turns = sorted((turn, row) for own in by_speaker.values() for turn, row in enumerate(own))
    return sorted(row for _, row in turns[:MOST])


def _counted(answers: np.ndarray, words: Sequence[str], labels: Sequence[str]) -> dict[str, dict[str, int]]:
    counts = {label: dict.fromkeys(labels, 0) for label in labels}
    for word, answer in zip(words, answers, strict=True):
        if np.isfinite(answer).all():
            counts[word][labels[int(answer.argmax())]] += 1
    return counts


def _note(name: str, found: Comparison, leak: Leak, by_card: str) -> str:
    parts = []
    unclear = [" and ".join(pair.labels) for pair in found.pairs if pair.state != "as labelled"]
    if not found.pairs:
        parts.append("nothing can be told of the labels: too few clips of them")
    elif not found.tells:
        parts.append(
            f"nothing can be told of the labels: {name} has {found.fit:.0%} of the pairs of clips in their order, and knows "
            "this corpus too little"
        )
    elif unclear and not found.exchanged:  # an exchange upsets the other pairs
        parts.append(f"{name} cannot tell whether these are as labelled: {listed(unclear, 6)}")
    if by_card or leak.found:
        known = f"{leak.trained_clips} of these clips and {leak.trained_speakers} of these {leak.speakers} speakers"
        text = by_card or f"{name} was trained on {known}"
        parts.append(f"{text}: it does not notice labels that were exchanged before it learnt them")
    elif leak.sentence:
        parts.append(leak.sentence)
    return ". ".join(parts)
