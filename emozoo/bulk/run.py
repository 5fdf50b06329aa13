"""Many clips are answered into a folder, by this process or by others: `answer_into`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from emozoo.bulk.answer_folder import AnswerFolder
from emozoo.bulk.questions import Question, Row, answers, table_of
from emozoo.bulk.source import Source
from emozoo.inference.model import Model

if TYPE_CHECKING:
    import pyarrow as pa

Engine = Callable[[Sequence[Source]], Iterable["pa.Table"]]
"""Gives the rows of all clips, those of each in one table, in any order."""
AT_ONCE = 0.5
"""Seconds after which this process adds the rows that it has."""


def answer_into(folder: AnswerFolder, sources: Sequence[Source], engine: Engine) -> Iterator[int]:
    """Answers the clips that have no row yet. Gives how many clips have one, at first and after each step.

    Raises EmozooError where the folder cannot be used."""
    with folder.held():
        there = folder.answered()
        remaining = [source for source in folder.named(sources) if folder.clip(source.file) not in there]
        done = len(sources) - len(remaining)
        yield done
        for table in engine(remaining) if remaining else ():
            files = set(table.column("file").to_pylist())
            new = {file for file in files if folder.clip(file) not in there}
            if new != files:  # a worker that was taken for lost had answered after all
                table = _only(table, new)
            there |= set(map(folder.clip, new))
            folder.add(table)
            done += len(new)
            yield done


def in_this_process(model: Model, question: Question) -> Engine:
    """Answers clips one batch after the other, on all cores or on the model's GPU."""
    schema = question.schema(model)

    def engine(sources: Sequence[Source]) -> Iterator[pa.Table]:
        rows = answers(question, model, sources)
        waiting: list[Row] = []
        since = time.monotonic()
        for each in rows:
            waiting += each
            if time.monotonic() - since >= AT_ONCE:
                yield table_of(waiting, schema)
                waiting, since = [], time.monotonic()
        if waiting:
            yield table_of(waiting, schema)

    return engine


def _only(table: pa.Table, files: set[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    return table.filter(pc.is_in(table.column("file"), pa.array(sorted(files), pa.string())))
