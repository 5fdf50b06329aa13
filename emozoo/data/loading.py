"""`load_dataset`: a dataset's name becomes labelled, decoded clips.

`emozoo.data.corpus` says what a dataset is, `emozoo.data.decoding` decodes, `emozoo.data.splits` splits. Importing this
module imports neither torch nor datasets.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.data.rows import read_rows, take
from emozoo.errors import EmozooError
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.paths import cache_root, cached_folder, user_path
from emozoo.registry.entry_points import DATASETS, find, plugins
from emozoo.registry.loading import load_plugin
from emozoo.tables.emotions import same_emotion
from emozoo.target import DIMENSION_COLUMNS, DIMENSIONS, EMOTION, VOTES
from emozoo.text import listed

if TYPE_CHECKING:
    from datasets import Dataset

    from emozoo.data.corpus import Corpus
    from emozoo.data.decode_task import ClipSource, Notes

log = logging.getLogger("emozoo")


def load_dataset(
    name: str | Corpus,
    data_dir: str | os.PathLike[str] | None = None,
    labels: Sequence[str] | None = None,
    merge: Mapping[str, str] | None = None,
    *,
    video: bool = False,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    window: WindowShape = DEFAULT_WINDOW,
    cache_dir: str | os.PathLike[str] | None = None,
    may_lack: bool = False,
    target: str = EMOTION,
    multi: bool = False,
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
    noted: Callable[[Notes, Sequence[ClipSource]], None] | None = None,
) -> Dataset:
    """The clips of a dataset that carry one of `labels`, decoded; `emozoo.data.ClipStore` gives them as arrays.

    `data_dir` is the dataset's folder or file; by default, the dataset's environment variable names it. `merge` renames
    labels ({"excited": "happy"}) before `labels` are picked; ("all",) picks every label, sorted, None the dataset's default.
    `columns` says what columns of a user's table mean whose names are not understood ({"speaker": "who"}). In
    such a table, labels that spell the same emotion (`hap`, `joy`) are one, unless `labels_as_is`, or `labels` names two.

    For a `target` of votes, or of several labels a clip (`multi`), clips are those that a rater gave one of `labels`:
    `label` is then -1 where most do not agree on one, and the column `said` has the merged votes as JSON. For dimensions
    alone, clips are those with a rating, and `label` has the strata by which folds are balanced: see
    `emozoo.data.truth.strata`.

    Columns: `emozoo.data.corpus.FEATURES` (`emotion` as it was before `merge`); `label`, a ClassLabel whose names are
    the label set in the given order; `waveform`, int16 at 16 kHz (1.0 is 32768); `digest`, equal for equal waveforms;
    with `video`, `frames`: uint8, flat, [count, height, width, 3], as many and as large as the network's `window` asks for:
    by default [ceil(samples / 2400), 60, 100, 3]. Clips that cannot be decoded, or that lack the
    video, are left out with a warning. A clip may lack what is `optional`, `audio` or `video`: then its waveform is
    silence, and its frames are empty (there is no column where no clip has frames). A `preparation` crops frames to the
    face or removes noise first. Decoded clips are kept in `cache_dir` (default: `emozoo.paths.cache_root()`). `noted` is as
    in `emozoo.data.decoding.decode`.

    Raises EmozooError if data are missing or a label is unknown; with `may_lack`, only if no clip has any of the labels.
    """
    from emozoo.data.decoding import decode

    corpus = get_corpus(name) if isinstance(name, str) else name
    preparation.require(f"load_dataset({corpus.name!r})")
    root = user_path(cache_dir) if cache_dir is not None else cache_root()
    rows = read_rows(corpus, locate(corpus, data_dir, root), root, **_reading(corpus, columns, labels_as_is, labels))
    if target == DIMENSIONS:
        rows = _rated(rows, corpus)
    elif multi or target.startswith(VOTES) and not (may_lack and not _has_votes(rows)):
        rows = _voted(rows, corpus, labels, merge or {}, may_lack, multi)
    else:
        words = corpus.table and not labels_as_is
        rows = _label(rows, corpus, labels, merge or {}, may_lack, words)
    if video and "video" in optional:
        video = _some_video(rows, corpus)
    elif video:
        rows = _with_video(rows, corpus)
    return decode(
        rows,
        root / "clips",
        corpus.name,
        video=video,
        optional=optional,
        preparation=preparation,
        grid=window.grid,
        noted=noted,
    )


def _reading(
    corpus: Corpus, columns: Mapping[str, str] | None, labels_as_is: bool, labels: Sequence[str] | None
) -> dict[str, Any]:
    """What the builder of a user's table is told. Raises EmozooError for another dataset, which has nothing to be told."""
    if corpus.table:
        apart = len({same_emotion(label) for label in labels or ()}) < len(set(labels or ()))
        return {"columns": dict(columns or {}), "labels_as_is": labels_as_is or apart}
    if columns or labels_as_is:
        own = " or ".join(f"--dataset {each.name}" for each in built_in_corpora() if each.table)
        option = "--columns" if columns else "--labels-as-is"
        raise EmozooError(f"{option} is for a table of your own ({own}), not for {corpus.name}: leave it out")
    return {}


def locate(corpus: Corpus, data_dir: str | os.PathLike[str] | None, root: Path) -> Path:
    """The corpus' folder or file, absolute: as given, named by the environment, or generated now.

    Raises EmozooError if there is none."""
    source = "--data-dir" if data_dir is not None else corpus.environment
    given = os.fspath(data_dir) if data_dir is not None else os.environ.get(source, "") if source else ""
    if given or data_dir is not None:
        path = user_path(given)
        if not path.exists():
            raise EmozooError(
                f"the data of {corpus.name} are not at {given}, which {source} names: there is no such folder or file"
            )
        return path
    if corpus.write is not None:
        return _generated(corpus, root)
    variable = f" or the environment variable {corpus.environment}" if corpus.environment else ""
    fetching = f"emozoo fetch {corpus.name} downloads them. " if corpus.download else ""
    others = [each.at_once for each in built_in_corpora() if each.at_once and each.name != corpus.name]
    raise EmozooError(
        f"the dataset {corpus.name} needs data that are not part of emozoo. {fetching}{corpus.obtain} "
        f"Then name them with --data-dir{variable}. What runs at once: {', '.join(others[:-1])}, or {others[-1]}"
    )


def _generated(corpus: Corpus, root: Path) -> Path:
    """The folder of a synthetic corpus: written once for each version of the code that writes it."""
    assert corpus.write is not None
    source = getattr(sys.modules.get(corpus.write.__module__), "__file__", None)
    version = hashlib.blake2b(Path(source).read_bytes() if source else b"", digest_size=8).hexdigest()
    folder = root / "made" / f"{corpus.name}-{version}"
    if folder.is_dir():
        return folder
    with _one_at_a_time(folder):
        if not folder.is_dir():
            with cached_folder(folder) as temporary:
                log.info("making the dataset %s in %s", corpus.name, folder)
                corpus.write(temporary)
    return folder


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Waits for another process that makes `folder`, where the file system has locks."""
    from filelock import FileLock

    place = folder.parent.with_name("locks") / f"{folder.name}.lock"
    lock = FileLock(place)
    with suppress(OSError, NotImplementedError):  # what cannot be written is told by whoever writes there
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _label(
    rows: Dataset, corpus: Corpus, labels: Sequence[str] | None, merge: Mapping[str, str], may_lack: bool, words: bool
) -> Dataset:
    """The rows that carry a wanted label, with the column `label`. With `words`, another word for the same emotion is a
    spelling of it."""
    import datasets

    merged = _merged(rows["emotion"][:], set(rows["emotion"][:]) - {""}, corpus, merge)
    wanted = list(dict.fromkeys(corpus.labels if labels is None else labels))
    if respelled := _respelled(wanted, set(merged) - {""}, words):
        told = ", ".join(f"{found} as {asked}" for found, asked in sorted(respelled.items()))
        log.warning("labels of %s in another spelling are read: %s", corpus.name, told)
        merged = [respelled.get(label, label) for label in merged]
    wanted = _wanted(wanted, labels, set(merged) - {""}, corpus, bool(merge), may_lack)
    number = {label: position for position, label in enumerate(wanted)}
    keep = [row for row, label in enumerate(merged) if label in number]
    if may_lack and (others := {label for label in merged if label and label not in number}):
        log.info(
            "%d of the %d clips of %s are left out: they are labelled %s",
            *(sum(label in others for label in merged), len(merged), corpus.name, listed(sorted(others), 8)),
        )
    column = [number[merged[row]] for row in keep]
    return take(rows, keep).add_column("label", column, feature=datasets.ClassLabel(names=wanted))


def _voted(
    rows: Dataset,
    corpus: Corpus,
    labels: Sequence[str] | None,
    merge: Mapping[str, str],
    may_lack: bool,
    multi: bool,
) -> Dataset:
    """The rows that a rater gave a wanted label, with the columns `label`, -1 where most do not agree on one, and `said`."""
    import datasets

    from emozoo.data.truth import UNDECIDED, majority, votes_of

    if not multi and not _has_votes(rows):
        raise EmozooError(
            f"the dataset {corpus.name} does not tell how its raters voted: leave --target out to tell words apart"
        )
    emotions = rows["emotion"][:]
    votes = votes_of(rows, merge, emotions if multi else [""] * len(rows))
    known = {word for each in votes for word in each}
    merged = _merged(emotions, known | set(emotions) - {""}, corpus, merge)
    wanted = list(dict.fromkeys(corpus.labels if labels is None else labels))
    wanted = _wanted(wanted, labels, known, corpus, bool(merge), may_lack)
    keep = [row for row, each in enumerate(votes) if any(each.get(word) for word in wanted)]
    if lost := sum(not each for each in votes):
        log.warning("%d of the %d clips of %s have no votes and are left out", lost, len(rows), corpus.name)
    # A word of the corpus' own that is not asked for is not replaced by a smaller group's.
    chosen = [merged[row] or majority(votes[row], sorted(known)) for row in keep]
    numbers = [wanted.index(word) if word in wanted else UNDECIDED for word in chosen]
    kept = take(rows, keep).add_column("label", numbers, feature=datasets.ClassLabel(names=wanted))
    return kept.add_column("said", [json.dumps(votes[row]) for row in keep])


def _has_votes(rows: Dataset) -> bool:
    return any(rows["votes"][:])


def _rated(rows: Dataset, corpus: Corpus) -> Dataset:
    """The rows that have a rating, with their strata as `label`."""
    import datasets

    from emozoo.data.truth import rated_dimensions, strata

    if not rated_dimensions(rows):
        raise EmozooError(
            f"the dataset {corpus.name} has no ratings of {', '.join(DIMENSION_COLUMNS)}: leave --target out to tell words "
            "apart"
        )
    words = strata(rows)
    keep = [row for row, word in enumerate(words) if word]
    if lost := len(rows) - len(keep):
        log.warning("%d of the %d clips of %s have no rating and are left out", lost, len(rows), corpus.name)
    names = sorted(set(words) - {""})
    numbers = [names.index(words[row]) for row in keep]
    return take(rows, keep).add_column("label", numbers, feature=datasets.ClassLabel(names=names))


def _wanted(
    wanted: list[str],
    labels: Sequence[str] | None,
    known: Collection[str],
    corpus: Corpus,
    merging: bool,
    may_lack: bool,
) -> list[str]:
    """The labels to tell apart, in order: those `wanted`, of which the dataset has the `known` ones."""
    if labels is None:
        wanted = _present(wanted, known, corpus)
    if not wanted or wanted == ["all"]:
        wanted = sorted(known)
    _check_labels(wanted, known, corpus, after=" after merging" if merging else "", may_lack=may_lack)
    return wanted


def _merged(emotions: list[str], known: Collection[str], corpus: Corpus, merge: Mapping[str, str]) -> list[str]:
    """The emotions as `merge` renames them; a word that is not `known` cannot be renamed, unless it was read as
    the same emotion."""
    one = {same_emotion(word) for word in known} if corpus.table else set()
    if unknown := [
        word
        for word, other in merge.items()
        if word not in known and not same_emotion(word) == same_emotion(other) in one
    ]:
        raise EmozooError(
            f"cannot merge {', '.join(unknown)}: the labels of {corpus.name} are {', '.join(sorted(known))}"
        )
    return [merge.get(emotion, emotion) for emotion in emotions]


def _respelled(wanted: Sequence[str], known: Collection[str], words: bool) -> dict[str, str]:
    """The labels that differ from wanted ones in case only, or with `words` in the word for the same emotion, each with the
    wanted spelling."""
    key = same_emotion if words else str.casefold
    found = {key(label): label for label in sorted(known) if label not in wanted}
    lacking = [label for label in wanted if label not in known and key(label) in found]
    return {found[key(label)]: label for label in lacking}


def _present(usual: list[str], known: Collection[str], corpus: Corpus) -> list[str]:
    """Of a corpus' default labels, those of a part of it; a warning names the others. All of them if fewer than two are
    left."""
    present = [label for label in usual if label in known]
    if not 2 <= len(present) < len(usual):
        return usual
    absent = ", ".join(label for label in usual if label not in known)
    log.warning("no clip of %s is labelled %s: its labels here are %s", corpus.name, absent, ", ".join(present))
    return present


def _check_labels(wanted: list[str], known: Collection[str], corpus: Corpus, *, after: str, may_lack: bool) -> None:
    """Raises EmozooError unless the labels can be trained on; with `may_lack`, one that has a clip is enough."""
    missing = [label for label in wanted if label not in known]
    if missing and not (may_lack and len(missing) < len(wanted)):
        raise EmozooError(
            f"no clip of {corpus.name} is labelled {', '.join(missing)}: its labels{after} are {', '.join(sorted(known))}; "
            "pick from them with --labels"
        )
    if not known:
        raise EmozooError(
            f"no clip of {corpus.name} has a label: --target dimensions or --target votes takes its ratings or its votes"
        )
    if len(wanted) < 2:
        raise EmozooError(
            f"{', '.join(wanted)} is not enough to tell apart: ask for two labels or more of {', '.join(sorted(known))}"
        )


def _with_video(rows: Dataset, corpus: Corpus) -> Dataset:
    """The rows that have a video; a warning counts the others."""
    keep = [row for row, path in enumerate(rows["video_path"][:]) if path]
    if not keep:
        raise EmozooError(f"no clip of {corpus.name} has a video: use an architecture that needs audio only")
    if lost := len(rows) - len(keep):
        log.warning("%d of the %d clips of %s have no video and are left out", lost, len(rows), corpus.name)
    return take(rows, keep)


def _some_video(rows: Dataset, corpus: Corpus) -> bool:
    """Whether any row has a video; a warning counts those without."""
    lost = sum(not path for path in rows["video_path"][:])
    if lost:
        log.warning("%d of the %d clips of %s have no video: their audio is used", lost, len(rows), corpus.name)
    return lost < len(rows)


def get_corpus(name: str) -> Corpus:
    """Imports and checks a dataset. Raises EmozooError naming the distribution and the reason."""
    from emozoo.data.corpus import corpus_problem

    return load_plugin(find(DATASETS, name), corpus_problem)


def built_in_corpora() -> list[Corpus]:
    """The datasets of emozoo itself, by name, for messages that suggest one. Importing others' may be slow, or fail."""
    return [get_corpus(plugin.name) for plugin in plugins(DATASETS) if plugin.builtin]
