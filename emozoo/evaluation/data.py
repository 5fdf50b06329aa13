"""A decoded dataset with its folds, speakers and labels, ready to be trained or measured on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from emozoo.checkpoint.provenance import Clips
from emozoo.checkpoint.run import RunOptions
from emozoo.data.corpus import Corpus
from emozoo.data.decode_task import ClipSource, Notes
from emozoo.data.loading import built_in_corpora, get_corpus, load_dataset
from emozoo.data.splits.few import with_few_speakers
from emozoo.data.splits.fold import Fold
from emozoo.data.splits.given import given_folds, with_copies
from emozoo.data.splits.protocols import make_folds, with_text
from emozoo.data.store import ClipStore
from emozoo.data.tables.fold_lists import read_fold_lists
from emozoo.data.truth import Truth, rated_dimensions, rating_scale
from emozoo.errors import EmozooError, blamed
from emozoo.hub.reference import is_reference
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.target import DIMENSION_COLUMNS, EMOTION, Outputs, has_dimensions, has_labels


@dataclass(frozen=True)
class Data:
    """A decoded dataset, ready to be split and cut."""

    corpus: Corpus
    store: ClipStore
    columns: dict[str, list[Any]]
    outputs: Outputs
    """What a network's outputs are compared with."""
    names: tuple[str, ...]
    """Of the classes by which folds are balanced: the labels, or strata of ratings."""

    @property
    def labels(self) -> tuple[str, ...]:
        return self.outputs.labels

    @cached_property
    def truth(self) -> Truth:
        """What people said of the clips. Raises EmozooError for a rating outside of the scale."""
        return Truth.of(self.columns, self.outputs)

    @cached_property
    def classes(self) -> list[str]:
        """The class of each row, by which folds are balanced; "" where its raters do not agree on a label."""
        return [self.names[number] if number >= 0 else "" for number in self.columns["label"]]

    def folds(self, protocol: str | None, seed: int) -> list[Fold]:
        """The folds of a protocol, or of the corpus' usual one."""
        columns = {**self.columns, "label": self.classes}
        return make_folds(columns, protocol or self.corpus.protocol, seed=seed, needed=self._needed)

    def folds_of(self, run: RunOptions) -> list[Fold]:
        """The folds of a run as its options ask for them: of a protocol, or of others' lists; and with few speakers."""
        seed = run.folds_seed
        folds = self.folds(run.protocol, seed) if run.folds is None else self.given_folds(run.folds, seed)
        if run.train_speakers is None:
            return folds
        columns = {**self.columns, "label": self.classes}
        if not run.dev:
            folds = [fold.without_dev() for fold in folds]
        few = [
            with_few_speakers(
                fold,
                run.train_speakers,
                speakers=self.speakers,
                genders=[str(word or "") for word in self.columns["gender"]],
                classes=self.classes,
                needed=self._needed,
                seed=run.folds_seed,
            )
            for fold in folds
        ]
        return with_copies(with_text(few, columns), columns)

    def given_folds(self, place: str, seed: int) -> list[Fold]:
        """The folds in a file or folder that others made; dev is split off by the random `seed` where they have none."""
        columns = {**self.columns, "label": self.classes}
        return given_folds(columns, read_fold_lists(place), seed=seed, needed=self._needed)

    @property
    def _needed(self) -> tuple[str, ...]:
        """The classes that a fold must have in train."""
        return tuple(self.labels) if self.outputs.labels and not self.outputs.multi else ()

    @cached_property
    def clips(self) -> Clips:
        """The rows as a record of what was trained on knows them."""
        return Clips.of(self.columns, "" if self.corpus.private else self.corpus.name)

    @cached_property
    def speakers(self) -> list[str]:
        """Of each row, "" where unknown; of a name that stands in several corpora, with the corpus before it."""
        names = [str(name or "") for name in self.columns["speaker"]]
        corpora = [str(name or "") for name in self.columns.get("corpus", [""] * len(names))]
        homes: dict[str, set[str]] = {}
        for name, corpus in zip(names, corpora, strict=True):
            homes.setdefault(name, set()).add(corpus)
        return [
            f"{corpus} {name}".strip() if name and len(homes[name]) > 1 else name
            for name, corpus in zip(names, corpora, strict=True)
        ]


def open_data(
    dataset: str,
    data_dir: str | None,
    labels: Sequence[str] | None,
    merge: Mapping[str, str],
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    window: WindowShape = DEFAULT_WINDOW,
    may_lack: bool = False,
    target: str = EMOTION,
    multi: bool = False,
    dimensions: Sequence[str] | None = None,
    scale: Sequence[float] | None = None,
    columns: Mapping[str, str] | None = None,
    labels_as_is: bool = False,
    noted: Callable[[Notes, Sequence[ClipSource]], None] | None = None,
) -> Data:
    """Finds, decodes and opens a dataset, for outputs of a `target`, as `emozoo.target` has it: with those `dimensions`, or
    all that are rated, on a `scale` that the corpus does not name itself. If its corpus can `fetch`, `data_dir` may be one
    of the Hub, `hub:user/name[@revision]`. `window` is the network's, whose frames are decoded. With `may_lack`, some of the
    labels may have no clip, and where there are labels, votes and ratings may be missing. `columns`, `labels_as_is`
    and `noted` are as in `load_dataset`.

    Raises EmozooError if the dataset is unknown or its data are missing."""
    corpus = get_corpus(dataset)
    if data_dir is not None and is_reference(data_dir):
        if corpus.fetch is None:
            able = " or ".join(f"--dataset {each.name}" for each in built_in_corpora() if each.fetch)
            raise EmozooError(f"{data_dir} is a dataset of the Hub, which {able} reads, not {dataset}")
        with blamed(f"the dataset {dataset}", f"cannot fetch {data_dir}"):
            data_dir = str(corpus.fetch(data_dir, **({"columns": columns} if columns and corpus.table else {})))
    rows = load_dataset(
        corpus,
        data_dir=data_dir,
        labels=labels,
        merge=merge,
        video=video,
        optional=optional,
        preparation=preparation,
        window=window,
        may_lack=may_lack,
        target=target,
        multi=multi,
        columns=columns,
        labels_as_is=labels_as_is,
        noted=noted,
    )
    content = {name: rows[name][:] for name in rows.column_names if name not in ("waveform", "frames")}
    names = tuple(rows.features["label"].names)
    rated = has_dimensions(target) and not (may_lack and has_labels(target) and not rated_dimensions(content))
    dimensions = _rated(corpus, content, dimensions) if rated else tuple(dimensions or ())
    outputs = Outputs(
        labels=names if has_labels(target) else (),
        dimensions=dimensions,
        target=target,
        multi=multi,
        scale=rating_scale(corpus.name, corpus.scale, scale) if rated else None,
    )
    return Data(corpus, ClipStore(rows, window.grid), content, outputs, names)


def _rated(corpus: Corpus, columns: dict[str, list[Any]], dimensions: Sequence[str] | None) -> tuple[str, ...]:
    """The dimensions to compare with. Raises EmozooError for a dataset without ratings of any of them."""
    rated = rated_dimensions(columns)
    wanted = rated if dimensions is None else tuple(dimensions)
    if not set(wanted) & set(rated):
        raise EmozooError(
            f"the dataset {corpus.name} has no ratings of {', '.join(wanted or DIMENSION_COLUMNS)}: it has those of "
            f"{', '.join(rated) or 'nothing'}"
        )
    return wanted
