"""A builder's rows as a `datasets.Dataset`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.data.archives import advice
from emozoo.errors import FULL, EmozooError, lacks_room

if TYPE_CHECKING:
    from datasets import Dataset

    from emozoo.data.corpus import Corpus


def read_rows(corpus: Corpus, data_dir: Path, root: Path) -> Dataset:
    """The builder's rows in `FEATURES`, in memory.

    Builders run anew each time: that takes about as long as finding out whether a file of the corpus has changed, and
    what they warn of is seen on every run. Only what a builder downloads is kept.
    """
    import datasets
    from datasets.exceptions import DatasetGenerationError

    from emozoo.data.corpus import FEATURES

    with _quiet_datasets(), tempfile.TemporaryDirectory(prefix="emozoo-rows-") as scratch:
        for kind in corpus.builder.__mro__:
            if issubclass(kind, datasets.GeneratorBasedBuilder) and kind is not datasets.GeneratorBasedBuilder:
                # Else datasets swaps the module's Path, os and open for slow ones that take "::" for an archive.
                sys.modules[kind.__module__]._patched_for_streaming = True  # type: ignore[attr-defined]
        builder = corpus.builder(cache_dir=scratch, data_dir=str(data_dir))
        try:
            builder.download_and_prepare(download_config=datasets.DownloadConfig(cache_dir=root / "downloads"))
        except EmozooError as error:
            raise EmozooError(f"{error}{advice(data_dir)}") from error
        except DatasetGenerationError as error:
            if isinstance(error.__cause__, EmozooError):
                raise error.__cause__ from None
            if lacks_room(error.__cause__):
                raise EmozooError(f"{tempfile.gettempdir()}: {FULL} in TMPDIR") from error
            raise
        counts = {split: info.num_examples for split, info in (builder.info.splits or {}).items()}
        parts = [builder.as_dataset(split=split, in_memory=True) for split, count in counts.items() if count]
        if not parts:
            raise EmozooError(f"the dataset {corpus.name} has no clips in {data_dir}")
        rows = datasets.concatenate_datasets(parts)
    if "corpus" not in rows.column_names:
        rows = rows.add_column("corpus", [""] * len(rows))
    if lacking := FEATURES.keys() - set(rows.column_names):
        raise EmozooError(
            f"the dataset {corpus.name} is broken: its rows lack the columns {', '.join(sorted(lacking))}"
        )
    return rows.select_columns(list(FEATURES)).cast(FEATURES) if rows.features != FEATURES else rows


@contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Keeps back the progress bars and remarks of the library `datasets`."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars, logging

    level, bars = logging.get_verbosity(), not are_progress_bars_disabled()
    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            enable_progress_bars()


def take(rows: Dataset, numbers: Sequence[int]) -> Dataset:
    """Rows by number, in memory. `Dataset.select` would leave all rows behind an index."""
    import datasets

    return datasets.Dataset(rows.data.table.take(numbers), info=rows.info)
