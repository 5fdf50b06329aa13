"""Folds that others made, over the rows of a dataset: their clips are found by id, or by the end of the path."""

from __future__ import annotations

import logging
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any

from emozoo.data.corpus import SOUNDS, VIDEOS
from emozoo.data.splits.fold import Fold
from emozoo.data.splits.protocols import given_fold, with_text
from emozoo.data.splits.units import Rows, Unit, components
from emozoo.data.tables.fold_lists import FoldList, FoldLists, Named
from emozoo.errors import EmozooError
from emozoo.tables.files import ROOT
from emozoo.text import listed, printable

log = logging.getLogger("emozoo")

CLOSE = 0.005
"""Seconds by which the start of a clip may differ from that in a table, which may be rounded."""
Tail = tuple[str, ...]
"""A path's parts from its end, without the file's ending, in one spelling: `("a01", "anna")`."""


def given_folds(
    columns: Mapping[str, Sequence[Any]], lists: FoldLists, *, seed: int = 0, needed: Collection[Any] | None = None
) -> list[Fold]:
    """The folds of others' lists. `columns` are as in `make_folds`, with `utterance_id` beside, and so are `seed`, by which
    dev is split off train where none is given, and `needed`.

    A fold stays as it was given, and says whether test shares speakers, sentences or copies of clips with train or dev. Logs
    that, and how many clips the lists or the dataset have alone. Raises EmozooError for a fold without clips to train or
    test on, and for a clip in two of its parts."""
    rows = Rows(columns, needed, by_session=False)
    place = {row: position for position, row in enumerate(rows.order)}
    copies = components(len(rows), rows.copies)
    where = f"--folds {lists.place}"
    found = _find(
        columns, {clip for each in lists.folds for part in (each.train, each.dev, each.test) for clip in part}
    )
    folds, shared = [], []
    for number, one in enumerate(lists.folds, 1):
        parts = {
            side: sorted({place[row] for clip in getattr(one, side) for row in found.rows.get(clip, ())})
            for side in ("train", "dev", "test")
        }
        _check(where, one, parts, lambda row: str(columns["utterance_id"][rows.order[row]]))
        fold = given_fold(rows, number, one.name, parts, copies, seed)
        (fold,) = _with_copies([fold], rows, copies)
        folds.append(fold)
        shared.append(_shared_words(rows, parts, fold.copies))
    _tell_found(where, found, folds, len(rows))
    for words in dict.fromkeys(shared):
        numbers = [str(fold.number) for fold, own in zip(folds, shared, strict=True) if own == words]
        which = f"fold{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
        log.warning("%s: train and test of %s share %s", where, which, words)
    return with_text(folds, columns)


def _check(where: str, fold: FoldList, parts: Mapping[str, Unit], name: Any) -> None:
    for side, verb in (("test", "test"), ("train", "train")):
        if not getattr(fold, side):
            raise EmozooError(f"{where}: {fold.name} names nothing to {verb} on: it needs a part {side}")
        if not parts[side]:
            raise EmozooError(
                f"{where}: none of the {len(set(getattr(fold, side)))} clips to {verb} on in {fold.name}, such as "
                f"{printable(getattr(fold, side)[0].words)}, is in the dataset: name the folds of the same corpus"
            )
    for one, other in (("train", "test"), ("dev", "test"), ("train", "dev")):
        if both := sorted({*parts[one]} & {*parts[other]}):
            names = listed([printable(name(row)) for row in both], 3)
            raise EmozooError(f"{where}: {fold.name} has {len(both)} clips in both {one} and {other}, such as {names}")


def with_copies(folds: Sequence[Fold], columns: Mapping[str, Sequence[Any]]) -> list[Fold]:
    """The folds, each of which says how many of its test clips have a copy in train or dev."""
    rows = Rows(columns, by_session=False)
    return _with_copies(folds, rows, components(len(rows), rows.copies))


def _with_copies(folds: Sequence[Fold], rows: Rows, copies: Sequence[Unit]) -> list[Fold]:
    several = [set(rows.back(unit)) for unit in copies if len(unit) > 1]
    found = []
    for fold in folds:
        trained, tested = set(fold.train + fold.dev), set(fold.test)
        doubled = sum(len(tested & unit) for unit in several if trained & unit)
        found.append(replace(fold, copies=doubled))
    return found


def _shared_words(rows: Rows, parts: Mapping[str, Unit], copies: int) -> str:
    """What train and test share, in words."""
    trained, tested = (
        {rows.speaker[row] for side in sides for row in parts[side]} for sides in (("train", "dev"), ("test",))
    )
    known = tested - {""}
    speakers = f"{len(known & trained)} of {len(known)} test speakers" if known else "speakers that are unknown"
    return f"{speakers} and copies of {copies} of {len(parts['test'])} test clips"


@dataclass(frozen=True)
class _Found:
    rows: Mapping[Named, Sequence[int]]
    unclear: list[Named] = field(default_factory=list)
    """Clips whose name ends like several files of the dataset, or is written twice for one."""
    absent: list[Named] = field(default_factory=list)


def _tell_found(where: str, found: _Found, folds: Sequence[Fold], count: int) -> None:
    for clips, what in (
        (found.absent, "are not in the dataset, or have other labels"),
        (found.unclear, "agree with several files"),
    ):
        if clips:
            names = listed([printable(clip.words) for clip in sorted(clips)], 3)
            log.warning("%s: %d of its clips %s, and are left out: %s", where, len(clips), what, names)
    if left := count - len({row for fold in folds for row in fold.train + fold.dev + fold.test}):
        log.warning("%s: %d of the %d clips of the dataset are in no fold, and are left out", where, left, count)


def _find(columns: Mapping[str, Sequence[Any]], clips: set[Named]) -> _Found:
    """The rows of each clip: by id where that is one row's, else by path. Of several names for one file, the one that
    agrees with more of its path counts."""
    by_id: dict[str, list[int]] = defaultdict(list)
    for row, identity in enumerate(columns["utterance_id"]):
        by_id[str(identity)].append(row)
    named: dict[Named, Sequence[int]] = {clip: by_id[clip.id] for clip in clips if len(by_id.get(clip.id, ())) == 1}
    files = _Files(columns)
    best: dict[Tail, list[tuple[int, Tail]]] = defaultdict(list)
    closest: dict[Named, tuple[Tail, int]] = {}
    unclear, absent = [], []
    for clip in sorted(clips - named.keys()):
        written = clip.path or clip.id
        length, tails = files.closest(written)
        if len(tails) > 1:
            unclear.append(clip)
        elif not tails:
            absent.append(clip)
        else:
            closest[clip] = (tails[0], length)
            best[tails[0]].append((length, _tail(written)))
    for clip, (tail, length) in closest.items():
        longest = max(best[tail])[0]
        rivals = {written for agreed, written in best[tail] if agreed == longest}
        if length < longest:
            absent.append(clip)
        elif len(rivals) > 1:
            unclear.append(clip)
        elif rows := files.rows(tail, clip.start):
            named[clip] = rows
        else:
            absent.append(clip)
    return _Found(named, unclear, absent)


class _Files:
    """The files of a dataset's rows, by how their paths end."""

    def __init__(self, columns: Mapping[str, Sequence[Any]]) -> None:
        self._starts = columns["start"]
        self._rows: dict[Tail, list[int]] = defaultdict(list)
        nothing = [""] * len(columns["label"])
        for paths in (columns["audio_path"], columns.get("video_path", nothing)):
            for row, path in enumerate(paths):
                if path and row not in (same := self._rows[_tail(path)]):
                    same.append(row)
        self._by_name: dict[str, list[Tail]] = defaultdict(list)
        for tail in self._rows:
            self._by_name[tail[0]].append(tail)

    def closest(self, written: str) -> tuple[int, list[Tail]]:
        """The files that agree with most parts of a path from its end, at least with the file's name, and with how many."""
        own = _tail(written)
        agreed = {tail: _agreeing(own, tail) for tail in self._by_name.get(own[0], ())} if own else {}
        most = max(agreed.values(), default=0)
        return most, self._apart([tail for tail, count in agreed.items() if count == most])

    def _apart(self, tails: list[Tail]) -> list[Tail]:
        """Without files of the same rows: the sound and the video of one clip."""
        return list({tuple(self._rows[tail]): tail for tail in reversed(tails)}.values())

    def rows(self, tail: Tail, start: float) -> list[int]:
        """The rows of a file: those that begin at `start` seconds, if that is said, else all."""
        rows = self._rows[tail]
        if start < 0 or len(rows) == 1:
            return rows
        return [row for row in rows if abs(max(self._starts[row], 0.0) - start) <= CLOSE]


def _agreeing(one: Tail, other: Tail) -> int:
    count = 0
    for mine, yours in zip(one, other, strict=False):
        if mine != yours:
            break
        count += 1
    return count


def _tail(path: str) -> Tail:
    written = unicodedata.normalize("NFC", ROOT.sub("", path)).replace("\\", "/").casefold()
    parts = [part for part in PurePosixPath(written).parts if part != "/"]
    return (_stem(parts[-1]), *parts[-2::-1]) if parts else ()


def _stem(name: str) -> str:
    """A file's name without its ending, which may be another where the files were converted."""
    return PurePosixPath(name).stem if name.endswith(SOUNDS + VIDEOS) else name
