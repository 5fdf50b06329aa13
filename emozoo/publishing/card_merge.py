"""Separates what a person wrote into a model card from what emozoo wrote, and merges the two.

emozoo notes in its block what it wrote, and what a person had written at the last push. A value that differs from the note
is a person's. Of the local card and the Hub's, the one that changed since the last push is newer. `emozoo.publishing.card`
reads and writes cards.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

TASK = "Speech emotion recognition"
DETAILS = {"protocol", "fold", "folds", "speaker_disjoint"}
"""Keys of the split in emozoo's own results. These and the task's name identify them."""
NOTE = re.compile(r"\n*<!-- emozoo: wrote (\{.*\}) -->\n*")
RESULTS = "model-index"
TAGS = "tags"
OWN = "emozoo"


@dataclass(frozen=True)
class Note:
    """What emozoo noted in a card's block."""

    front: Mapping[str, Any] = field(default_factory=dict)
    """The values that it wrote into the front matter, without its results."""
    results: str = ""
    """A digest of its results."""
    block: str = ""
    """A digest of its block."""
    pushed: Mapping[str, str] | None = None
    """Digests of what a person had written at the last push: of each key, and of the text before and after the block."""

    def line(self) -> str:
        # Without the characters that could end the comment.
        return "<!-- emozoo: wrote " + json.dumps(vars(self)).replace(">", "\\u003e").replace("<", "\\u003c") + " -->"


@dataclass(frozen=True)
class Words:
    """What a person wrote into a card."""

    front: Mapping[str, Any]
    before: str
    after: str

    def digests(self) -> dict[str, str]:
        return {**{key: digest(value) for key, value in self.front.items()}, **self._texts()}

    def _texts(self) -> dict[str, str]:
        texts = {"<before>": self.before.strip(), "<after>": self.after.strip()}
        return {name: digest(text) for name, text in texts.items() if text}


def digest(value: Any) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def read_note(block: str) -> Note | None:
    """The note of a block; None if there is none that can be read."""
    found = NOTE.search(block)
    try:
        note = Note(**json.loads(found[1])) if found else None
    except (ValueError, TypeError, RecursionError):
        return None
    return note if note and isinstance(note.front, dict) and isinstance(note.pushed, dict | None) else None


def words_of(data: Mapping[str, Any], before: str, block: str, after: str) -> Words:
    """A person's part of a card. Without a note, everything counts as theirs except emozoo's results."""
    wrote = (read_note(block) or Note()).front
    front = {key: value for key, value in data.items() if key not in wrote or value != wrote[key]}
    if TAGS in front:
        front[TAGS] = [tag for tag in as_list(front[TAGS]) if tag not in as_list(wrote.get(TAGS))]
    if RESULTS in front:
        front[RESULTS] = _without_own_results(front[RESULTS])
    if isinstance(front.get(OWN), dict):
        front[OWN] = {key: value for key, value in front[OWN].items() if key not in ("architecture", "labels")}
    return Words({key: value for key, value in front.items() if value not in (None, [], {})}, before, after)


def _without_own_results(index: Any) -> Any:
    """A model-index without emozoo's results and without entries that are then empty."""
    if not isinstance(index, list):
        return index
    kept = []
    for entry in index:
        results = entry.get("results") if isinstance(entry, dict) else None
        if not isinstance(results, list):
            kept.append(entry)
        elif theirs := [result for result in results if not is_own(result)]:
            kept.append({**entry, "results": theirs})
    return kept


def is_own(result: Any) -> bool:
    """Whether a result of a model-index is one that emozoo measured and wrote."""
    try:
        args = result["dataset"]["args"]
        return result["task"]["name"] == TASK and DETAILS <= args.keys()
    except (KeyError, TypeError, AttributeError):
        return False


def own_results(index: Any) -> list[Any]:
    """emozoo's results of a model-index."""
    entries = [entry for entry in index if isinstance(entry, dict)] if isinstance(index, list) else []
    return [result for entry in entries for result in as_list(entry.get("results")) if is_own(result)]


def compose(fresh: Mapping[str, Any], words: Words) -> tuple[dict[str, Any], list[str]]:
    """emozoo's front matter merged with a person's, and a sentence for each key in which theirs replaces emozoo's value."""
    front, told = dict(fresh), []
    for key, value in words.front.items():
        if key == TAGS:
            front[key] = list(dict.fromkeys([*as_list(fresh.get(key)), *as_list(value)]))
        elif key == RESULTS:
            front[key] = _with_results(fresh.get(key) or [], value)
        elif key == OWN and isinstance(value, dict):
            front[key] = {**value, **fresh[OWN]}
        else:
            front[key] = value
            if key in fresh and not _texts_of(fresh[key]) <= _texts_of(value):
                told.append(f"{key} stays {_shown(value)}, as you wrote it; emozoo would write {_shown(fresh[key])}")
    if "license" in words.front and words.front["license"] != fresh.get("license"):
        front = {key: value for key, value in front.items() if key != "license_name" or key in words.front}
    return front, told


def _texts_of(value: Any) -> set[str]:
    return set(map(str, as_list(value)))


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _with_results(own: list[Any], theirs: Any) -> Any:
    if not isinstance(theirs, list) or not own:
        return theirs or own
    first, rest = theirs[0], theirs[1:]
    if isinstance(first, dict) and isinstance(first.get("results"), list):
        return [{**own[0], **first, "results": [*own[0]["results"], *first["results"]]}, *rest]
    return [*own, *theirs]


def merge(ours: Words, theirs: Words, pushed: Mapping[str, str] | None) -> tuple[Words, list[str]]:
    """Merges a person's words in the local card with those on the Hub. `pushed` has the digests of the last push.

    The value that changed since the last push is taken. If both changed, lists and texts keep the content of both, and of
    other values the local one is taken. A sentence tells of each.
    """
    front: dict[str, Any] = {}
    told: list[str] = []
    for key in dict.fromkeys([*ours.front, *theirs.front]):
        mine, other = ours.front.get(key), theirs.front.get(key)
        value, both = _newer(mine, other, None if pushed is None else pushed.get(key, ""))
        if both and isinstance(mine, list) and isinstance(other, list):
            value = [*mine, *(item for item in other if item not in mine)]
        elif both:
            told.append(f"{key} is {_shown(mine)} here and {_shown(other)} there: that of here replaces it")
        if value is not None:
            front[key] = value
    texts = []
    for name, mine, other in (("before", ours.before, theirs.before), ("after", ours.after, theirs.after)):
        base = None if pushed is None else pushed.get(f"<{name}>", "")
        text, both = _newer(mine.strip() or None, other.strip() or None, base)
        if both:
            text = union(mine, other)
            told.append(f"its text {name} emozoo's block was changed here and there: all paragraphs of both are kept")
        texts.append(
            mine if text is None or text == mine.strip() else f"\n{text}\n\n" if name == "before" else f"\n\n{text}\n"
        )
    return Words(front, *texts), told


def _newer(mine: Any, other: Any, base: str | None) -> tuple[Any, bool]:
    """The value that changed since its digest was `base` ("": there was none; None: unknown), and whether both changed."""
    if mine == other:
        return mine, False
    if base is None:
        return (other, False) if mine is None else (mine, other is not None)
    if base == ("" if other is None else digest(other)):
        return mine, False
    if base == ("" if mine is None else digest(mine)):
        return other, False
    return (other, False) if mine is None else (mine, other is not None)


def union(mine: str, other: str) -> str:
    """The paragraphs of two texts, each once, in the order of both texts where they agree."""
    ours, theirs = ([part for part in re.split(r"\n\s*\n", text.strip()) if part] for text in (mine, other))
    kept: list[str] = []
    for _, a, b, c, d in difflib.SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        kept += ours[a:b]
        kept += [part for part in theirs[c:d] if part not in ours]
    return "\n\n".join(kept)


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
