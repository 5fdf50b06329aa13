"""What a checkpoint was trained on, and whether test clips are among it.

For train and dev, provenance.json holds the first 8 bytes of the digest of each clip's samples, and a digest of each
speaker's corpus and name. Nobody can read names from it; somebody who has the names can test them. Fine-tuned models and
ensembles inherit the records of the models that they start from. `compare` alone decides whether test clips were trained on.

A clip is recognised by its exact samples, as decoded and prepared. A copy that was encoded, cut, resampled or decoded
differently has other samples. It is then recognised by its speaker only, if corpus and speaker have the same names.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emozoo.filenames import PROVENANCE
from emozoo.paths import write_text
from emozoo.text import letters

LARGEST = 64 * 2**20
"""Bytes of a provenance.json that is read: five million clips."""
DIGITS = 16
"""Hexadecimal digits of a clip's digest that are kept: 8 bytes."""

DAMAGED = f"the model's record of what it was trained on ({PROVENANCE}) is damaged"
NAMESAKES = "the tables name no corpus, so speakers of one name may or may not be the same person"
PRETRAINED = "pretrained by others, on data of which there is no record here"


@dataclass(frozen=True)
class Side:
    """Clips of one side of a split, or of several such sides."""

    speakers: frozenset[tuple[str, str]] = frozenset()
    """(corpus, digest of the speaker); the corpus is "" if it has no name."""
    clips: frozenset[str] = frozenset()
    """The first `DIGITS` of each clip's digest."""

    def __or__(self, other: Side) -> Side:
        return Side(self.speakers | other.speakers, self.clips | other.clips)


@dataclass(frozen=True)
class Provenance:
    """What a model was trained on, including the models that it was fine-tuned from."""

    train: Side = Side()
    dev: Side = Side()
    """What the best epoch was chosen by. The weights were not trained on it."""
    unknown: tuple[str, ...] = ()
    """What is not recorded, in words; empty if everything is recorded."""
    pretrained: bool = False
    """Whether it builds on pretrained weights, such as a speech encoder's, whose training data are not recorded."""

    def __or__(self, other: Provenance) -> Provenance:
        """The provenance of a model that builds on both."""
        unknown = tuple(dict.fromkeys(self.unknown + other.unknown))
        return Provenance(self.train | other.train, self.dev | other.dev, unknown, self.pretrained or other.pretrained)

    def write(self, folder: Path) -> None:
        sides = {"train": self.train, "dev": self.dev}
        corpora: dict[str, dict[str, list[str]]] = {}
        for side, own in sides.items():
            for corpus, speaker in sorted(own.speakers):
                corpora.setdefault(corpus, {}).setdefault(side, []).append(speaker)
        document = {
            "unknown": list(self.unknown),
            "pretrained": self.pretrained,
            "speakers": corpora,
            "clips": {side: _packed(own.clips) for side, own in sides.items()},
        }
        write_text(folder / PROVENANCE, json.dumps(document, indent=1, ensure_ascii=False) + "\n")


@dataclass(frozen=True)
class Leak:
    """How much of the test data the model was trained on; all 0 and empty if it is known to be nothing."""

    clips: int = 0
    """Test clips."""
    speakers: int = 0
    """Test speakers whose names are known."""
    trained_clips: int = 0
    trained_speakers: int = 0
    dev_clips: int = 0
    """Other test clips, by which the best epoch was chosen."""
    dev_speakers: int = 0
    namesakes: int = 0
    """Other test speakers with the name of a training speaker, in tables that name no corpus."""
    unknown: tuple[str, ...] = ()
    pretrained: bool = False

    @property
    def found(self) -> bool:
        return bool(self.trained_clips or self.trained_speakers or self.dev_clips or self.dev_speakers)

    @property
    def disjoint(self) -> bool:
        """Whether everything is known and nothing was found."""
        return not (self.found or self.namesakes or self.unknown)

    @property
    def sentence(self) -> str:
        """What a reader of the result must know; "" for nothing."""
        parts = []
        if self.trained_clips or self.trained_speakers:
            parts.append(f"leaked: trained on {self._of(self.trained_speakers, self.trained_clips)}")
        if self.dev_clips or self.dev_speakers:
            parts.append(f"leaked: its epoch was chosen by {self._of(self.dev_speakers, self.dev_clips)}")
        if self.namesakes:
            parts.append(f"unknown for {self.namesakes} of {self.speakers} test speakers: {NAMESAKES}")
        if self.unknown:
            parts.append(f"unknown whether test speakers were trained on: {'; '.join(self.unknown)}")
        if self.pretrained:
            parts.append(PRETRAINED)
        return "; ".join(parts)

    def _of(self, speakers: int, clips: int) -> str:
        own = f"{clips} of {self.clips} test clips"
        return f"{speakers} of {self.speakers} test speakers, {own}" if self.speakers else own

    def __add__(self, other: Leak) -> Leak:
        """The sum over two folds, which share no test clip and no test speaker."""
        counts = {name: value + getattr(other, name) for name, value in vars(self).items() if type(value) is int}
        unknown = tuple(dict.fromkeys(self.unknown + other.unknown))
        return Leak(**counts, unknown=unknown, pretrained=self.pretrained or other.pretrained)

    def to_dict(self) -> dict[str, Any]:
        """As metrics.json holds it."""
        return asdict(self)


@dataclass(frozen=True)
class Clips:
    """The rows of a dataset as the record identifies them, one entry per row."""

    digests: tuple[str, ...]
    speakers: tuple[tuple[str, str] | None, ...]
    """As in `Side`; None where unknown."""

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]], usual: str = "") -> Clips:
        """From the columns `digest`, `speaker` and `corpus`. A row without a corpus is of the `usual` one, "" if unknown."""
        count = len(columns["digest"])
        corpora = (letters(str(name or "") or usual) for name in columns.get("corpus", [""] * count))
        names = zip(corpora, columns["speaker"], strict=True)
        speakers = tuple((corpus, _speaker(corpus, name)) if name else None for corpus, name in names)
        return cls(tuple(str(digest or "")[:DIGITS] for digest in columns["digest"]), speakers)

    def side(self, rows: Iterable[int]) -> Side:
        """These rows as one side of a split."""
        rows = list(rows)
        speakers = frozenset(who for row in rows if (who := self.speakers[row]))
        return Side(speakers, frozenset(self.digests[row] for row in rows if self.digests[row]))

    def provenance(self, train: Iterable[int], dev: Iterable[int], *, pretrained: bool = False) -> Provenance:
        """The provenance of a model that is trained on the `train` rows, its best epoch chosen by the `dev` rows."""
        return Provenance(self.side(train), self.side(dev), pretrained=pretrained)


def compare(provenance: Provenance | None, clips: Clips, test: Sequence[int]) -> Leak:
    """What of the `test` rows a model was trained on. `clips` are all rows of the dataset, because a training clip outside
    the test rows also identifies its speaker."""
    provenance = provenance or unrecorded("the model")
    asked = {who for row in test if (who := clips.speakers[row])}
    train, train_names, train_clips = _known_again(provenance.train, clips, asked, test)
    dev, dev_names, dev_clips = _known_again(provenance.dev, clips, asked, test)
    return Leak(
        clips=len(test),
        speakers=len(asked),
        trained_clips=len(train_clips),
        trained_speakers=len(train),
        dev_clips=len(dev_clips - train_clips),
        dev_speakers=len(dev - train),
        namesakes=len((train_names | dev_names) - train - dev),
        unknown=provenance.unknown,
        pretrained=provenance.pretrained,
    )


def unrecorded(name: str) -> Provenance:
    """The provenance of a model without a record."""
    return Provenance(unknown=(f"{name} keeps no record of what it was trained on",))


def marks(provenance: Provenance | None, clips: Clips, test: Sequence[int]) -> list[str]:
    """For each `test` row, what was trained on: `clip`, `speaker`, `dev` (the best epoch was chosen by the clip or the
    speaker), or ""."""
    known = provenance or Provenance()
    asked = {who for row in test if (who := clips.speakers[row])}
    train, _, train_clips = _known_again(known.train, clips, asked, test)
    dev, _, dev_clips = _known_again(known.dev, clips, asked, test)

    def mark(row: int) -> str:
        if row in train_clips:
            return "clip"
        if clips.speakers[row] in train:
            return "speaker"
        return "dev" if row in dev_clips or clips.speakers[row] in dev else ""

    return [mark(row) for row in test]


def _known_again(
    side: Side, clips: Clips, asked: set[tuple[str, str]], test: Sequence[int]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]], set[int]]:
    """The asked speakers on this side of the split, those who only share a name with a speaker there, and the test rows on
    this side.

    Two tables that name no corpus count as the same if they share a clip.
    """
    same = [row for row, digest in enumerate(clips.digests) if digest in side.clips]
    by_clip = {who for row in same if (who := clips.speakers[row])} & asked
    by_name = asked & side.speakers
    shared = any((who := clips.speakers[row]) and who[0] == "" for row in same)
    namesakes = set() if shared else {who for who in by_name if not who[0]}
    return by_clip | (by_name - namesakes), namesakes - by_clip, set(same) & set(test)


def read_provenance(folder: Path) -> Provenance | None:
    """The record in a checkpoint's folder: None if there is none, and one that says so if it is damaged."""
    path = folder / PROVENANCE
    if not path.is_file():
        return None
    try:
        if path.stat().st_size > LARGEST:
            raise ValueError("too large")
        document = json.loads(path.read_text(encoding="utf-8"))
        sides = {
            side: Side(frozenset(_named(document["speakers"], side)), frozenset(_unpacked(document["clips"][side])))
            for side in ("train", "dev")
        }
        unknown = document["unknown"]
        if not all(isinstance(text, str) and text.isprintable() and len(text) < 1000 for text in unknown):
            raise ValueError("no sentences")
        return Provenance(sides["train"], sides["dev"], tuple(unknown), document["pretrained"] is not False)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return Provenance(unknown=(DAMAGED,))


def _speaker(corpus: str, name: Any) -> str:
    text = " ".join(unicodedata.normalize("NFKC", str(name)).split())
    return hashlib.blake2b(f"{corpus}\0{text}".encode(), digest_size=8).hexdigest()


def _named(speakers: Mapping[str, Mapping[str, Sequence[str]]], side: str) -> Iterator[tuple[str, str]]:
    for corpus, sides in speakers.items():
        for digest in sides.get(side, ()):
            if not re.fullmatch("[0-9a-f]{16}", digest):
                raise ValueError(f"no digest: {digest!r}")
            yield corpus, digest


def _packed(clips: Iterable[str]) -> str:
    return base64.b64encode(bytes.fromhex("".join(sorted(clips)))).decode()


def _unpacked(text: str) -> Iterator[str]:
    digits = base64.b64decode(text, validate=True).hex()
    if len(digits) % DIGITS:
        raise ValueError("cut off")
    return (digits[start : start + DIGITS] for start in range(0, len(digits), DIGITS))
