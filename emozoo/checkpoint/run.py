"""What a run was asked to do and what came out: run.json, metrics.json and summary.json as dataclasses.

run.json names this machine's folders, so it is never published.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config_file import DEEPEST, LARGEST_NUMBER, read_json
from emozoo.checkpoint.groups import Grouping
from emozoo.checkpoint.named import folder_of, leads_to
from emozoo.checkpoint.provenance import Leak
from emozoo.checkpoint.results import DimensionMetrics, Metrics, SeveralMetrics, Summary, VoteMetrics
from emozoo.errors import EmozooError
from emozoo.filenames import METRICS, RUN, SUMMARY
from emozoo.hints import from_json, type_problem
from emozoo.hub.reference import is_reference
from emozoo.paths import user_path, write_text
from emozoo.target import EMOTION, TARGETS, has_dimensions
from emozoo.text import shown
from emozoo.version import version as emozoo_version

WRITER = "emozoo"
"""The key under which a file says which version of emozoo wrote it."""
LARGEST_METRICS = 2**26
"""Bytes of a metrics.json that is read."""
NO_RESULTS = "it does not hold a run's results"
MOST_SETTINGS = 1000
LONGEST = 10_000
"""Hyperparameters, and characters of a text, in the metrics.json of a stranger."""


@dataclass(frozen=True)
class RunOptions:
    """What `emozoo train` was asked for, its defaults filled in."""

    architecture: str
    dataset: str
    data_dir: str | None = None
    labels: tuple[str, ...] | None = None
    """None: the dataset's usual label set."""
    merge: dict[str, str] = field(default_factory=dict)
    protocol: str | None = None
    """None: the dataset's usual protocol."""
    fold: int | None = 1
    """From 1; None: all folds."""
    seed: int = 0
    settings: dict[str, str] = field(default_factory=dict)
    precision: str = "auto"
    start: str | None = None
    """The model that is fine-tuned: a folder, or a reference as it was given; None: fresh weights."""
    crop: str | None = None
    denoise: bool = False
    """As in `emozoo.media.preparation.Preparation`; a model that is fine-tuned keeps its own beside."""
    dev: bool = True
    """Whether the dev split is kept out of training, to choose the epoch by."""
    target: str = EMOTION
    """What the network learns, one of `emozoo.target.TARGETS`."""
    multi: bool = False
    """Whether a clip may have several labels."""
    scale: tuple[float, float] | None = None
    """The lowest and the highest rating, for a dataset that does not say so itself."""
    split_seed: int | None = None
    """The random seed of the folds; None: `seed`, or the first of `seeds`."""
    seeds: tuple[int, ...] | None = None
    """Of a run over several seeds, all of them; `seed` is the first."""
    columns: dict[str, str] = field(default_factory=dict)
    """Names of a table's columns by meaning, beside those that are understood."""
    labels_as_is: bool = False
    """Whether other spellings of an emotion in a table are other labels."""

    folds: str | None = None
    """A file or folder of folds that others made, instead of a protocol."""
    folds_digest: str | None = None
    """What is in it, as a digest; None: it was not read yet."""
    train_speakers: int | None = None
    """How many of each fold's training speakers are trained on; None: all."""

    def split_by(self, usual: str) -> str:
        """What the dataset, whose protocol is `usual`, is split by, in words."""
        return f"folds {Path(self.folds).name}" if self.folds else self.protocol or usual

    @property
    def folds_seed(self) -> int:
        """The random seed that the dataset is split by."""
        return self.seed if self.split_seed is None else self.split_seed

    def check(self) -> None:
        """Raises EmozooError for a value of the wrong type, or one that is no text, which no file could hold."""
        problem = type_problem(self, RunOptions)
        for name in ("settings", "merge", "columns"):
            problem = problem or _not_text(name, getattr(self, name))
        if problem:
            raise EmozooError(f"the training's options are wrong: {problem}")
        if self.target not in TARGETS:
            raise EmozooError(f"the target is {shown(self.target)}, not one of {'; '.join(TARGETS)}")
        if self.multi and self.target != EMOTION:
            raise EmozooError(f"several labels a clip are for the target {EMOTION} alone, not for {self.target}")
        if self.seeds is not None and len(set(self.seeds)) != max(len(self.seeds), 1):
            raise EmozooError("--seeds must name each random seed once, as in --seeds 0,1,2")
        if self.scale is not None and not has_dimensions(self.target):
            raise EmozooError("--scale is that of ratings, which this training does not use: add --target dimensions")
        if self.folds is not None and self.protocol is not None:
            raise EmozooError(f"--folds brings its own split: leave --protocol {shown(self.protocol)[1:-1]} out")
        if self.train_speakers is not None and self.train_speakers < 1:
            raise EmozooError(f"--train-speakers {self.train_speakers}: must be 1 or more")
        for name, value in dataclasses.asdict(self).items():
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except (UnicodeEncodeError, TypeError):
                raise EmozooError(f"{name}: {shown(value)} is not UTF-8 text: write it in plain letters") from None

    def placed(self) -> RunOptions:
        """The same, found from any folder: with absolute paths."""
        data_dir = self.data_dir
        start = None if self.start is None else leads_to(self.start)
        if data_dir is not None and not is_reference(data_dir):
            data_dir = str(user_path(data_dir))
        if start is not None and not is_reference(start) and folder_of(start) is None:
            start = str(user_path(start))
        labels = None if self.labels is None else tuple(self.labels)
        folds = None if self.folds is None else str(user_path(self.folds))
        return dataclasses.replace(self, data_dir=data_dir, start=start, labels=labels, folds=folds)

    def write(self, folder: Path) -> None:
        document = {WRITER: emozoo_version(), **dataclasses.asdict(self.placed())}
        write_text(folder / RUN, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _not_text(name: str, words: dict[Any, Any]) -> str | None:
    for key, value in words.items():
        if not isinstance(key, str) or not isinstance(value, str):
            return f"{name} holds {shown(key)}: {shown(value)}, which are not both text, as on the command line"
    return None


def read_options(folder: Path) -> RunOptions | None:
    """The options recorded in a run's folder; None where there are none. Raises EmozooError for a damaged record."""
    path = folder / RUN
    if not path.is_file():
        return None
    known = {each.name for each in dataclasses.fields(RunOptions)}
    values: Any = None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        options = from_json(RunOptions, values)
        if strangers := values.keys() - known - {WRITER}:
            raise ValueError(*strangers)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable(path, values, "it is not the record of a run") from error
    return options


def unreadable(path: Path, document: Any, why: str) -> EmozooError:
    """What to say of a file of a run: another version of emozoo wrote it, or it is damaged."""
    writer = document.get(WRITER) if isinstance(document, dict) else None
    if isinstance(writer, str) and writer != emozoo_version():
        return EmozooError(
            f"{path} was written by emozoo {shown(writer)[1:-1]}, and this is {emozoo_version()}, which cannot read it: "
            "use that version"
        )
    return EmozooError(f"{path} is damaged: {why}")


@dataclass(frozen=True, kw_only=True)
class PartRecord:
    """A part of a fold: its train, dev or test clips."""

    clips: int
    labels: dict[str, int]
    """Clips of each label."""
    speakers: int
    """Those whose names are known."""


@dataclass(frozen=True, kw_only=True)
class DataRecord:
    """The data of a run, as metrics.json has them."""

    dataset: str
    private: bool | None = None
    """Whether the clips are a user's own (`Corpus.private`); None: the run was made before this was recorded."""
    licence: str
    language: str
    citation: str
    merge: dict[str, str]
    protocol: str
    fold: int
    fold_name: str
    folds: int
    speaker_disjoint: bool
    leak: Leak | None = None
    """None: the run was made before models kept a record of what they were trained on."""
    note: str
    parts: dict[str, PartRecord]


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """The training of a run, as metrics.json has it."""

    start: str | None = None
    """The model that was fine-tuned; None: fresh weights."""
    recipe: dict[str, Any]
    seed: int
    best_epoch: int
    history: tuple[dict[str, Any], ...] = ()
    """Losses and dev scores of each epoch."""
    seconds: float
    parameters: int
    precision: str
    device: str
    processes: int = 1
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """What a finished run recorded: metrics.json."""

    test: Metrics
    dev: dict[str, Any] = field(default_factory=dict)
    """Scores of the best epoch on the dev split; empty where that was trained on."""
    data: DataRecord
    training: TrainingRecord
    groups: tuple[Grouping, ...] = ()
    """Groups of the test clips, by what the data tell of speakers and recordings."""

    def write(self, folder: Path) -> None:
        document = {WRITER: emozoo_version(), **dataclasses.asdict(self), "test": self.test.to_dict()}
        write_text(folder / METRICS, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The few values of a metrics.json that `emozoo info` shows. Raises ValueError for those that no run has."""

    dataset: str
    protocol: str
    fold: int
    folds: int
    fold_name: str
    note: str
    wa: float | None = None
    """As `ua` and `macro_f1`, None where the model does not answer with one word."""
    ua: float | None = None
    macro_f1: float | None = None
    dimensions: tuple[DimensionMetrics, ...] = ()
    votes: VoteMetrics | None = None
    several: SeveralMetrics | None = None
    count: int
    """Test clips."""
    recipe: dict[str, Any]
    start: str | None = None
    """The model that was fine-tuned; None: fresh weights."""

    def __post_init__(self) -> None:
        texts = (self.dataset, self.protocol, self.fold_name, self.note, self.start or "")
        if any(len(text) > LONGEST for text in texts):
            raise ValueError("a text is too long")
        if not all(0 <= count <= LARGEST_NUMBER for count in (self.fold, self.folds, self.count)):
            raise ValueError("a count is out of range")
        scores = [share for share in (self.wa, self.ua, self.macro_f1) if share is not None]
        if len(scores) not in (0, 3) or not all(0 <= share <= 1 for share in scores):
            raise ValueError("a score is not in 0 to 1")
        if len(self.recipe) > MOST_SETTINGS or not all(map(_is_setting, (*self.recipe, *self.recipe.values()))):
            raise ValueError("the recipe holds what is no setting")


def _is_setting(value: Any, depth: int = 0) -> bool:
    """Whether it is a text, a number, a truth value, None, or a list of such values."""
    if isinstance(value, list) and len(value) <= MOST_SETTINGS and depth < DEEPEST:
        return all(_is_setting(item, depth + 1) for item in value)
    if isinstance(value, str):
        return len(value) <= LONGEST
    return value is None or isinstance(value, int | float) and abs(value) <= LARGEST_NUMBER  # no NaN, which is larger


def read_record(folder: Path) -> RunRecord | None:
    """What a finished run recorded; None where it is not finished. Raises EmozooError for a damaged record."""
    path = folder / METRICS
    if (document := _results(path)) is None:
        return None
    try:
        return from_json(RunRecord, document)
    except ValueError as error:
        raise unreadable(path, document, f"{NO_RESULTS}: {error}") from error


def read_outcome(folder: Path, name: str) -> Outcome | None:
    """The like of `read_record`, of a record that may be a stranger's and lack all but these values. `name` is what errors
    call the folder."""
    if (document := _results(folder / METRICS)) is None:
        return None
    try:
        return from_json(Outcome, {**document["training"], **document["test"], **document["data"]})
    except ValueError as error:
        raise EmozooError(f"{name}/{METRICS} is damaged: {NO_RESULTS}: {error}") from error


def read_summary(folder: Path) -> Summary | None:
    """What all folds of a run gave together; None where they are not all finished, or the file is none of these."""
    try:
        return Summary.from_dict(json.loads((folder / SUMMARY).read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):
        return None


def _results(path: Path) -> dict[str, Any] | None:
    """The parts of a metrics.json, each an object; None where there is no such file."""
    if not path.is_file():
        return None
    document = read_json(path, str(path), LARGEST_METRICS)
    parts = [document.get(part) if isinstance(document, dict) else None for part in ("data", "test", "training")]
    if not all(isinstance(part, dict) for part in parts) or "count" not in document["test"]:
        raise unreadable(path, document, NO_RESULTS)
    return {**document, "data": _told_honestly(document["data"], document["training"])}


def _told_honestly(data: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """The data of a run. Fine-tunings of before models kept a record of what they were trained on claim that the test
    speakers were not trained on, which nobody knows."""
    if "leak" in data or not (start := training.get("start")):
        return data
    note = f"unknown whether test speakers were trained on: {start} keeps no record of what it was trained on"
    return data | {"speaker_disjoint": False, "note": "; ".join(filter(None, (note, data.get("note"))))}
