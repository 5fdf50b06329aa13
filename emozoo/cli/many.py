"""`--output FOLDER`, `--engine` and `--shard` of `emozoo predict` and `embed`: many clips answered into a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from emozoo.cli.models import load_model
from emozoo.cli.options import Backend, Precision, print_json
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.bulk.questions import Question
    from emozoo.bulk.run import Engine
    from emozoo.bulk.shard import Shard
    from emozoo.bulk.source import Source
    from emozoo.inference.model import Model

T = TypeVar("T")


class EngineName(StrEnum):
    local = "local"
    ray = "ray"


EngineBy = Annotated[
    EngineName,
    typer.Option(
        "--engine",
        help="What answers into a folder: local, this process; ray, processes on all cores or GPUs of this machine or a "
        "cluster, which takes the pip extra ray.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The cluster of --engine ray, such as auto or ray://head:10001. Default: RAY_ADDRESS, or this machine.",
        show_default=False,
    ),
]
ShardOf = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="NUMBER/OF",
        help="Take only this share of the clips, as in 3/8: each task of a job array takes its own.",
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Asked:
    """By whom many clips are to be answered."""

    model: str
    backend: Backend
    precision: Precision
    device: str
    engine: EngineName = EngineName.local
    address: str | None = None
    shard: str | None = None

    def check(self, folder: bool) -> None:
        """Raises EmozooError for options that go with a folder only, or with one another."""
        if self.engine is EngineName.ray and not folder:
            raise EmozooError(
                "--engine ray writes a folder of Parquet files: name one, with a / at the end, as in --output answers/"
            )
        if self.address is not None and self.engine is not EngineName.ray:
            raise EmozooError("--address is of a cluster of Ray: add --engine ray")
        if self.shard is not None and self.engine is EngineName.ray:
            raise EmozooError(
                "--shard is for processes that know nothing of one another, and Ray's do: leave one of them out"
            )
        self.share([], str)

    @property
    def of_shards(self) -> Shard | None:
        """The share of this process; None: all. Raises EmozooError for a share that cannot be."""
        from emozoo.bulk.shard import Shard

        return None if self.shard is None else Shard.parse(self.shard)

    def share(self, clips: Sequence[T], name: Callable[[T], str]) -> list[T]:
        """The clips of this process. Raises EmozooError for a share that cannot be."""
        shard = self.of_shards
        return list(clips) if shard is None else shard.share(clips, name)


def answer_many(
    asked: Asked, files: list[str], question_for: Callable[[Model], Question], output: str, as_json: bool
) -> None:
    """Answers clips into a folder, goes on where it stopped, and prints how many rows there are. What is asked may depend on
    the model. The exit status is 2 where each clip has an error."""
    from emozoo.bulk.answer_folder import AnswerFolder
    from emozoo.bulk.listing import list_sources
    from emozoo.bulk.remote import safe_name
    from emozoo.bulk.run import answer_into
    from emozoo.cli.console import progress_bars, say, waiting, warn
    from emozoo.inference.checks import check_options

    with waiting("listing the clips"):
        sources = asked.share(list_sources(files, warn=warn), lambda source: source.file)
    own = "cpu" if asked.engine is EngineName.ray else asked.device  # only workers need what the cluster has
    model = load_model(asked.model, asked.backend, own, asked.precision)
    question = question_for(model)
    check_options(model, question.options)
    folder = AnswerFolder(output, _about(asked, question), str(asked.of_shards or "").replace("/", "-of-"))
    verb = question.describe()["asked"]
    before = done = 0
    try:
        with progress_bars() as bars:
            task = bars.add_task(f"{verb}ing", total=len(sources))
            for step, done in enumerate(answer_into(folder, sources, _engine(asked, model, question))):
                if step == 0:
                    before = done
                    if before and before < len(sources):
                        say(f"{before} of {len(sources)} clips have their rows already")
                bars.update(task, completed=done)
    except BaseException:
        if folder.rows:
            say(
                f"{done} of {len(sources)} clips have their rows in {safe_name(output)}; the same command answers the others"
            )
        raise
    if as_json:
        found = {"clips": len(sources), "before": before, "rows": folder.rows, "failed": folder.failed}
        print_json({"model": folder.about["model"], "asked": verb, **found, "output": safe_name(output)})
    else:
        _tell(sources, before, folder, safe_name(output))
    if sources and folder.failed == done - before == len(sources):
        raise typer.Exit(2)


def _tell(sources: Sequence[Source], before: int, folder: Any, name: str) -> None:
    from emozoo.cli.console import out

    had = f", {before} of them before" if before else ""
    failed = f", failed: {folder.failed}" if folder.failed else ""
    out.print(f"{name}: clips: {len(sources)}{had}, new rows: {folder.rows}{failed}", soft_wrap=True)


def _engine(asked: Asked, model: Model, question: Question) -> Engine:
    if asked.engine is EngineName.ray:
        from emozoo.integrations.ray_engine import engine
        from emozoo.integrations.ray_worker import Opening

        opening = Opening(_everywhere(asked.model), asked.device, asked.precision.value, asked.backend.value)
        return engine(opening, question, asked.address)
    from emozoo.bulk.run import in_this_process

    return in_this_process(model, question)


def _everywhere(model: str) -> str:
    """A model's name for processes with another current folder; of the Hub, at the commit that is here."""
    from emozoo.checkpoint.locate import resolve
    from emozoo.checkpoint.named import folder_of, leads_to
    from emozoo.hub.files import commit_of
    from emozoo.hub.reference import is_reference
    from emozoo.paths import user_path

    place = leads_to(model)
    if is_reference(place):
        return commit_of(place, resolve(place))
    return model if folder_of(model) else str(user_path(model))


def _about(asked: Asked, question: Question) -> dict[str, Any]:
    """What answers of one folder have in common."""
    from emozoo.checkpoint.locate import resolve
    from emozoo.checkpoint.named import leads_to
    from emozoo.filenames import CONFIG, PREPROCESSOR
    from emozoo.hub.files import commit_of
    from emozoo.version import version

    folder = resolve(asked.model)
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.name in (CONFIG, PREPROCESSOR) or path.suffix in (".safetensors", ".onnx"):
            with open(path, "rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    name = f"{commit_of(leads_to(asked.model), folder)} ({digest.hexdigest()[:12]})"
    computed = {"backend": asked.backend.value, "precision": asked.precision.value}
    shards = {"shards": asked.of_shards.of} if asked.of_shards else {}
    return {"model": name, **question.describe(), **computed, **shards, "version": version()}
