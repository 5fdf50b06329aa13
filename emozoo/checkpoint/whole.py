"""A run over all folds, over several random seeds, or both, as its folder holds it: many networks, and what they gave."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from emozoo.checkpoint.results import Summary
from emozoo.checkpoint.run import RunRecord, read_options, read_record
from emozoo.checkpoint.seeds import SeedsSummary, folder_of_seed
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, PREDICTIONS, RUN, SUMMARY


@dataclass(frozen=True)
class WholeRun:
    """A finished run over folds. Of one over several random seeds, the folds and their summary are those of the first."""

    name: str
    """As the user named it."""
    places: tuple[Path, ...]
    """The folders of its folds; of several seeds on one fold, of the first seed."""
    records: tuple[RunRecord, ...]
    """In the order of `places`."""
    summary: Summary
    seeds: SeedsSummary | None = None
    """None: it has one random seed."""

    @property
    def several(self) -> bool:
        """Whether it has several folds, whose models may be merged."""
        return len(self.places) > 1

    @property
    def together(self) -> RunRecord:
        """What is true of all folds: their clips pooled, their note, their time; the rest is as of the first."""
        first = self.records[0]
        data = dataclasses.replace(
            first.data,
            speaker_disjoint=all(each.data.speaker_disjoint for each in self.records),
            note=self.summary.note,
        )
        seconds = round(sum(each.training.seconds for each in self.records), 1)
        training = dataclasses.replace(first.training, seconds=seconds)
        return RunRecord(test=self.summary.pooled, dev=first.dev, data=data, training=training)


def fold_folders(folder: Path) -> list[Path]:
    """Those of a run over all folds, by their numbers."""
    return _numbered(folder, "fold")


def seed_folders(folder: Path) -> list[Path]:
    """Those of a run over several random seeds, in the order in which it was asked for them."""
    options = read_options(folder)
    asked = [folder / folder_of_seed(seed) for seed in (options.seeds if options else None) or ()]
    found = [place for place in _numbered(folder, "seed") if (place / RUN).is_file()]
    return sorted(found, key=lambda place: asked.index(place) if place in asked else len(asked))


def _numbered(folder: Path, word: str) -> list[Path]:
    numbers = {place: place.name.removeprefix(word) for place in folder.glob(f"{word}*") if place.is_dir()}
    return sorted((place for place in numbers if numbers[place].isdecimal()), key=lambda place: int(numbers[place]))


def is_whole_run(folder: Path) -> bool:
    """Whether a folder holds a run over all folds, finished or not."""
    return not _is_model(folder) and bool(fold_folders(folder))


def is_several(folder: Path) -> bool:
    """Whether a folder holds a run over all folds or several random seeds, finished or not, and no model."""
    return is_whole_run(folder) or not _is_model(folder) and bool(seed_folders(folder))


def _is_model(folder: Path) -> bool:
    return (folder / PREDICTIONS).is_file() or (folder / CONFIG).is_file()


def find_whole(folder: Path, name: str) -> WholeRun | None:
    """What a folder, which is called `name`, holds of all folds: that of a run, or of an ensemble that was merged from one.
    None where there is nothing of all, or it is not finished. Raises EmozooError for a damaged record."""
    told = find_summary(folder)
    if told is None:
        return None
    summary, seeds = told
    own = folder
    if seeds and not fold_folders(folder):
        own = folder / seeds.runs[0]
    places = fold_folders(own) or [own]
    records = [record for place in places if (record := read_record(place))]
    if len(records) != len(places) or len(records) != summary.folds:
        return None
    return WholeRun(name, tuple(places), tuple(records), summary, seeds)


def find_summary(folder: Path) -> tuple[Summary, SeedsSummary | None] | None:
    """The summary of all folds, of the first random seed where there are several, and that of all seeds; None where there is
    none that can be read."""
    try:
        document = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
        seeds = SeedsSummary.from_dict(document) if "by_seed" in document else None
        return seeds.each[0] if seeds else Summary.from_dict(document), seeds
    except (OSError, ValueError, TypeError, RecursionError):
        return None


def read_whole(folder: Path, name: str) -> WholeRun:
    """As `find_whole`, of a run. Raises EmozooError for one that is not finished."""
    found = find_whole(folder, name)
    if found is None:
        first = next(iter((*fold_folders(folder), *seed_folders(folder))), None)
        beside = f"; or name one of its models, such as {name}/{first.name}" if first else ""
        raise EmozooError(f"{name} is not finished: emozoo train --resume --output {name} goes on with it{beside}")
    return found


def shown_place(whole: WholeRun, number: int) -> str:
    """What a fold's folder is called, by how the user named the run."""
    place = whole.places[number]
    seed = f"{whole.seeds.runs[0]}/" if whole.seeds and place.name.startswith("fold") else ""
    return f"{whole.name}/{seed}{place.name}"
