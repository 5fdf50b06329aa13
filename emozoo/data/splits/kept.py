"""The split of a run, in `split.json`, so that it is never tested on what it was trained on, even if its data change.

The file has every clip of the dataset, with id, digest of the audio and speaker, and its side in every fold. Clips are found
again by their digests, whatever the order of the rows and the path of the folder.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from emozoo.data.splits.fold import Fold
from emozoo.errors import EmozooError
from emozoo.filenames import SPLIT
from emozoo.paths import write_text

DIGITS = 16
"""Hexadecimal digits of a clip's digest that are kept: 8 bytes."""


@dataclass(frozen=True)
class Clip:
    """A row of the dataset, with what decides its side."""

    id: str
    digest: str
    corpus: str
    speaker: str
    label: str


@dataclass(frozen=True)
class Found:
    """Where a run's clips are now: clips by their position in `Split.clips`, rows by number."""

    rows: Mapping[int, int]
    """The row of each clip that is still there, changed or not."""
    gone: tuple[int, ...]
    changed: tuple[int, ...]
    """Clips whose audio is another."""
    renamed: tuple[int, ...]
    """Clips of another speaker or corpus."""
    relabelled: tuple[int, ...]
    new: tuple[int, ...]
    """Rows that are no clip of the run."""


@dataclass(frozen=True)
class Split:
    """All clips of a run's dataset, and its folds, whose row numbers are positions in `clips`."""

    clips: tuple[Clip, ...]
    folds: tuple[Fold, ...]

    @classmethod
    def of(cls, columns: Mapping[str, Sequence[Any]], classes: Sequence[str], folds: Iterable[Fold]) -> Split:
        """From the columns of a dataset, and the class of each row."""
        return cls(tuple(_clips(columns, classes)), tuple(folds))

    def write(self, folder: Path) -> None:
        document = {
            "clips": {name: [getattr(clip, name) for clip in self.clips] for name in Clip.__dataclass_fields__},
            "folds": [asdict(replace(fold, caveat="")) for fold in self.folds],
        }
        write_text(folder / SPLIT, json.dumps(document, ensure_ascii=False) + "\n")

    def find(self, columns: Mapping[str, Sequence[Any]], classes: Sequence[str]) -> Found:
        """The clips in a dataset as it is now. Among copies, the least changed one is taken."""
        there = list(_clips(columns, classes))
        rows: dict[int, int] = {}
        free = dict.fromkeys(range(len(there)))
        for key in _KEYS:
            open_ = {position: clip for position, clip in enumerate(self.clips) if position not in rows}
            places: dict[Any, list[int]] = {}
            for row in free:
                places.setdefault(key(there[row]), []).append(row)
            for position, clip in open_.items():
                if clip.digest and (same := places.get(key(clip))):
                    rows[position] = same.pop(0)
                    del free[rows[position]]
        pairs = [(position, self.clips[position], there[row]) for position, row in sorted(rows.items())]

        def where(differ: Callable[[Clip, Clip], bool]) -> tuple[int, ...]:
            return tuple(position for position, one, other in pairs if differ(one, other))

        return Found(
            rows=rows,
            gone=tuple(position for position in range(len(self.clips)) if position not in rows),
            changed=where(lambda one, other: one.digest != other.digest),
            renamed=where(lambda one, other: (one.corpus, one.speaker) != (other.corpus, other.speaker)),
            relabelled=where(lambda one, other: one.label != other.label),
            new=tuple(free),
        )

    def placed(self, found: Found) -> list[Fold]:
        """The folds in row numbers of the dataset as it is now, in their order; clips that are gone are left out."""
        folds = []
        for fold in self.folds:
            sides: dict[str, Any] = {
                side: tuple(found.rows[clip] for clip in getattr(fold, side) if clip in found.rows)
                for side in ("train", "dev", "test")
            }
            folds.append(replace(fold, **sides))
        return folds

    def differences(self, found: Found, only: Iterable[int] | None = None) -> str:
        """What changed in the run's clips, or in `only` those, in words; "" if nothing."""
        among = range(len(self.clips)) if only is None else set(only)
        words = {
            "gone": found.gone,
            "of another sound": found.changed,
            "of another speaker or corpus": found.renamed,
            "of another label": found.relabelled,
        }
        parts = []
        for what, all_ in words.items():
            if clips := [clip for clip in all_ if clip in among]:
                names = ", ".join(self.clips[clip].id for clip in clips[:3])
                verb = "is" if len(clips) == 1 else "are"
                parts.append(f"{len(clips)} of {len(among)} clips {verb} {what} (such as {names})")
        return ", ".join(parts)


_KEYS: tuple[Callable[[Clip], Any], ...] = (
    lambda clip: clip,
    lambda clip: (clip.digest, clip.corpus, clip.speaker, clip.label),
    lambda clip: clip.digest,
    lambda clip: (clip.id, clip.corpus, clip.speaker, clip.label),
)
"""Keys by which a clip is found again, the surest first. Ids may be line numbers, so the last key has everything else."""


def read_split(folder: Path) -> Split | None:
    """The split of a run; None if it has none. Raises EmozooError for a damaged one."""
    path = folder / SPLIT
    if not path.is_file():
        return None
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        columns = [document["clips"][name] for name in Clip.__dataclass_fields__]
        clips = tuple(Clip(*map(str, values)) for values in zip(*columns, strict=True))
        folds = []
        for values in document["folds"]:
            sides: dict[str, Any] = {side: tuple(map(int, values.pop(side))) for side in ("train", "dev", "test")}
            folds.append(Fold(**values, **sides))
            if any(not 0 <= position < len(clips) for side in sides.values() for position in side):
                raise ValueError("no such clip")
        return Split(clips, tuple(folds))
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise EmozooError(f"{path} is damaged: it is not the split of a run") from error


def _clips(columns: Mapping[str, Sequence[Any]], classes: Sequence[str]) -> Iterable[Clip]:
    count = len(classes)
    names = ("utterance_id", "digest", "corpus", "speaker")
    texts = [[str(value or "") for value in columns.get(name, [""] * count)] for name in names]
    for identity, digest, corpus, speaker, word in zip(*texts, classes, strict=True):
        yield Clip(identity, digest[:DIGITS], corpus, speaker, word)
