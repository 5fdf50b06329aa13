"""Decodes the clips that a dataset's rows name, once, into Arrow files, and gives them back as arrays.

Which rows there are is `emozoo.data.load_dataset`'s business; how a file is decoded, `emozoo.media`'s.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import itertools
import json
import logging
import math
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
import numpy as np
import pyarrow as pa
from filelock import FileLock

from emozoo import container, denoise, face, film, media, ogg, pictures, resampling, soundtrack, video_track
from emozoo import sound as sound_files
from emozoo.data import take, unwritable
from emozoo.data.corpus import SIDE_CROPS
from emozoo.errors import EmozooError
from emozoo.paths import atomic, cores, write_text
from emozoo.preparation import PLAIN, Preparation

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from emozoo.data.resident import ResidentClips

log = logging.getLogger("emozoo")

SOUND = {"waveform": datasets.List(datasets.Value("int16")), "digest": datasets.Value("string")}
FRAMES = {"frames": datasets.List(datasets.Value("uint8"))}
_DECODERS = (media, film, video_track, pictures, sound_files, soundtrack, container, ogg, resampling, face, denoise)
DECODERS = (*(str(module.__file__) for module in _DECODERS), __file__)
DECODER = hashlib.blake2b(b"".join(Path(name).read_bytes() for name in DECODERS)).hexdigest()
"""Clips that another version of this code decoded are decoded again."""
CLIPS_A_TASK = 32
"""Sounds that a process decodes at a time."""
SECONDS_A_TASK = 600.0
"""Of sound and pictures that a process holds at a time."""
LONGEST_CLIP = 4 * 3600 * media.SAMPLING_RATE
"""Samples; the frames of one Arrow batch must stay under 2 GiB."""
BATCH_BYTES = 2**23
"""Of decoded clips: what is written, and later mapped, at once."""


@dataclass(frozen=True)
class Source:
    """Where one row's sound and pictures are: everything that decides what decoding gives."""

    audio: str
    start: float | None
    """Seconds within `audio`; None: the file's own."""
    end: float | None
    video: str
    """"" where pictures are not asked for."""
    video_start: float
    side: str
    seconds: float
    """About how long it is; infinite where the row does not say."""
    optional: tuple[str, ...] = ()
    """Of `audio` and `video`, what the file may lack."""
    preparation: Preparation = PLAIN

    @property
    def file(self) -> str:
        """The file that is dear to open: rows of one are decoded together."""
        return self.video or self.audio


def decode(
    rows: datasets.Dataset,
    folder: Path,
    name: str,
    *,
    video: bool,
    optional: Collection[str] = (),
    preparation: Preparation = PLAIN,
) -> datasets.Dataset:
    """`rows` with `waveform`, `digest` and, with `video`, `frames`; rows of one file stand together, in order of time.

    A clip may lack what is `optional`, of `audio` and `video`: its sound is then silence, its frames none. Sounds and
    pictures are prepared as `preparation` says.

    Decoded clips are kept in `folder` and found again while their files, places and this code stay the same; what lies
    there may be deleted at any time. Clips that cannot be decoded are left out with a warning. Raises EmozooError where
    none can, or `folder` cannot be written.
    """
    sources = _sources(rows, video, tuple(sorted(optional)), preparation)
    first: dict[str, int] = {}
    for row, source in enumerate(sources):
        first.setdefault(source.file, row)
    order = sorted(range(len(sources)), key=lambda row: (first[sources[row].file], sources[row].video_start, row))
    sources = [sources[row] for row in order]
    path = folder / f"{name}-{_key(sources, video)}.arrow"
    notes = path.with_suffix(".json")
    if not (path.is_file() and notes.is_file()):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not (path.is_file() and notes.is_file()):  # else another process made it meanwhile
                    for left_over in folder.glob(f".{path.stem}-*"):  # by a process that was killed
                        shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()
                    _write(sources, path, notes, video)
        except OSError as error:
            raise unwritable(folder, error) from error
    failures: dict[str, str] = json.loads(notes.read_text(encoding="utf-8"))
    if failures:
        log.warning(
            "%d of %d clips cannot be decoded and are left out: %s", len(failures), len(sources), _some(failures)
        )
    good = [row for position, row in enumerate(order) if str(position) not in failures]
    return datasets.concatenate_datasets([take(rows, good), datasets.Dataset.from_file(str(path))], axis=1)


def _sources(rows: datasets.Dataset, video: bool, optional: tuple[str, ...], preparation: Preparation) -> list[Source]:
    columns = (rows[name][:] for name in ("audio_path", "video_path", "start", "end", "side"))
    found = []
    for audio, picture, start, end, side in zip(*columns, strict=True):
        if side not in SIDE_CROPS:
            raise EmozooError(
                f"the dataset is broken: a row's side is {side!r}, not one of {', '.join(map(repr, SIDE_CROPS))}"
            )
        sound = os.path.abspath(audio or picture)
        # A sound file beside its video is the utterance itself, and the times are the video's.
        beside = bool(audio and picture) and audio != picture
        span = (None, None) if beside else (None if start < 0 else start, None if end < 0 else end)
        begin = max(start, 0.0)
        seconds = math.inf if end < 0 else end - begin
        shown = os.path.abspath(picture) if video and picture else ""
        found.append(Source(sound, *span, shown, begin, side, seconds, optional, preparation))
    return found


def _key(sources: Sequence[Source], video: bool) -> str:
    """Changes with the code, and with any of the rows' places or the size or time of a file."""
    states: dict[str, tuple[int, int]] = {"": (0, 0)}
    digest = hashlib.blake2b(f"{DECODER} {video}".encode(), digest_size=16)
    for _, module, _ in sources[0].preparation.needs if sources else ():
        for name in sorted(set(importlib.metadata.packages_distributions().get(module, ()))):
            digest.update(f"{name} {importlib.metadata.version(name)}".encode())
    for source in sources:
        for path in (source.audio, source.video):
            if path not in states:
                try:
                    status = os.stat(path)
                    states[path] = (status.st_size, status.st_mtime_ns)
                except OSError:
                    states[path] = (-1, -1)
        digest.update(
            f"{source!r} {SIDE_CROPS[source.side]!r} {states[source.audio]} {states[source.video]}\n".encode()
        )
    return digest.hexdigest()


def _write(sources: Sequence[Source], path: Path, notes: Path, video: bool) -> None:
    """Decodes into `path`, and the failures' reasons by position into `notes`; `path` appears when both are whole."""
    failures: dict[str, str] = {}
    schema = datasets.Features(SOUND | FRAMES if video else SOUND).arrow_schema
    with atomic(path) as temporary, tempfile.TemporaryDirectory(prefix=f".{path.stem}-", dir=path.parent) as scratch:
        with pa.OSFile(str(temporary), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
            held: list[pa.RecordBatch] = []
            with closing(_decoded(sources, schema, Path(scratch))) as parts:  # no process may outlive the folder
                for part, failed in parts:
                    failures |= failed
                    with pa.OSFile(str(part)) as written, pa.ipc.open_stream(written) as batches:
                        for batch in batches:
                            held.append(batch)
                            if sum(piece.nbytes for piece in held) >= BATCH_BYTES:
                                stream.write_table(pa.Table.from_batches(held).combine_chunks())
                                held = []
                    part.unlink()
            if held:
                stream.write_table(pa.Table.from_batches(held).combine_chunks())
        if len(failures) == len(sources):
            raise EmozooError(f"none of the {len(sources)} clips can be decoded: {_some(failures)}")
        write_text(notes, json.dumps(failures))


def _some(failures: dict[str, str]) -> str:
    reasons = list(failures.values())
    return "; ".join(reasons[:3]) + (f"; and {len(reasons) - 3} more" if len(reasons) > 3 else "")


def _decoded(
    sources: Sequence[Source], schema: pa.Schema, scratch: Path
) -> Generator[tuple[Path, dict[str, str]], None, None]:
    """A file in `scratch` for each task, in order, and what failed; on all cores; shows how far it is."""
    tasks = list(_tasks(sources))
    workers = min(cores(), len(tasks)) if len(sources) > CLIPS_A_TASK else 1
    arguments = (
        (task, [sources[position] for position in task], schema, scratch / f"{number}.arrow")
        for number, task in enumerate(tasks)
    )
    results = _in_processes(arguments, workers) if workers > 1 else itertools.starmap(decode_task, arguments)
    log.info("decoding %d clips", len(sources))
    if not sys.stderr.isatty():
        yield from results
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("decoding clips", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=len(sources))
        for task, result in zip(tasks, results, strict=True):
            yield result
            progress.advance(bar, len(task))


def _tasks(sources: Sequence[Source]) -> Iterator[range]:
    """Positions to decode together: a video's utterances, so that one pass over it gives them all, or a handful of sounds;
    no more than memory bears."""
    begin, seconds = 0, 0.0
    for position, source in enumerate(sources):
        together = source.video == sources[begin].video if source.video else position - begin < CLIPS_A_TASK
        if position > begin and (not together or seconds + source.seconds > SECONDS_A_TASK):
            yield range(begin, position)
            begin, seconds = position, 0.0
        seconds += source.seconds
    yield range(begin, len(sources))


Arguments = tuple[range, list[Source], pa.Schema, Path]


def _in_processes(arguments: Iterable[Arguments], workers: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """`decode_task` of each, in order; no more than two results a worker wait."""
    pending: deque[Future[tuple[Path, dict[str, str]]]] = deque()
    with ProcessPoolExecutor(workers, initializer=_begin_worker) as pool:
        try:
            for argument in arguments:
                pending.append(pool.submit(decode_task, *argument))
                if len(pending) >= 2 * workers:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise EmozooError(
                "a process that decoded clips was killed: there may be too little memory, or a damaged file ended it; "
                "nothing half done was kept, so try again"
            ) from error
        finally:
            for future in pending:
                future.cancel()


def _begin_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    # One thread each: there is a process for every core, and threads that a fork left behind never answer.
    os.environ["OMP_NUM_THREADS"] = "1"
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:  # a parent that was killed cannot end its workers
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def decode_task(positions: range, sources: list[Source], schema: pa.Schema, part: Path) -> tuple[Path, dict[str, str]]:
    """Writes an Arrow stream, `part`: a row of `schema` for each source that can be decoded, no more in memory than
    `BATCH_BYTES` and the task's sounds. Returns it, and by position the others' reasons."""
    sounds: dict[int, np.ndarray] = {}
    failures: dict[str, str] = {}
    for position, source in zip(positions, sources, strict=True):
        with _noted(failures, position, source):
            sound = _sound(source)
            if len(sound) > LONGEST_CLIP:
                raise EmozooError(
                    f"{source.audio} is longer than 4 hours: cut it, or give each utterance's start and end"
                )
            sounds[position] = np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)
    places = dict(zip(positions, sources, strict=True))
    video: media.Video | None = None
    clips: list[tuple[np.ndarray, np.ndarray]] = []
    with pa.OSFile(str(part), "wb") as file, pa.ipc.new_stream(file, schema) as stream:
        for position, sound in sounds.items():
            source, frames = places[position], np.zeros(0, np.uint8)
            if source.video:
                with _noted(failures, position, source):
                    if video is None and ("video" not in source.optional or media.has_video(source.video)):
                        video = media.Video(source.video)
                        spans = ((places[each], sounds[each]) for each in sounds if places[each].video)
                        video.expect((place.video_start, len(heard)) for place, heard in spans)
                    if video is not None:
                        where = SIDE_CROPS[source.side], source.preparation.crop == "face"
                        frames = video.frames(source.video_start, len(sound), *where).reshape(-1)
                if str(position) in failures:
                    continue
            clips.append((sound, frames))
            if sum(waveform.nbytes + pictures.nbytes for waveform, pictures in clips) >= BATCH_BYTES:
                stream.write_batch(_batch(clips, schema))
                clips = []
        stream.write_batch(_batch(clips, schema))
    return part, failures


def _sound(source: Source) -> np.ndarray:
    """float32 [samples]; silence where the file may lack sound and does."""
    if "audio" in source.optional and source.video == source.audio and not media.has_sound(source.audio):
        return media.silence_beside(source.audio, source.start, source.end)
    sound = media.read_audio(source.audio, source.start, source.end)
    return np.concatenate(list(denoise.denoised([sound]))) if source.preparation.denoise else sound


def _batch(clips: list[tuple[np.ndarray, np.ndarray]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of waveforms int16 [samples] and, where the schema has them, frames uint8, flat."""
    digests = [hashlib.blake2b(waveform.tobytes(), digest_size=16).hexdigest() for waveform, _ in clips]
    columns = [_lists([waveform for waveform, _ in clips], np.int16), pa.array(digests, pa.string())]
    if "frames" in schema.names:
        columns.append(_lists([frames for _, frames in clips], np.uint8))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


@contextmanager
def _noted(failures: dict[str, str], position: int, source: Source) -> Iterator[None]:
    """Notes why a clip cannot be decoded, and goes on."""
    try:
        yield
    except EmozooError as error:
        failures[str(position)] = str(error)
    except Exception as error:  # noqa: BLE001 - a decoder's surprise about one file must cost that clip only
        failures[str(position)] = f"{source.audio}: {type(error).__name__}: {error}"


def _lists(arrays: list[np.ndarray], dtype: type) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, np.concatenate([np.zeros(0, dtype), *arrays]))


class ClipStore:
    """The decoded clips of a dataset that `load_dataset` gave, as arrays straight from the mapped file.

    Rows are counted as in that dataset. Arrays are views that cannot be written.
    """

    def __init__(self, dataset: datasets.Dataset) -> None:
        if dataset._indices is not None:
            raise ValueError("a dataset of selected rows: give load_dataset's own, and select by row number")
        self.labels = np.array(dataset["label"][:], np.int64)
        """int64 [rows]."""
        self.corpora = np.array(dataset["corpus"][:])
        """The name of each row's corpus, "" where it has none."""
        self._waveforms = _Lists(dataset.data.column("waveform"))
        self._frames = _Lists(dataset.data.column("frames")) if "frames" in dataset.column_names else None
        self._resident: dict[torch.device, ResidentClips | None] = {}

    def __len__(self) -> int:
        return len(self.labels)

    def length(self, row: int) -> int:
        """Samples of the row's clip."""
        return len(self._waveforms[row])

    def waveform(self, row: int) -> np.ndarray:
        """int16 [samples]."""
        return self._waveforms[row]

    def frames(self, row: int) -> np.ndarray | None:
        """uint8 [ceil(samples / 2400), 60, 100, 3]; None where the clip, or the dataset as loaded, has none."""
        if self._frames is None or not len(self._frames[row]):
            return None
        return self._frames[row].reshape(-1, media.FRAME_HEIGHT, media.FRAME_WIDTH, 3)

    @property
    def has_frames(self) -> bool:
        """Whether the dataset was loaded with video."""
        return self._frames is not None

    def batch(self, rows: np.ndarray, starts: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor | None]:
        """Windows of clips `rows` from samples `starts`, on a device: sound float32 [batch, 48000] in [-1, 1], and frames
        uint8 [batch, 20, 60, 100, 3], black for a clip without, or None where all are without. A GPU that has room for all
        clips gets them once, and cuts the windows."""
        import torch

        from emozoo.data.resident import ResidentClips, fits
        from emozoo.features import to_batch

        device = torch.empty(0, device=device).device  # "cuda" gets its number, else one GPU could hold all clips twice
        if device not in self._resident:
            self._resident[device] = ResidentClips(self, device) if fits(self, device) else None
        if clips := self._resident[device]:
            sound, frames = clips.windows(rows, starts)
            return sound.float() / 32768, frames
        return to_batch([self.window(int(row), int(start)) for row, start in zip(rows, starts, strict=True)], device)

    def window(self, row: int, start: int) -> tuple[np.ndarray, np.ndarray | None]:
        """`emozoo.media.cut_window` from sample `start`: int16 [48000], and uint8 [20, 60, 100, 3] or None."""
        return media.cut_window(self.waveform(row), self.frames(row), start)


class _Lists:
    """The rows of an Arrow list column as views on its buffers."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        self._chunks = [
            (chunk.offsets.to_numpy(), chunk.values.to_numpy(zero_copy_only=True)) for chunk in column.chunks
        ]
        self._begins = np.cumsum([0, *(len(chunk) for chunk in column.chunks)])

    def __getitem__(self, row: int) -> np.ndarray:
        if not 0 <= row < self._begins[-1]:
            raise IndexError(f"row {row} of {self._begins[-1]}")
        chunk = int(np.searchsorted(self._begins, row, side="right")) - 1
        offsets, values = self._chunks[chunk]
        within = row - self._begins[chunk]
        return values[offsets[within] : offsets[within + 1]]
