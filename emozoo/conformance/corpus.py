"""The points of a dataset's contract: the rows that its builder gives, their files, and how they split."""

from __future__ import annotations

import collections
import math
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.checkpoint.config_file import NAME
from emozoo.conformance.points import Broken, LeftOut, Point
from emozoo.data.corpus import SIDE_CROPS, Corpus, read_votes
from emozoo.data.decoding import decode
from emozoo.data.loading import get_corpus, locate
from emozoo.data.rows import read_rows, take
from emozoo.data.splits.protocols import SPLIT_WORDS, make_folds
from emozoo.errors import EmozooError, brief
from emozoo.paths import cache_root
from emozoo.registry.entry_points import DATASETS, find
from emozoo.text import listed

if TYPE_CHECKING:
    from datasets import Dataset

ROUNDING = 1e-4
"""How far off the scale a rating may be, because rows hold it in 32 bits."""
DECODED = 24
"""Clips that are decoded, from the whole range of rows."""


class CorpusSubject:
    """A dataset and its rows, where the data are at hand.

    Raises EmozooError for an unknown name, for a folder that does not exist, and where the builder finds nothing of the
    dataset in it.
    """

    def __init__(self, corpus: str | Corpus, data_dir: str | os.PathLike[str] | None = None) -> None:
        self.corpus: Corpus = get_corpus(corpus) if isinstance(corpus, str) else corpus
        self._rows: Dataset | None = None
        self.trouble = ""
        named = data_dir is not None or self.corpus.environment and os.environ.get(self.corpus.environment)
        if not named and self.corpus.write is None:
            return
        self.data_dir = locate(self.corpus, data_dir, cache_root())
        try:
            self._rows = self.read()
        except EmozooError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a builder raises is a finding
            self.trouble = brief(error.__cause__ or error)

    def read(self) -> Dataset:
        return read_rows(self.corpus, self.data_dir, cache_root())

    @property
    def rows(self) -> Dataset:
        """Raises LeftOut where the data are not at hand, Broken where the builder fails."""
        if self.trouble:
            raise Broken(self.trouble)
        if self._rows is None:
            raise LeftOut("needs the data: name them with --data-dir")
        return self._rows

    def column(self, name: str) -> list:
        return self.rows[name][:]


def _metadata(subject: CorpusSubject) -> str:
    corpus = subject.corpus
    if not NAME.fullmatch(corpus.name):
        raise Broken(f"the dataset is named {corpus.name!r}")
    if not corpus.summary or "\n" in corpus.summary:
        raise Broken(f"summary is {corpus.summary!r}")
    if not corpus.obtain:
        raise Broken("obtain is empty")
    if not all(isinstance(label, str) and label for label in corpus.labels) or len(corpus.labels) == 1:
        raise Broken(f"labels are {corpus.labels!r}")
    if len(set(corpus.labels)) != len(corpus.labels):
        raise Broken(f"labels are {corpus.labels!r}, one of them twice")
    if corpus.environment and not re.fullmatch(r"[A-Z][A-Z0-9_]*", corpus.environment):
        raise Broken(f"environment is {corpus.environment!r}")
    origin = find(DATASETS, corpus.name).origin
    lacking = [name for name in ("licence", "language", "citation") if not getattr(corpus, name)]
    return origin + (f"; without {', '.join(lacking)}" if lacking else "")


def _rows(subject: CorpusSubject) -> str:
    ids = subject.column("utterance_id")
    if "" in ids:
        raise Broken(f"no utterance_id in {ids.count('')} of {len(ids)} rows")
    if twice := [name for name, count in collections.Counter(ids).items() if count > 1]:
        raise Broken(f"the utterance_id {listed(twice)} more than once")
    columns = ("audio_path", "video_path", "start", "end", "side", "split")
    for name, audio, video, start, end, side, split in zip(ids, *map(subject.column, columns), strict=True):
        if not audio and not video:
            raise Broken(f"neither audio_path nor video_path in {name}")
        if 0 <= end <= start:
            raise Broken(f"{name} ends at {end} s, before it starts at {start} s")
        if side not in SIDE_CROPS:
            raise Broken(f"side is {side!r} in {name}")
        if split and split.lower() not in SPLIT_WORDS:
            raise Broken(f"split is {split!r} in {name}")
    _judgements(subject, ids)
    speakers = set(subject.column("speaker")) - {""}
    return f"{len(ids)} rows, {len(speakers)} speakers"


def _judgements(subject: CorpusSubject, ids: list[str]) -> None:
    """Raises Broken for votes that are none, and for ratings off the corpus' scale."""
    for name, votes in zip(ids, subject.column("votes"), strict=True):
        try:
            read_votes(votes)
        except ValueError as error:
            raise Broken(f"{error}, in {name}") from None
    low, high = subject.corpus.scale or (-math.inf, math.inf)
    for dimension in ("valence", "activation", "dominance"):
        for name, rating in zip(ids, subject.column(dimension), strict=True):
            if not (math.isnan(rating) or low - ROUNDING <= rating <= high + ROUNDING):
                raise Broken(f"{dimension} is {rating:g} in {name}, and the scale is {low:g} to {high:g}")


def _again(subject: CorpusSubject) -> str:
    first, second = subject.rows, subject.read()
    if first["utterance_id"][:] != second["utterance_id"][:]:
        raise Broken("other rows, or another order")
    return "the same rows in the same order"


def _labels(subject: CorpusSubject) -> str:
    counts = collections.Counter(word for word in subject.column("emotion") if word)
    if strange := [word for word in counts if word != word.strip().lower()]:
        raise Broken(f"the labels {listed(sorted(strange))}")
    found = [label for label in subject.corpus.labels or sorted(counts) if counts[label]]
    if len(found) < 2:
        raise Broken(f"the labels {listed(sorted(counts), 10)}, and of those asked for {listed(found) or 'none'}")
    absent = [label for label in subject.corpus.labels if not counts[label]]
    return ", ".join(f"{counts[label]} {label}" for label in found) + (f"; no {', '.join(absent)}" if absent else "")


def _files(subject: CorpusSubject) -> str:
    paths = {path for name in ("audio_path", "video_path") for path in subject.column(name) if path}
    if relative := sorted(path for path in paths if not os.path.isabs(path)):
        raise Broken(f"{listed(relative, 2)}: not absolute")
    if missing := sorted(path for path in paths if not os.path.isfile(path)):
        raise Broken(f"{len(missing)} of {len(paths)} files do not exist: {listed(missing, 2)}")
    return f"all of {len(paths)} files exist"


def _decodes(subject: CorpusSubject) -> str:
    rows = subject.rows
    step = max(1, len(rows) // DECODED)
    sample = take(rows, list(range(0, len(rows), step))[:DECODED])
    with_video = [row for row, path in enumerate(sample["video_path"][:]) if path]
    with tempfile.TemporaryDirectory(prefix="emozoo-check-") as folder:
        words = [_decoded("sounds", sample, Path(folder, "sounds"), video=False)]
        if with_video:
            words.append(_decoded("videos", take(sample, with_video), Path(folder, "videos"), video=True))
    return " and ".join(words)


def _decoded(what: str, rows: Dataset, folder: Path, *, video: bool) -> str:
    try:
        decoded = len(decode(rows, folder, "check", video=video))
    except EmozooError as error:
        raise Broken(f"{what}: {error}") from None
    if decoded < len(rows):
        raise Broken(f"{decoded} of {len(rows)} {what} can be decoded; the warning says why")
    return f"{decoded} {what}"


def _folds(subject: CorpusSubject) -> str:
    corpus = subject.corpus
    emotions = subject.column("emotion")
    wanted = corpus.labels or set(emotions) - {""}
    rows = take(subject.rows, [row for row, emotion in enumerate(emotions) if emotion in wanted])
    columns = {name: rows[name][:] for name in rows.column_names}
    columns |= {"label": columns["emotion"], "digest": [""] * len(rows)}
    try:
        folds = [fold.usable() for fold in make_folds(columns, corpus.protocol)]
    except EmozooError as error:
        raise Broken(str(error)) from None
    dependent = [fold.name for fold in folds if not fold.speaker_disjoint]
    if dependent and corpus.protocol != "split":  # that one is the corpus' authors' own
        raise Broken(f"{corpus.protocol} leaves speakers on both sides: {listed(dependent, 2)}")
    apart = "not all of them speaker-disjoint" if dependent else "speaker-disjoint"
    return f"{corpus.protocol}: {len(folds)} fold{'s' if len(folds) > 1 else ''}, {apart}"


POINTS: tuple[Point[CorpusSubject], ...] = (
    Point(
        "metadata",
        "a summary of one line, a sentence that says how to obtain the data, and usable labels",
        "the fields of Corpus",
        _metadata,
    ),
    Point(
        "rows",
        "rows in the columns of FEATURES, each with an id of its own, a file, and an end after its start",
        "what the builder yields: fill rows with emozoo.data.corpus.row",
        _rows,
    ),
    Point(
        "again",
        "the builder gives the same rows in the same order each time",
        "files in the order of the folder, sets: sort them",
        _again,
    ),
    Point(
        "labels",
        "labels are words in lower case, and two or more of the usual ones occur",
        "the column emotion, and labels of Corpus",
        _labels,
    ),
    Point("files", "every file that a row names exists, and is named absolutely", "audio_path and video_path", _files),
    Point("decodes", "sounds and videos can be decoded", "the files themselves, start and end", _decodes),
    Point(
        "folds",
        "the usual protocol splits the data and keeps speakers apart",
        "the columns speaker and session, and protocol of Corpus; a part of a corpus may be too small",
        _folds,
    ),
)
