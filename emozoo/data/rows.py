"""A builder's rows as a `datasets.Dataset`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo.data.archives import advice
from emozoo.errors import FULL, EmozooError, lacks_room

if TYPE_CHECKING:
    from datasets import Dataset, DatasetBuilder

    from emozoo.data.corpus import Corpus


def read_rows(corpus: Corpus, data_dir: Path, root: Path, **config: Any) -> Dataset:
    """The builder's rows in `FEATURES`, in memory. `config` goes to the builder.

    Builders run every time: that takes about as long as checking whether a file of the corpus has changed, and every run
    shows their warnings. Only a builder's downloads are kept.
    """
    import datasets

    from emozoo.data.corpus import FEATURES, MAY_LACK

    with _quiet_datasets(), tempfile.TemporaryDirectory(prefix="emozoo-rows-") as scratch:
        _keep_unpatched(corpus)
        builder = corpus.builder(cache_dir=scratch, data_dir=str(data_dir), **config)
        _prepare(builder, data_dir, root / "downloads")
        counts = {split: info.num_examples for split, info in (builder.info.splits or {}).items()}
        parts = [builder.as_dataset(split=split, in_memory=True) for split, count in counts.items() if count]
        if not parts:
            raise EmozooError(f"the dataset {corpus.name} has no clips in {data_dir}")
        rows = datasets.concatenate_datasets(parts)
    for name in MAY_LACK:
        if name not in rows.column_names:
            rows = rows.add_column(name, [""] * len(rows))
    if lacking := FEATURES.keys() - set(rows.column_names):
        raise EmozooError(
            f"the dataset {corpus.name} is broken: its rows lack the columns {', '.join(sorted(lacking))}"
        )
    return rows.select_columns(list(FEATURES)).cast(FEATURES) if rows.features != FEATURES else rows


def _keep_unpatched(corpus: Corpus) -> None:
    """Keeps `datasets` from replacing a builder module's Path, os and open by slow ones that take "::" for an archive.

    `datasets` has no public switch: it looks for this private mark of modules that it has patched.
    """
    import datasets

    base = datasets.GeneratorBasedBuilder
    for kind in corpus.builder.__mro__:
        if issubclass(kind, base) and kind is not base:
            sys.modules[kind.__module__]._patched_for_streaming = True  # type: ignore[attr-defined]


def _prepare(builder: DatasetBuilder, data_dir: Path, downloads: Path) -> None:
    """Runs a builder. Raises EmozooError for a user's mistake, with how to unpack an archive, and for a full disk."""
    import datasets
    from datasets.exceptions import DatasetGenerationError

    try:
        builder.download_and_prepare(download_config=datasets.DownloadConfig(cache_dir=downloads))
    except EmozooError as error:
        raise EmozooError(f"{error}{advice(data_dir)}") from error
    except DatasetGenerationError as error:
        if isinstance(error.__cause__, EmozooError):
            raise error.__cause__ from None
        if lacks_room(error.__cause__):
            raise EmozooError(f"{tempfile.gettempdir()}: {FULL} in TMPDIR") from error
        raise


@contextmanager
def _quiet_datasets() -> Iterator[None]:
    """Hides the progress bars and messages of the library `datasets`."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars, logging

    level = logging.get_verbosity()
    bars = not are_progress_bars_disabled()
    logging.set_verbosity_error()
    disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            enable_progress_bars()


def take(rows: Dataset, numbers: Sequence[int]) -> Dataset:
    """Rows by number, in memory. `Dataset.select` would keep all rows behind an index."""
    import datasets

    return datasets.Dataset(rows.data.table.take(numbers), info=rows.info)
