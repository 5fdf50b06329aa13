"""`Task`: clips that are decoded together, into one Arrow file. `emozoo.data.decoding` decides which clips, and when."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa

from emozoo.data.corpus import SIDE_CROPS
from emozoo.errors import EmozooError
from emozoo.media.decoder import Decoder
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.prepared import PreparedFrames, read_prepared_audio
from emozoo.media.window_shape import DEFAULT_GRID, SAMPLING_RATE, FrameGrid
from emozoo.text import listed

log = logging.getLogger("emozoo")

SOUND = {"waveform": datasets.List(datasets.Value("int16")), "digest": datasets.Value("string")}
FRAMES = {"frames": datasets.List(datasets.Value("uint8"))}
BATCH_BYTES = 2**23
"""Decoded clips that are written, and later mapped, at once."""
LARGEST_CLIP = 2**31 - 2 * BATCH_BYTES
"""Bytes of a clip's frames, at most: Arrow counts those of a batch in 32 bits."""


@dataclass(frozen=True)
class ClipSource:
    """Where a row's audio and video are: everything that decides how it is decoded."""

    audio: str
    start: float | None
    """Seconds within `audio`; None: the file's own."""
    end: float | None
    video: str
    """"" if frames are not wanted."""
    video_start: float
    side: str
    seconds: float
    """The approximate duration; infinite if unknown."""
    optional: tuple[str, ...] = ()
    """What the file may lack, of `audio` and `video`."""
    preparation: Preparation = PLAIN

    @property
    def file(self) -> str:
        """The file that is expensive to open: its rows are decoded together."""
        return self.video or self.audio


@dataclass(frozen=True)
class Notes:
    """Problems of decoded clips, by their position in the order of decoding."""

    failures: dict[str, str] = field(default_factory=dict)
    """Why a clip cannot be decoded."""
    warnings: dict[str, list[str]] = field(default_factory=dict)
    """What is wrong with clips that were decoded all the same."""

    def add(self, other: Notes) -> None:
        self.failures.update(other.failures)
        self.warnings.update(other.warnings)

    def reasons(self) -> str:
        """The first failures."""
        reasons = list(self.failures.values())
        return listed(reasons, 3, "; ")

    def tell(self, clips: int) -> None:
        """Logs them, in a line or two."""
        if self.failures:
            count = len(self.failures)
            log.warning("%d of %d clips cannot be decoded and are left out: %s", count, clips, self.reasons())
        kinds = Counter(text for texts in self.warnings.values() for text in texts)
        if kinds:
            remarks = [f"{text} ({count})" if count > 1 else text for text, count in kinds.most_common()]
            log.warning(
                "%d of %d clips are used with a remark: %s", len(self.warnings), clips, listed(remarks, 3, "; ")
            )


class Stopped(Exception):
    """The task's result is not needed any more."""


class Task:
    """Some clips that are decoded together, into one file."""

    def __init__(
        self, clips: Sequence[tuple[int, ClipSource]], schema: pa.Schema, grid: FrameGrid = DEFAULT_GRID
    ) -> None:
        """`clips`: positions and their sources, of one video or none; `grid`: which frames are taken."""
        self._grid = grid
        self._clips = clips
        self._schema = schema
        self._notes = Notes()
        self._stopped = threading.Event()
        self._decoder: Decoder | None = None

    def stop(self) -> None:
        """Ends `write` early, from another thread."""
        self._stopped.set()
        if decoder := self._decoder:
            decoder.kill()

    def write(self, part: Path) -> tuple[Path, Notes]:
        """Writes an Arrow stream, `part`, with a row for each clip that can be decoded. Memory holds the task's audio and
        about `BATCH_BYTES`. Returns `part` and the notes."""
        sounds: dict[int, np.ndarray] = {}
        for position, source in self._clips:
            with self._noted(position, source):
                sounds[position] = self._sound(position, source)
        rows: list[tuple[np.ndarray, np.ndarray]] = []
        with pa.OSFile(str(part), "wb") as file, pa.ipc.new_stream(file, self._schema) as stream:
            for sound, frames in self._with_frames(sounds):
                rows.append((sound, frames))
                if sum(audio.nbytes + images.nbytes for audio, images in rows) >= BATCH_BYTES:
                    stream.write_batch(_batch(rows, self._schema))
                    rows = []
            stream.write_batch(_batch(rows, self._schema))
        return part, self._notes

    def _sound(self, position: int, source: ClipSource) -> np.ndarray:
        """int16 [samples]."""
        with self._decoding(position) as decoder:
            sound = _sound(source, decoder)
        return np.clip(np.round(sound * 32768), -32768, 32767).astype(np.int16)

    def _with_frames(self, sounds: dict[int, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Each clip's audio, and its frames, uint8, flat, in one pass over the video."""
        none = np.zeros(0, np.uint8)
        wanted = [(position, source) for position, source in self._clips if position in sounds and source.video]
        if not wanted:
            yield from ((sound, none) for sound in sounds.values())
            return
        with self._decoding(wanted[0][0]) as decoder:
            video = self._open(wanted, sounds, decoder)
            for position, source in self._clips:
                frames = none
                if position in sounds and source.video:
                    with self._noted(position, source):
                        frames = self._frames(video, position, source, len(sounds[position]))
                if str(position) not in self._notes.failures:
                    yield sounds[position], frames

    def _open(
        self, wanted: Sequence[tuple[int, ClipSource]], sounds: dict[int, np.ndarray], decoder: Decoder
    ) -> PreparedFrames | EmozooError:
        """The frames of these clips, or why they cannot be decoded."""
        _, source = wanted[0]
        try:
            optional = "video" in source.optional
            video = PreparedFrames(source.video, source.preparation, decoder, optional=optional, grid=self._grid)
            video.expect((each.video_start, len(sounds[position])) for position, each in wanted)
        except EmozooError as error:
            return error
        return video

    def _frames(
        self, video: PreparedFrames | EmozooError, position: int, source: ClipSource, samples: int
    ) -> np.ndarray:
        """uint8, flat; empty if the clip may lack frames and does, or they cannot be decoded."""
        try:
            if isinstance(video, EmozooError):
                raise video
            self._check_size(source, samples)
            frames = video.read(source.video_start, samples, SIDE_CROPS[source.side])
            if frames is not None:
                return frames.reshape(-1)
        except EmozooError as error:
            if "video" not in source.optional:
                raise
            self._notes.warnings.setdefault(str(position), []).append(f"only the sound is used: {error}")
        return np.zeros(0, np.uint8)

    def _check_size(self, source: ClipSource, samples: int) -> None:
        """Raises EmozooError for a clip whose frames are more than a row holds."""
        grid = self._grid
        if grid.count(samples) * grid.height * grid.width * 3 > LARGEST_CLIP:
            raise EmozooError(
                f"{source.video}: the frames of {samples / SAMPLING_RATE:.0f} s at {grid.width} x {grid.height} take more "
                "than 2 GiB: cut it into clips"
            )

    @contextmanager
    def _decoding(self, position: int) -> Iterator[Decoder]:
        """A decoder whose warnings are noted for a clip."""

        def warn(text: str) -> None:
            self._notes.warnings.setdefault(str(position), []).append(text)

        with Decoder(warn) as decoder:
            self._decoder = decoder
            try:
                yield decoder
            finally:
                self._decoder = None

    @contextmanager
    def _noted(self, position: int, source: ClipSource) -> Iterator[None]:
        """Notes why a clip cannot be decoded, and goes on."""
        if self._stopped.is_set():
            raise Stopped
        try:
            yield
        except EmozooError as error:
            self._notes.failures[str(position)] = str(error)
        except Exception as error:  # noqa: BLE001 - a decoder's surprise about one file must cost that clip only
            self._notes.failures[str(position)] = f"{source.audio}: {type(error).__name__}: {error}"


def _sound(source: ClipSource, decoder: Decoder) -> np.ndarray:
    """float32 [samples]; silence if the file may lack audio and does."""
    optional = "audio" in source.optional and source.video == source.audio
    return read_prepared_audio(source.audio, source.start, source.end, source.preparation, decoder, optional=optional)


def _batch(clips: list[tuple[np.ndarray, np.ndarray]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows of waveforms int16 [samples] and, where the schema has them, frames uint8, flat."""
    digests = [hashlib.blake2b(waveform.tobytes(), digest_size=16).hexdigest() for waveform, _ in clips]
    columns = [_lists([waveform for waveform, _ in clips], np.int16), pa.array(digests, pa.string())]
    if "frames" in schema.names:
        columns.append(_lists([frames for _, frames in clips], np.uint8))
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _lists(arrays: list[np.ndarray], dtype: type) -> pa.ListArray:
    offsets = np.cumsum([0, *map(len, arrays)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, np.concatenate([np.zeros(0, dtype), *arrays]))
