"""How a corpus is split: `make_folds` turns a protocol into folds of row numbers.

A split is made of *units*, sets of rows that must stay on one side: the copies of a clip always; all clips of a speaker, or
of a session, if the protocol says so. `emozoo.training.sampling` samples clips from a fold.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from emozoo.data.splits.dev import missing_class, split_off_dev
from emozoo.data.splits.fold import Fold
from emozoo.data.splits.sentences import HeldOut, both_out, left_out_note, one_sentence_out, sentence_units
from emozoo.data.splits.units import Rows, Unit, components, equal, sorted_names
from emozoo.errors import EmozooError
from emozoo.text import listed

if TYPE_CHECKING:
    from datasets import Dataset

log = logging.getLogger("emozoo")

PROTOCOLS = {
    "session": "one session out, a fold for each",
    "speaker": "one speaker out, a fold for each",
    "sentence": "one sentence out, a fold for each: how a network does on words that it was not trained on",
    "speaker+sentence": "up to five folds of speakers and sentences that are both unheard in training",
    "corpus": "one corpus out, a fold for each: how a network does on recordings unlike those it was trained on",
    "group-K": "K speaker-disjoint folds, balanced in clips and classes (group-5, ...)",
    "random": "five folds of a shuffled, stratified 80/20 split, as published; speaker-dependent",
    "split": "the corpus' own column `split`: one fold",
}
RANDOM_FOLDS = 5
SPLIT_WORDS = {
    "train": "train", "training": "train",
    "dev": "dev", "development": "dev", "validation": "dev", "valid": "dev", "val": "dev",
    "test": "test", "testing": "test", "eval": "test", "evaluation": "test",
}  # fmt: skip


def make_folds(
    columns: Mapping[str, Sequence[Any]] | Dataset,
    protocol: str,
    *,
    seed: int = 0,
    needed: Collection[Any] | None = None,
) -> list[Fold]:
    """The folds of `protocol`, one of `PROTOCOLS`, over rows that are described by their columns.

    `columns` is a `datasets.Dataset`, or a mapping with one entry per row under `speaker`, `session`, `split`, `digest`,
    `audio_path`, `start`, `end` and `label`, and `video_path` for videos. Unknown texts are "", unknown times negative.

    Each row is in exactly one fold's test split (`split` has one fold only). Dev is split off train: whole speakers, about
    a fifth of the clips; by clips under `random`, and if one speaker is left (or two that each have a class alone). So a
    speaker is never on two sides, except under `random` and in the train and dev of such a small corpus, with a warning.
    Copies, which are rows of one digest or of overlapping segments of one file, are never on two sides. So speakers that
    share a copy are kept together, as are sessions that share a speaker or a copy, with a warning. Under `split`, copies of
    test clips are left out of train and dev, and copies of dev clips out of train. Folds depend on the rows and the seed,
    not on the order of the rows.

    Under `sentence`, a sentence is never in both test and train; under `speaker+sentence`, neither is a speaker, and clips
    that share either with test are in no split. Wherever the optional column `sentence` is known, a fold says whether test
    and train share one.

    Under `group-K`, several corpora (the optional column `corpus`) are split one by one, as each would be alone, and fold 1
    of all is the first of each: speakers of equal names in two corpora are not the same. Corpora that share a clip are
    split as one.

    `needed` are the classes that train must have; None: all. A fold that cannot be trained on, because train lacks one or no
    dev split can be split off, says so in `Fold.problem`; the others are unaffected. Raises `EmozooError` if the columns do
    not suffice for the protocol.
    """
    return with_text(_made(columns, protocol, seed, needed), columns)


def with_text(folds: Sequence[Fold], columns: Mapping[str, Sequence[Any]] | Dataset) -> list[Fold]:
    """The folds, each of which says whether test and train share a sentence."""
    said = [str(value or "") for value in _column(columns, "sentence", len(columns["label"][:]))]
    return [replace(fold, text_dependent=_shares(said, fold)) for fold in folds]


def _shares(values: Sequence[str], fold: Fold) -> bool:
    """Whether a value that is known stands both in test and in train or dev."""
    return bool({values[row] for row in fold.test} & {values[row] for row in fold.train + fold.dev} - {""})


def _made(
    columns: Mapping[str, Sequence[Any]] | Dataset, protocol: str, seed: int, needed: Collection[Any] | None
) -> list[Fold]:
    kind, count = parse_protocol(protocol)
    if kind == "corpus":
        return _corpus_folds(columns, seed, needed)
    if kind == "group" and (parts := _corpora(columns)):
        return _side_by_side(
            {name: (part, _own_folds(name, _some(columns, part), protocol, seed, needed)) for name, part in parts}
        )
    rows = Rows(columns, needed, by_session=kind == "session")
    copies = components(len(rows), rows.copies)
    if kind == "split":
        return [_given_split(rows, copies, seed)]
    if kind == "random":
        return _folds(rows, copies, [], _random_tests(rows, copies, seed), seed)
    if kind == "sentence":
        return _folds(rows, copies, sentence_units(rows), one_sentence_out(rows), seed, kept="sentence")
    rows.require("speaker", protocol, "--protocol random splits by clips and is reported as speaker-dependent")
    speakers = components(len(rows), [*rows.copies, *equal(rows.speaker)])
    if kind == "speaker+sentence":
        tests = both_out(rows, speakers, seed)
        log.warning("protocol %s: %s", protocol, left_out_note(tests))
        return _folds(rows, copies, speakers, tests, seed)
    return _folds(rows, copies, speakers, _disjoint_tests(rows, speakers, protocol, kind, count, seed), seed)


def _random_tests(rows: Rows, copies: list[Unit], seed: int) -> list[HeldOut]:
    """The names and rows of the test splits of `random`."""
    if len(copies) < RANDOM_FOLDS:
        raise EmozooError(f"protocol random needs {RANDOM_FOLDS} different clips, the dataset has {len(copies)}")
    tests = rows.balanced(copies, RANDOM_FOLDS, np.random.default_rng(seed))
    return [HeldOut(f"random {number} of {RANDOM_FOLDS}", test, []) for number, test in enumerate(tests, 1)]


def _disjoint_tests(rows: Rows, speakers: list[Unit], protocol: str, kind: str, count: int, seed: int) -> list[HeldOut]:
    """The names and rows of the test splits of `session`, `speaker` and `group-K`."""
    what, values, tests = "speaker", rows.speaker, speakers
    if kind == "session":
        rows.require("session", protocol, "take --protocol speaker or group-5")
        what, values = "session", rows.session
        tests = components(len(rows), [*rows.copies, *equal(rows.speaker), *equal(rows.session)])
    _warn_of_merged(what, values, tests)
    if len(tests) < max(count, 2):
        raise EmozooError(
            f"protocol {protocol} needs {max(count, 2)} {what}s that share no speaker and no copy of a clip, "
            f"the dataset has {len(tests)}; take another --protocol"
        )
    if kind == "group":
        tests = rows.steadily_balanced(tests, count, seed)
    names = [listed(sorted_names(values, test), 8) for test in tests]
    if kind != "session":
        names = [f"speaker{'s' if ', ' in name else ''} {name}" for name in names]
    return [HeldOut(name, test, []) for name, test in zip(names, tests, strict=True)]


def _folds(
    rows: Rows, copies: list[Unit], units: list[Unit], tests: list[HeldOut], seed: int, kept: str = "speaker"
) -> list[Fold]:
    """A fold for each test split, whose dev split is of whole `units`, which are `kept` together; without any, by clips."""
    folds = []
    by_clips = []
    for number, test in enumerate(tests, 1):
        taken = [*test.rows, *test.left_out]
        rest = split_off_dev(rows, f"{number} ({test.name})", taken, units, copies, [seed, number])
        train, dev, tested = (rows.back(side) for side in (rest.train, rest.dev, test.rows))
        folds.append(Fold(number, test.name, train, dev, tested, bool(units) and kept == "speaker", rest.problem))
        if rest.by_clips and rest.dev and units:
            by_clips.append(str(number))
    if by_clips:
        log.warning("too few training %ss in fold %s: the dev split there is by clips", kept, ", ".join(by_clips))
    return folds


COLUMNS = ("speaker", "session", "sentence", "split", "digest", "audio_path", "video_path", "start", "end", "label")


def _column(columns: Mapping[str, Sequence[Any]] | Dataset, name: str, count: int) -> list[Any]:
    names = columns.column_names if hasattr(columns, "column_names") else columns
    return list(columns[name][:]) if name in names else [""] * count


def _corpora(columns: Mapping[str, Sequence[Any]] | Dataset) -> list[tuple[str, list[int]]]:
    """The rows of each corpus, by name; none where there is only one, or two share a clip."""
    corpus = [str(value or "") for value in _column(columns, "corpus", len(columns["label"][:]))]
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(corpus):
        rows.setdefault(name, []).append(row)
    if len(rows) < 2:
        return []
    for column in ("digest", "audio_path"):
        home: dict[str, str] = {}
        for value, name in zip(columns[column][:], corpus, strict=True):
            if value and home.setdefault(str(value), name) != name:
                return []
    return sorted(rows.items())


def _some(columns: Mapping[str, Sequence[Any]] | Dataset, rows: Sequence[int]) -> dict[str, list[Any]]:
    """The columns that decide a split, without `corpus`, of some rows."""
    count = len(columns["label"][:])
    return {name: [values[row] for row in rows] for name in COLUMNS if (values := _column(columns, name, count))}


def _corpus_folds(
    columns: Mapping[str, Sequence[Any]] | Dataset, seed: int, needed: Collection[Any] | None
) -> list[Fold]:
    """A fold for each corpus, by the protocol `session`: each corpus is a session with speakers of its own."""
    count = len(columns["label"][:])
    own = _some(columns, range(count))
    corpus = [str(value or "") for value in _column(columns, "corpus", count)]
    if missing := corpus.count(""):
        raise EmozooError(
            f"protocol corpus needs the column corpus: empty in {missing} of {count} rows; fill it, or take another "
            "--protocol"
        )
    speakers = [f"{name} {speaker}" if speaker else "" for name, speaker in zip(corpus, own["speaker"], strict=True)]
    return make_folds({**own, "session": corpus, "speaker": speakers}, "session", seed=seed, needed=needed)


def _own_folds(
    name: str, columns: Mapping[str, Sequence[Any]], protocol: str, seed: int, needed: Collection[Any] | None
) -> list[Fold]:
    try:
        return make_folds(columns, protocol, seed=seed, needed=needed)
    except EmozooError as error:
        raise EmozooError(f"{_called(name)}: {error}") from error


def _called(corpus: str) -> str:
    return corpus or "the rows without a corpus"


def _side_by_side(parts: Mapping[str, tuple[Sequence[int], Sequence[Fold]]]) -> list[Fold]:
    """The folds of several corpora as one list: fold 1 is the first of each, and so on."""
    folds = []
    for number, own in enumerate(zip(*(folds for _, folds in parts.values()), strict=True), 1):
        sides: dict[str, Any] = {
            side: tuple(
                sorted(
                    rows[row]
                    for (rows, _), fold in zip(parts.values(), own, strict=True)
                    for row in getattr(fold, side)
                )
            )
            for side in ("train", "dev", "test")
        }
        name = "; ".join(f"{corpus or 'others'} {fold.name}" for corpus, fold in zip(parts, own, strict=True))
        problem = "; ".join(
            f"{_called(name)}: {fold.problem}" for name, fold in zip(parts, own, strict=True) if fold.problem
        )
        if any(not fold.train for fold in own):
            sides |= {"train": (), "dev": ()}
        folds.append(Fold(number, name, **sides, speaker_disjoint=True, problem=problem))
    return folds


def parse_protocol(protocol: str) -> tuple[str, int]:
    """`("group", K)`, or another protocol and 0. Raises EmozooError for what is none."""
    group = re.fullmatch(r"group-(\d+|k)", protocol, re.ASCII | re.IGNORECASE)
    if group:
        count = 5 if group[1] in "kK" else int(group[1])
        if count < 2:
            raise EmozooError(f"protocol {protocol}: needs at least 2 folds, as in group-2")
        return "group", count
    if protocol not in PROTOCOLS:
        raise EmozooError(f"no protocol {protocol!r}; known: {', '.join(PROTOCOLS)} (K a number, as in group-5)")
    return protocol, 0


def _given_split(rows: Rows, copies: list[Unit], seed: int) -> Fold:
    """The one fold that the column `split` describes."""
    return given_fold(rows, 1, "split", _given_parts(rows, copies), copies, seed)


def given_fold(rows: Rows, number: int, name: str, parts: Mapping[str, Unit], copies: list[Unit], seed: int) -> Fold:
    """A fold whose train and test were given; where dev was not, it is split off train."""
    parts = dict(parts)
    what = f"{number} ({name})"
    if parts["dev"]:
        problem = missing_class(rows, what, parts["train"])
    else:
        known = "" not in rows.speaker
        units = components(len(rows), [*rows.copies, *equal(rows.speaker)]) if known else []
        others = set(range(len(rows))).difference(parts["train"])
        rest = split_off_dev(rows, what, sorted(others), units, copies, [seed, number])
        parts |= {"train": rest.train, "dev": rest.dev}
        problem = rest.problem
        if rest.by_clips and rest.dev:
            log.warning("too few training speakers, or unknown ones: the dev split is by clips")
    trained = {rows.speaker[row] for row in parts["train"] + parts["dev"]}
    tested = {rows.speaker[row] for row in parts["test"]}
    disjoint = "" not in trained | tested and not trained & tested
    if problem and parts["dev"]:  # a class is missing, so no dev split could be split off either
        parts |= {"train": [], "dev": []}
    train, dev, test = (rows.back(parts[word]) for word in ("train", "dev", "test"))
    return Fold(number, name, train, dev, test, disjoint, problem)


def _given_parts(rows: Rows, copies: list[Unit]) -> dict[str, Unit]:
    """The rows of train, dev and test by the column `split`, without copies of other parts' clips."""
    rows.require("split", "split", "take --protocol group-5")
    unknown = sorted({word for word in rows.split if word.lower() not in SPLIT_WORDS})
    if unknown:
        raise EmozooError(f"the column split holds {unknown[0]!r}; it must hold train, dev (or validation) or test")
    side = [SPLIT_WORDS[word.lower()] for word in rows.split]
    # The test split stays as it was given, so that its results compare with everyone else's.
    dropped: set[int] = set()
    for unit in copies:
        keep = max((side[row] for row in unit), key=("train", "dev", "test").index)
        dropped.update(row for row in unit if side[row] != keep)
    if dropped:
        log.warning("%d clips are left out of train or dev: copies of them stand in dev or test", len(dropped))
    parts = {
        word: [row for row in range(len(rows)) if side[row] == word and row not in dropped]
        for word in ("train", "dev", "test")
    }
    for word in ("train", "test"):
        if not parts[word]:
            raise EmozooError(f"the column split leaves no clip for {word}; fill it, or take --protocol group-5")
    return parts


def _warn_of_merged(what: str, values: Sequence[str], units: list[Unit]) -> None:
    merged = [listed(names, 8, " with ") for names in (sorted_names(values, unit) for unit in units) if len(names) > 1]
    if merged:
        why = "speakers or copies of clips" if what == "session" else "copies of clips"
        log.warning("%ss that share %s are kept on one side: %s", what, why, listed(merged, 8))
