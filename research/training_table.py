"""How far the trainings of studies are, as their runs' records tell: finished, begun or not begun."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training_list import Study

from emozoo.checkpoint.run import RunOptions, RunRecord, read_options, read_record
from emozoo.checkpoint.seeds import folder_of_seed
from emozoo.checkpoint.whole import fold_folders
from emozoo.data.splits.kept import read_split
from emozoo.errors import EmozooError
from emozoo.filenames import RESUME
from emozoo.training.claim import differences
from emozoo.training.study import Cell, finished_result

FINISHED, BEGUN, NOT_BEGUN = "finished", "begun", "not begun"
HEADINGS = ("run", "architecture", "dataset", "protocol", "folds", "UA %", "seconds", "")


@dataclass(frozen=True)
class Row:
    """A training. Folds are counted over all its random seeds; the means and sums are of those that are finished."""

    run: str
    architecture: str
    dataset: str
    protocol: str
    finished: int
    folds: int | None
    """None: not known before the data were opened."""
    ua: float | None
    seconds: float
    state: str

    def cells(self) -> tuple[str, ...]:
        ua = "-" if self.ua is None else f"{100 * self.ua:.1f}"
        folds = f"{self.finished} of {self.folds or '?'}"
        return (self.run, self.architecture, self.dataset, self.protocol, folds, ua, f"{self.seconds:.0f}", self.state)


def row_of(study: Study, cell: Cell) -> Row:
    """Raises EmozooError for a record that cannot be read."""
    options, folder = cell.options, study.folder / cell.name
    runs = [folder / folder_of_seed(seed) for seed in options.seeds] if options.seeds else [folder]
    places = [place for run in runs for place in (fold_folders(run) if options.fold is None else [run])]
    records = [record for place in places if (record := read_record(place))]
    scores = [record.test.ua for record in records if record.test.ua is not None]
    return Row(
        run=study.called(cell),
        architecture=options.architecture,
        dataset=Path(options.data_dir).stem if options.data_dir else options.dataset,
        protocol=options.split_by(records[0].data.protocol if records else "its usual one"),
        finished=len(records),
        folds=_folds(options, runs, records),
        ua=statistics.fmean(scores) if scores else None,
        seconds=sum(record.training.seconds for record in records),
        state=_state(options, folder, bool(records) or any((place / RESUME).exists() for place in places)),
    )


def _folds(options: RunOptions, runs: Sequence[Path], records: Sequence[RunRecord]) -> int | None:
    if options.fold is not None:
        return len(runs)
    if records:
        return records[0].data.folds * len(runs)
    split = next(filter(None, map(read_split, runs)), None)
    return len(split.folds) * len(runs) if split else None


def _state(options: RunOptions, folder: Path, begun: bool) -> str:
    if finished_result(folder, options):
        return FINISHED
    recorded = read_options(folder)
    if begun and recorded and (changed := differences(options, recorded)):
        return f"has other options: {'; '.join(changed)}"
    return BEGUN if begun else NOT_BEGUN


def rows_of(studies: Iterable[Study]) -> list[Row]:
    """A row for each training; one whose records are damaged says so."""
    found = []
    for study in studies:
        for cell in study.cells:
            try:
                found.append(row_of(study, cell))
            except EmozooError as error:
                own = cell.options
                data = Path(own.data_dir).stem if own.data_dir else own.dataset
                found.append(
                    Row(study.called(cell), own.architecture, data, own.protocol or "", 0, None, None, 0, str(error))
                )
    return found


def table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if 4 <= place <= 6 else text.ljust(width)
            for place, (text, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
