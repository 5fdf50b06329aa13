"""emozoo's models in Ray Data: many clips answered by many processes, on one machine or a cluster.

    import ray
    from emozoo.integrations.ray import Predictor

    clips = ray.data.read_binary_files("s3://bucket/calls", include_paths=True)
    answers = clips.map_batches(Predictor, fn_constructor_kwargs={"model": "speech"}, batch_size=16, concurrency=(1, 8))
    answers.drop_columns(["bytes"]).write_parquet("answers")

A batch keeps its columns and gets those of `emozoo predict --json`: `emotion`, `probabilities`, `reason`, `error` and so on.
`Embedder` adds `embedding`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emozoo.bulk.questions import Embeddings, Predictions, Question, Row
from emozoo.errors import EmozooError
from emozoo.inference.clips import Clip, as_clip
from emozoo.inference.options import PredictOptions
from emozoo.integrations.ray_worker import Opening, use_own_cores

COLUMNS = ("bytes", "audio", "path", "file", "item")
"""Where a batch has its clips, unless it is said: the first of these that there is."""


class Predictor:
    """A callable class for `map_batches`: the model is loaded once in each worker.

    `column` holds the clips: paths, bytes, arrays [samples] at 16 kHz, or dicts as `datasets` has audio; None: the first of
    `COLUMNS`. The names of new columns begin with `prefix`. The other options are those of `emozoo.load(...)` and its
    `predict`. Raises EmozooError for a column that is not there, and for one that is there already; a clip that cannot be
    read has an `error` in its row.
    """

    def __init__(
        self,
        model: str = "speech",
        *,
        column: str | None = None,
        prefix: str = "",
        device: str = "auto",
        precision: str = "fp32",
        timeline: bool = False,
        hop: float | None = None,
        vad: bool | None = None,
        min_confidence: float = 0.0,
        coverage: float | None = None,
    ) -> None:
        options = PredictOptions(timeline=timeline, hop=hop, vad=vad, min_confidence=min_confidence, coverage=coverage)
        self._start(Opening(model, device, precision), Predictions(options), column, prefix)

    def _start(self, opening: Opening, question: Question, column: str | None, prefix: str) -> None:
        use_own_cores()
        self._model = opening.open()
        self._question = question
        self._schema = question.schema(self._model)
        self._column = column
        self._prefix = prefix

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Rows are kept in order."""
        import numpy as np

        clips = list(batch[_column_of(batch, self._column)])
        names = {name: self._prefix + name for name in self._schema.names if name != "file"}
        if taken := sorted(batch.keys() & set(names.values())):
            raise EmozooError(f"the batch has {', '.join(taken)} already: rename them, or give prefix='guessed_'")
        rows = [row for each in self._rows(clips) for row in each]
        return {
            **batch,
            **{added: np.fromiter((row.get(name) for row in rows), object, len(rows)) for name, added in names.items()},
        }

    def _rows(self, given: Sequence[Any]) -> Iterator[list[Row]]:
        """Those of each clip; of what is no clip, one with an `error`."""
        opened: list[Clip | str] = []
        for number, each in enumerate(given, start=1):
            try:
                opened.append(as_clip(_unwrapped(each), None if isinstance(each, str) else f"clip {number}"))
            except EmozooError as error:
                opened.append(str(error))
        found = self._question.rows(self._model, (clip for clip in opened if isinstance(clip, Clip)))
        for clip in opened:
            yield [{"error": clip}] if isinstance(clip, str) else next(found)


class Embedder(Predictor):
    """As `Predictor`; a batch gets `embedding`, a list of float32 for each clip, `reason` and `error`."""

    def __init__(
        self,
        model: str = "speech",
        *,
        column: str | None = None,
        prefix: str = "",
        device: str = "auto",
        precision: str = "fp32",
        hop: float | None = None,
        vad: bool | None = None,
    ) -> None:
        self._start(Opening(model, device, precision), Embeddings(PredictOptions(hop=hop, vad=vad)), column, prefix)


def _column_of(batch: dict[str, Any], named: str | None) -> str:
    wanted = COLUMNS if named is None else (named,)
    for name in wanted:
        if name in batch:
            return name
    raise EmozooError(
        f"the batch has no column {' or '.join(wanted)}: its columns are {', '.join(batch)}; name one with column="
    )


def _unwrapped(clip: Any) -> Any:
    """The bytes or the path of audio as `datasets` stores it."""
    if isinstance(clip, dict) and "array" not in clip:
        return clip.get("bytes") or clip.get("path")
    return clip
