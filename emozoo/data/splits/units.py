"""Rows that must stay on one side of a split: copies of a clip, clips of a speaker or a session."""

from __future__ import annotations

import os.path
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.data.splits.balancing import balance, balance_steadily
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from datasets import Dataset

Unit = list[int]


class Rows:
    """The columns as lists in an order of their own, the same however the rows were shuffled; `back` undoes it."""

    def __init__(
        self, columns: Mapping[str, Sequence[Any]] | Dataset, needed: Collection[Any] | None = None, *, by_session: bool
    ) -> None:
        label = list(columns["label"][:])
        if not label:
            raise EmozooError("the dataset has no rows to split")
        text = {
            name: [str(value or "") for value in columns[name][:]] for name in ("speaker", "session", "split", "digest")
        }
        said = columns["sentence"][:] if "sentence" in getattr(columns, "column_names", columns) else [""] * len(label)
        sentence = [str(value or "") for value in said]
        spans = list(_spans(columns, len(label)))
        self.order = sorted(
            range(len(label)),
            key=lambda row: (
                _natural(text["session"][row]) if by_session else [],
                _natural(text["speaker"][row]),
                text["digest"][row],
                spans[row],
                str(label[row]),
            ),
        )
        self.speaker, self.session, self.split, digest = (
            [values[row] for row in self.order] for values in text.values()
        )
        self.sentence = [sentence[row] for row in self.order]
        classes = sorted(set(label))
        code = {value: position for position, value in enumerate(classes)}
        self.codes = np.array([code[label[row]] for row in self.order])
        self.needed = np.array([needed is None or value in needed for value in classes])
        """Whether each class must have a clip in train: bool [classes]."""
        feature = (getattr(columns, "features", None) or {}).get("label")
        words = getattr(feature, "names", None)  # of a datasets.ClassLabel
        self.classes = [str(words[value] if words else value) for value in classes]
        self.copies = [*equal(digest), *_overlaps([spans[row] for row in self.order])]

    def __len__(self) -> int:
        return len(self.order)

    def back(self, rows: Iterable[int]) -> tuple[int, ...]:
        """The caller's row numbers, ascending."""
        return tuple(sorted(self.order[row] for row in rows))

    def require(self, column: str, protocol: str, way_out: str) -> None:
        """Raises `EmozooError` unless every row has a value in `column`."""
        missing = getattr(self, column).count("")
        if missing:
            raise EmozooError(
                f"protocol {protocol} needs the column {column}: empty in {missing} of {len(self)} rows; "
                f"fill it, or {way_out}"
            )

    def counts(self, rows: Sequence[int]) -> np.ndarray:
        """Clips of each class, int [classes]."""
        return np.bincount(self.codes[list(rows)], minlength=len(self.classes))

    def balanced(self, units: Sequence[Unit], parts: int, rng: np.random.Generator) -> list[Unit]:
        """Whole units in `parts` non-empty parts, balanced in clips and classes (at least `parts` units)."""
        return _joined(units, balance(np.stack([self.counts(unit) for unit in units]), parts, rng), parts)

    def steadily_balanced(self, units: Sequence[Unit], parts: int, seed: int) -> list[Unit]:
        """The same for units of speakers, most of whom keep their part when one comes or goes."""
        names = [min(self.speaker[row] for row in unit) for unit in units]
        counts = np.stack([self.counts(unit) for unit in units])
        return _joined(units, balance_steadily(counts, names, parts, seed), parts)


def _joined(units: Sequence[Unit], part_of: Iterable[int], parts: int) -> list[Unit]:
    joined: list[Unit] = [[] for _ in range(parts)]
    for unit, part in zip(units, part_of, strict=True):
        joined[part].extend(unit)
    return joined


def _spans(columns: Mapping[str, Sequence[Any]] | Dataset, count: int) -> Iterator[tuple[str, float, float]]:
    """Each row's file ("" if unknown), and its start and end in it in seconds."""
    videos = columns["video_path"][:] if "video_path" in getattr(columns, "column_names", columns) else [""] * count
    for audio, video, start, end in zip(
        columns["audio_path"][:], videos, columns["start"][:], columns["end"][:], strict=True
    ):
        # Times are those of the video: an audio file of its own is the whole utterance.
        own_file = audio and video and audio != video
        path = os.path.normpath(audio or video) if audio or video else ""
        yield path, (0.0 if own_file or start < 0 else start), (np.inf if own_file or end < 0 else end)


def equal(values: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Pairs that tie each row to the first with the same value; "" ties nothing."""
    first: dict[str, int] = {}
    for row, value in enumerate(values):
        if value:
            yield first.setdefault(value, row), row


def _overlaps(spans: Sequence[tuple[str, float, float]]) -> Iterator[tuple[int, int]]:
    """Pairs that tie rows whose segments of one file overlap."""
    open_path, open_row, open_end = "", 0, 0.0
    for row in sorted(range(len(spans)), key=spans.__getitem__):
        path, start, end = spans[row]
        if path and path == open_path and start < open_end:
            yield open_row, row
            open_end = max(open_end, end)
        else:
            open_path, open_row, open_end = path, row, end


def components(count: int, ties: Iterable[tuple[int, int]]) -> list[Unit]:
    """The rows 0..count-1 as units of tied rows, ordered by their first row (union-find)."""
    parent = list(range(count))

    def root(row: int) -> int:
        while parent[row] != row:
            parent[row] = row = parent[parent[row]]
        return row

    for one, other in ties:
        one, other = sorted((root(one), root(other)))
        parent[other] = one
    units: dict[int, Unit] = {}
    for row in range(count):
        units.setdefault(root(row), []).append(row)
    return list(units.values())


def within(units: list[Unit], rows: set[int]) -> list[Unit]:
    """The part of each unit that is in `rows`, without empty ones."""
    cut = ([row for row in unit if row in rows] for unit in units)
    return [unit for unit in cut if unit]


def _natural(text: str) -> list[Any]:
    """Sorts `Ses2` before `Ses10`."""
    parts = re.split(r"(\d+)", text)
    return [int(part) if position % 2 else part for position, part in enumerate(parts)] + [text]


def sorted_names(values: Sequence[str], rows: Iterable[int]) -> list[str]:
    return sorted_texts({values[row] for row in rows})


def sorted_texts(texts: Iterable[str]) -> list[str]:
    """Sorts `Ses2` before `Ses10`."""
    return sorted(texts, key=_natural)
