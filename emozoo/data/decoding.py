"""Decodes the clips of a dataset's rows, once, into Arrow files.

`emozoo.data.load_dataset` gives the rows; `emozoo.media` decodes a file.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import math
import os
import shutil
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import datasets
import pyarrow as pa
from filelock import FileLock

from emozoo.data.corpus import SIDE_CROPS
from emozoo.data.decode_task import BATCH_BYTES, FRAMES, SOUND, ClipSource, Notes, Task
from emozoo.data.rows import take
from emozoo.errors import EmozooError
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_GRID, FrameGrid
from emozoo.paths import PART, atomic, cores, unwritable, write_text

log = logging.getLogger("emozoo")

DECODER_VERSION = 1
"""Raised by hand when decoded clips change: then they are all decoded again."""
CLIPS_A_TASK = 32
"""Audio files that a thread decodes at a time."""
SECONDS_A_TASK = 600.0
"""Audio and frames that a thread holds at a time."""


def decode(
    rows: datasets.Dataset,
    folder: Path,
    name: str,
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
    grid: FrameGrid = DEFAULT_GRID,
    noted: Callable[[Notes, Sequence[ClipSource]], None] | None = None,
) -> datasets.Dataset:
    """`rows` with `waveform`, `digest` and, with `video`, `frames`; rows of one file stand together, in order of time.

    A clip may lack what is `optional`, of `audio` and `video`: then its waveform is silence, or it has no frames. Audio and
    frames are prepared by `preparation`; `grid` says which frames there are.

    Decoded clips are kept in `folder` and found again while their files, paths and this code stay the same; that folder may
    be deleted at any time. Clips that cannot be decoded are left out with a warning, unless `noted` gets the notes, and the
    sources that their positions count. Raises EmozooError if none can be decoded, or `folder` cannot be written.
    """
    sources = _sources(rows, video, tuple(sorted(optional)), preparation)
    first: dict[str, int] = {}
    for row, source in enumerate(sources):
        first.setdefault(source.file, row)
    order = sorted(range(len(sources)), key=lambda row: (first[sources[row].file], sources[row].video_start, row))
    sources = [sources[row] for row in order]
    taken = grid if video else None
    path = folder / f"{name}-{_key(sources, taken)}.arrow"
    try:
        notes, clips = _found(path) or _decode_once(sources, path, taken)
    except OSError as error:
        raise unwritable(folder, error) from error
    if noted is None:
        notes.tell(len(sources))
    else:
        noted(notes, sources)
    good = [row for position, row in enumerate(order) if str(position) not in notes.failures]
    return datasets.concatenate_datasets([take(rows, good), clips], axis=1)


def _found(path: Path) -> tuple[Notes, datasets.Dataset] | None:
    """The clips that were decoded into `path` before."""
    notes = path.with_suffix(".json")
    if not (path.is_file() and notes.is_file()):
        return None
    return Notes(**json.loads(notes.read_text(encoding="utf-8"))), datasets.Dataset.from_file(str(path))


def _decode_once(sources: Sequence[ClipSource], path: Path, grid: FrameGrid | None) -> tuple[Notes, datasets.Dataset]:
    """Decodes into `path`, unless another process has done so meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock")):
        if found := _found(path):
            return found
        _remove_left_over(path)
        before = _states(sources)
        notes = _write(sources, path, grid)
        clips = datasets.Dataset.from_file(str(path))
        if _states(sources) == before:
            write_text(path.with_suffix(".json"), json.dumps(vars(notes)))
        elif os.name == "posix":  # a file changed meanwhile: decode again next time; the clips stay mapped until then
            path.unlink()
    return notes, clips


def _remove_left_over(path: Path) -> None:
    """Removes what a process that was killed left beside `path`."""
    for pattern in (f".{path.stem}-*", f"{PART}*{path.name[-60:]}"):
        for left_over in path.parent.glob(pattern):
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()


def _sources(
    rows: datasets.Dataset, video: bool, optional: tuple[str, ...], preparation: Preparation
) -> list[ClipSource]:
    columns = (rows[name][:] for name in ("audio_path", "video_path", "start", "end", "side"))
    found = []
    for audio, footage, start, end, side in zip(*columns, strict=True):
        if side not in SIDE_CROPS:
            raise EmozooError(
                f"the dataset is broken: a row's side is {side!r}, not one of {', '.join(map(repr, SIDE_CROPS))}"
            )
        sound = os.path.abspath(audio or footage)
        # An audio file beside its video is the whole utterance, and the times are those of the video.
        beside = bool(audio and footage) and audio != footage
        span = (None, None) if beside else (None if start < 0 else start, None if end < 0 else end)
        begin = max(start, 0.0)
        seconds = math.inf if end < 0 else end - begin
        shown = os.path.abspath(footage) if video and footage else ""
        found.append(ClipSource(sound, *span, shown, begin, side, seconds, optional, preparation))
    return found


def _key(sources: Sequence[ClipSource], grid: FrameGrid | None) -> str:
    """Changes with the code, with the frames that are taken (None: none), and with any row's place or any file's size or
    time."""
    states = _states(sources)
    frames = "" if grid in (None, DEFAULT_GRID) else f" {grid}"  # as before there were others
    digest = hashlib.blake2b(f"{DECODER_VERSION} {grid is not None}{frames}".encode(), digest_size=16)
    for _, module, _ in sources[0].preparation.needs if sources else ():
        for name in sorted(set(importlib.metadata.packages_distributions().get(module, ()))):
            digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for source in sources:
        digest.update(
            f"{source!r} {SIDE_CROPS[source.side]!r} {states[source.audio]} {states[source.video]}\n".encode()
        )
    return digest.hexdigest()


def _states(sources: Sequence[ClipSource]) -> dict[str, tuple[int, int]]:
    """Size and time of each file; (-1, -1) for one that is not there."""
    states: dict[str, tuple[int, int]] = {"": (0, 0)}
    for path in {path for source in sources for path in (source.audio, source.video)} - {""}:
        try:
            status = os.stat(path)
            states[path] = (status.st_size, status.st_mtime_ns)
        except OSError:
            states[path] = (-1, -1)
    return states


def _write(sources: Sequence[ClipSource], path: Path, grid: FrameGrid | None) -> Notes:
    """Decodes into `path`, which appears when it is complete."""
    notes = Notes()
    schema = datasets.Features(SOUND if grid is None else SOUND | FRAMES).arrow_schema
    with atomic(path) as temporary, tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as scratch:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            for table in _collected(Work(sources, schema, Path(scratch), grid or DEFAULT_GRID), notes):
                stream.write_table(table)
        if len(notes.failures) == len(sources):
            raise EmozooError(f"none of the {len(sources)} clips can be decoded: {notes.reasons()}")
    return notes


@dataclass(frozen=True)
class Work:
    """What is decoded together into one file."""

    sources: Sequence[ClipSource]
    schema: pa.Schema
    scratch: Path
    """A folder for the tasks' files."""
    grid: FrameGrid


def _collected(work: Work, notes: Notes) -> Iterator[pa.Table]:
    """The decoded clips, in order, in tables of about `BATCH_BYTES`; adds to the notes."""
    held: list[pa.RecordBatch] = []
    with closing(_decoded(work)) as parts:  # no thread may outlive the folder
        for batch in _batches(parts, notes):
            held.append(batch)
            if sum(each.nbytes for each in held) >= BATCH_BYTES:
                yield pa.Table.from_batches(held).combine_chunks()
                held = []
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def _batches(parts: Iterable[tuple[Path, Notes]], notes: Notes) -> Iterator[pa.RecordBatch]:
    """The batches of files that tasks have written, which are then removed; adds to the notes."""
    for part, noted in parts:
        notes.add(noted)
        with pa.OSFile(str(part)) as written, pa.ipc.open_stream(written) as batches:
            yield from batches
        part.unlink()


def _decoded(work: Work) -> Generator[tuple[Path, Notes], None, None]:
    """A file for each task, in order, and its notes; on all cores, with a progress bar."""
    tasks = list(_tasks(work.sources))
    log.info("decoding %d clips", len(work.sources))
    results = _in_threads(work, tasks)
    with closing(results):
        if not sys.stderr.isatty():
            yield from results
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("decoding clips", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("", total=len(work.sources))
            for task, result in zip(tasks, results, strict=True):
                yield result
                progress.advance(bar, len(task))


def _tasks(sources: Sequence[ClipSource]) -> Iterator[range]:
    """Positions to decode together: the utterances of a video, in one pass, or a few audio files; no more than fit into
    memory."""
    begin = 0
    seconds = 0.0
    for position, source in enumerate(sources):
        together = source.video == sources[begin].video if source.video else position - begin < CLIPS_A_TASK
        if position > begin and (not together or seconds + source.seconds > SECONDS_A_TASK):
            yield range(begin, position)
            begin = position
            seconds = 0.0
        seconds += source.seconds
    yield range(begin, len(sources))


def _in_threads(work: Work, tasks: Sequence[range]) -> Generator[tuple[Path, Notes], None, None]:
    """The results of the tasks, in order; at most two results per thread wait. Threads are enough: C code, or the process
    of a `Decoder`, takes the time. They end with this generator, whatever ends it."""
    begun: deque[tuple[Task, Future[tuple[Path, Notes]]]] = deque()
    workers = min(cores(), len(tasks)) or 1
    pool = ThreadPoolExecutor(workers, thread_name_prefix="emozoo-decode")
    try:
        for number, positions in enumerate(tasks):
            task = Task([(position, work.sources[position]) for position in positions], work.schema, work.grid)
            begun.append((task, pool.submit(task.write, work.scratch / f"{number}.arrow")))
            if len(begun) >= 2 * workers:
                yield begun[0][1].result()
                begun.popleft()
        while begun:
            yield begun[0][1].result()
            begun.popleft()
    finally:
        for task, future in begun:
            future.cancel()
            task.stop()
        pool.shutdown()
