"""What is asked of many clips, and its answers as rows of a table: `Predictions`, `Embeddings`."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from emozoo.bulk.opening import Unopened, open_sources
from emozoo.bulk.source import Source
from emozoo.errors import EmozooError
from emozoo.inference.clips import Clip
from emozoo.inference.embeddings import embed_each
from emozoo.inference.files import predict_files
from emozoo.inference.model import Model
from emozoo.inference.options import PredictOptions

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


class Question(Protocol):
    """What is asked of each clip. It goes to other processes, so it is plain data."""

    @property
    def options(self) -> PredictOptions: ...

    def schema(self, model: Model) -> pa.Schema:
        """The columns of the answers. `file` is one of them, and `error`."""

    def describe(self) -> dict[str, Any]:
        """What is asked, as JSON: answers to the same are of one kind."""

    def rows(self, model: Model, clips: Iterator[Clip]) -> Iterator[list[Row]]:
        """The rows of each clip, in order."""


@dataclass(frozen=True)
class Predictions:
    """A row for each clip, with the fields of `emozoo predict --json`."""

    options: PredictOptions = field(default_factory=PredictOptions)

    def __post_init__(self) -> None:
        if self.options.segments is not None:
            raise EmozooError("segments are not kept in a folder of answers: leave them out, or --output")
        if self.options.adapt_recordings:
            raise EmozooError(
                "answers that are adapted to one another wait for the last, and a folder keeps each at once: leave --adapt "
                "out, or --output"
            )

    def schema(self, model: Model) -> pa.Schema:
        import pyarrow as pa

        outputs, options = model.outputs, self.options
        numbers = {"probabilities": outputs.labels, "dimensions": outputs.dimensions}
        if outputs.scale:
            numbers["ratings"] = outputs.dimensions
        words = pa.list_(pa.string())
        answer = [("emotion", pa.string())] if outputs.labels else []
        answer += [(name, pa.struct([(each, pa.float64()) for each in of])) for name, of in numbers.items() if of]
        answer += [("emotions", words)] if outputs.multi else []
        if options.coverage is not None and outputs.labels:
            answer.append(("prediction_set", words))
        if options.coverage is not None and outputs.dimensions:
            ends = pa.list_(pa.float64())
            answer.append(("intervals", pa.struct([(name, ends) for name in outputs.dimensions])))
        answer += [("reason", pa.string()), ("speech", pa.float64())]
        fields = [("file", pa.string()), *answer, ("modalities", words), ("warnings", words)]
        if options.timeline:
            window = [("start", pa.float64()), ("end", pa.float64()), *answer]
            fields.append(("windows", pa.list_(pa.struct(window))))
        return pa.schema([*fields, ("error", pa.string())])

    def describe(self) -> dict[str, Any]:
        return {"asked": "predict", **_changed(self.options)}

    def rows(self, model: Model, clips: Iterator[Clip]) -> Iterator[list[Row]]:
        for prediction in predict_files(model, clips, self.options):
            yield [prediction.to_dict()]


@dataclass(frozen=True)
class Embeddings:
    """A row for each clip or, with `windows`, for each window, as `emozoo embed` writes them into a Parquet file."""

    options: PredictOptions = field(default_factory=PredictOptions)
    windows: bool = False

    def schema(self, model: Model) -> pa.Schema:
        from emozoo.inference.embedding_tables import embedding_schema

        return embedding_schema(self.windows)

    def describe(self) -> dict[str, Any]:
        return {"asked": "embed", "windows": self.windows, **_changed(self.options)}

    def rows(self, model: Model, clips: Iterator[Clip]) -> Iterator[list[Row]]:
        for embeddings in embed_each(model, clips, self.options, self.windows):
            yield [{**vars(each), "embedding": each.vector} for each in embeddings]


def answers(question: Question, model: Model, sources: Sequence[Source]) -> Iterator[list[Row]]:
    """The rows of each source, in order. One that cannot be fetched or read has a row with its `error`."""
    opened: deque[Clip | Unopened] = deque()

    def clips() -> Iterator[Clip]:
        for clip in open_sources(sources):
            opened.append(clip)
            if isinstance(clip, Clip):
                yield clip

    def failed() -> Iterator[list[Row]]:
        while opened and isinstance(first := opened[0], Unopened):
            opened.popleft()
            yield [{"file": first.file, "error": first.error}]

    for rows in question.rows(model, clips()):
        yield from failed()
        opened.popleft()
        yield rows
    yield from failed()


def table_of(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    return pa.table({name: [row.get(name) for row in rows] for name in schema.names}, schema)


def _changed(options: PredictOptions) -> dict[str, Any]:
    """What changes the answers, where it is not the default."""
    told = {name: value for name, value in vars(options).items() if value != getattr(PredictOptions(), name)}
    told.pop("timeout", None)
    if options.bias is not None:  # rounded: another machine computes the last digits in another way
        told["bias"] = [options.bias.recordings, *(round(value, 3) for value in options.bias.bias)]
    return told
