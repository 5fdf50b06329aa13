"""Words for emotions, of many corpora and languages, and emozoo's own for each: emotions.csv."""

from __future__ import annotations

import csv
import functools
import importlib.resources
import re
import unicodedata
from collections.abc import Mapping, Sequence


@functools.cache
def emotions() -> Mapping[str, str]:
    """emozoo's word for each that the table knows, in small letters."""
    text = importlib.resources.files("emozoo.tables").joinpath("emotions.csv").read_text(encoding="utf-8")
    known = {row["word"]: row["emotion"] for row in csv.DictReader(text.splitlines())}
    return known | {emotion: emotion for emotion in known.values()}


def emotion_of(label: str) -> str | None:
    """emozoo's word for a label; None where the table has none. Of one in two languages, such as `生气/angry`, both parts
    must mean the same."""
    known = emotions()
    word = unicodedata.normalize("NFKC", label).strip().casefold()
    if word in known:
        return known[word]
    found = {known.get(part.strip()) for part in re.split(r"[/|()]", word) if part.strip()}
    return found.pop() if len(found) == 1 else None


def same_emotion(label: str) -> str:
    """What labels for one emotion have in common: emozoo's word, else the label in small letters."""
    return emotion_of(label) or label.casefold()


def in_common_words(labels: Sequence[str], words: Mapping[str, str]) -> tuple[str, ...]:
    """Labels in emozoo's words, by `words` and the table. One that neither knows stays as it is, and so do those that would
    become the same word."""
    found = [words.get(label) or emotion_of(label) or label for label in labels]
    return tuple(
        label if found.count(word) > 1 or word != label and word in labels else word
        for label, word in zip(labels, found, strict=True)
    )
