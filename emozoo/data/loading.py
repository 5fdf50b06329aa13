"""A dataset's name becomes labelled, decoded clips: `load_dataset`.

What a dataset is stands in `emozoo.data.corpus`, each dataset in a module of its own, decoding in `emozoo.data.decoding`,
and how rows are split in `emozoo.data.splits.protocols`. Importing this module costs neither torch nor datasets.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.data.rows import read_rows, take
from emozoo.errors import EmozooError
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.paths import cache_root, cached_folder, user_path
from emozoo.registry.entry_points import DATASETS, find
from emozoo.registry.loading import load_plugin

if TYPE_CHECKING:
    from datasets import Dataset

    from emozoo.data.corpus import Corpus

log = logging.getLogger("emozoo")

AT_ONCE = {
    "toy": "--dataset toy",
    "ravdess": "--dataset ravdess (free to download, audio and video)",
    "manifest": "--dataset manifest --data-dir my.csv",
}
"""What runs without a licence, for those whose corpus is not at hand."""


def load_dataset(
    name: str | Corpus,
    data_dir: str | os.PathLike[str] | None = None,
    labels: Sequence[str] | None = None,
    merge: Mapping[str, str] | None = None,
    *,
    video: bool = False,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    cache_dir: str | os.PathLike[str] | None = None,
    may_lack: bool = False,
) -> Dataset:
    """The clips of a dataset that carry one of `labels`, decoded; `emozoo.data.store.ClipStore` gives them as arrays.

    `data_dir` is the dataset's folder or file; without it the dataset's environment variable names it. `merge` turns
    one label into another ({"excited": "happy"}) before `labels` are picked; ("all",) picks every label, sorted, None
    the dataset's usual ones.

    Columns: `emozoo.data.corpus.FEATURES` (`emotion` as it was before `merge`); `label`, a ClassLabel whose names are
    the label set in the asked order; `waveform`, int16 at 16 kHz (1.0 is 32768); `digest`, equal for equal waveforms;
    with `video`, `frames`: uint8, flat, [ceil(samples / 2400), 60, 100, 3]. Clips that cannot be decoded, or lack the
    video, are left out with a warning. Of what is `optional`, `audio` or `video`, a clip may lack: then its waveform is
    silence, and its frames are empty (no column at all where no clip has any). With a
    `preparation`, pictures are cropped to the face or noise is taken out first. Decoded clips are kept in `cache_dir`
    (`emozoo.paths.cache_root()` where none is given) for the next time.

    Raises EmozooError where the data are missing or a label is unknown; with `may_lack`, only where no clip has any of them.
    """
    from emozoo.data.decoding import decode
    from emozoo.data.loading import get_corpus

    corpus = get_corpus(name) if isinstance(name, str) else name
    preparation.require(f"load_dataset({corpus.name!r})")
    root = user_path(cache_dir) if cache_dir is not None else cache_root()
    rows = _label(read_rows(corpus, locate(corpus, data_dir, root), root), corpus, labels, merge or {}, may_lack)
    if video and "video" in optional:
        video = _some_video(rows, corpus)
    elif video:
        rows = _with_video(rows, corpus)
    return decode(rows, root / "clips", corpus.name, video=video, optional=optional, preparation=preparation)


def locate(corpus: Corpus, data_dir: str | os.PathLike[str] | None, root: Path) -> Path:
    """The corpus' folder or file, absolute: as given, from the environment, or made now; EmozooError for none."""
    if data_dir is not None:
        given, source = os.fspath(data_dir), "--data-dir"
    else:
        given, source = os.environ.get(corpus.environment, "") if corpus.environment else "", corpus.environment
    if given or data_dir is not None:
        path = user_path(given)
        if not path.exists():
            raise EmozooError(
                f"the data of {corpus.name} are not at {given}, which {source} names: there is no such folder or file"
            )
        return path
    if corpus.write is not None:
        return _made(corpus, root)
    others = [command for dataset, command in AT_ONCE.items() if dataset != corpus.name]
    raise EmozooError(
        f"the dataset {corpus.name} needs data that are not part of emozoo. {corpus.obtain} "
        "Then name them with --data-dir"
        + (f" or the environment variable {corpus.environment}" if corpus.environment else "")
        + f". What runs at once: {', '.join(others[:-1])}, or {others[-1]}"
    )


def _made(corpus: Corpus, root: Path) -> Path:
    """The folder of a corpus that is made, not obtained: written once for each version of the code that writes it."""
    assert corpus.write is not None
    source = getattr(sys.modules.get(corpus.write.__module__), "__file__", None)
    version = hashlib.blake2b(Path(source).read_bytes() if source else b"", digest_size=8).hexdigest()
    folder = root / "made" / f"{corpus.name}-{version}"
    if folder.is_dir():
        return folder
    with cached_folder(folder) as temporary:
        log.info("making the dataset %s in %s", corpus.name, folder)
        corpus.write(temporary)
    return folder


def _label(
    rows: Dataset, corpus: Corpus, labels: Sequence[str] | None, merge: Mapping[str, str], may_lack: bool
) -> Dataset:
    """The rows that carry an asked label, with the column `label`."""
    import datasets

    emotions: list[str] = rows["emotion"][:]
    known = set(emotions) - {""}
    if strangers := [source for source in merge if source not in known]:
        raise EmozooError(
            f"cannot merge {', '.join(strangers)}: the labels of {corpus.name} are {', '.join(sorted(known))}"
        )
    merged = [merge.get(emotion, emotion) for emotion in emotions]
    known = set(merged) - {""}
    wanted = list(dict.fromkeys(corpus.labels if labels is None else labels))
    if spelled := _spelled(wanted, known):
        told = ", ".join(f"{there} as {asked}" for there, asked in sorted(spelled.items()))
        log.warning("labels of %s in another spelling are read: %s", corpus.name, told)
        merged = [spelled.get(label, label) for label in merged]
        known = set(merged) - {""}
    present = [label for label in wanted if label in known]
    if labels is None and 2 <= len(present) < len(wanted):  # a part of a corpus; what was asked for must be there
        absent = [label for label in wanted if label not in known]
        log.warning(
            "no clip of %s is labelled %s: its labels here are %s", corpus.name, ", ".join(absent), ", ".join(present)
        )
        wanted = present
    if not wanted or wanted == ["all"]:
        wanted = sorted(known)
    if (missing := [label for label in wanted if label not in known]) and not (may_lack and present):
        after = " after merging" if merge else ""
        raise EmozooError(
            f"no clip of {corpus.name} is labelled {', '.join(missing)}: its labels{after} are {', '.join(sorted(known))}; "
            "pick from them with --labels"
        )
    if len(wanted) < 2:
        raise EmozooError(
            f"{', '.join(wanted) or 'no label'} is not enough to tell apart: "
            f"ask for two labels or more of {', '.join(sorted(known))}"
        )
    number = {label: position for position, label in enumerate(wanted)}
    keep = [row for row, label in enumerate(merged) if label in number]
    column = [number[merged[row]] for row in keep]
    return take(rows, keep).add_column("label", column, feature=datasets.ClassLabel(names=wanted))


def _spelled(wanted: Sequence[str], known: Collection[str]) -> dict[str, str]:
    """The labels that differ from wanted ones in case only, and what they are wanted as."""
    there = {label.casefold(): label for label in sorted(known) if label not in wanted}
    lacking = [label for label in wanted if label not in known and label.casefold() in there]
    return {there[label.casefold()]: label for label in lacking}


def _with_video(rows: Dataset, corpus: Corpus) -> Dataset:
    """The rows that have a video; a warning counts the others."""
    keep = [row for row, path in enumerate(rows["video_path"][:]) if path]
    if not keep:
        raise EmozooError(f"no clip of {corpus.name} has a video: use an architecture that needs sound only")
    if lost := len(rows) - len(keep):
        log.warning("%d of the %d clips of %s have no video and are left out", lost, len(rows), corpus.name)
    return take(rows, keep)


def _some_video(rows: Dataset, corpus: Corpus) -> bool:
    """Whether any row has a video; a warning counts those without."""
    lost = sum(not path for path in rows["video_path"][:])
    if lost:
        log.warning("%d of the %d clips of %s have no video and are only heard", lost, len(rows), corpus.name)
    return lost < len(rows)


def get_corpus(name: str) -> Corpus:
    """Imports and checks a dataset. Raises EmozooError naming the distribution and the reason."""
    from emozoo.data.corpus import corpus_problem

    return load_plugin(find(DATASETS, name), corpus_problem)
