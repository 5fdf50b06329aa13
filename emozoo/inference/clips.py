"""What a model can be asked about: a file, its bytes, or samples in memory become a `Clip`."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from typing import IO, Any

import numpy as np

from emozoo.errors import EmozooError
from emozoo.media.mixing import MOST_CHANNELS
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.text import one_line, printable

KINDS = (
    "a path, bytes, an open file, a numpy array [samples] or [samples, channels], a torch tensor [samples] or "
    "[channels, samples], (array, sampling_rate), or a list of these"
)
LONGEST_PATH = 4096


@dataclass(frozen=True)
class Clip:
    """A file, or samples in memory."""

    name: str
    """What answers and errors call it."""
    path: str | None = None
    sound: np.ndarray | None = None
    """[samples] or [samples, channels], of a type in `emozoo.media.mixing.SAMPLE_TYPES`; None for a file."""
    rate: int = SAMPLING_RATE
    """Samples of `sound` a second."""
    copy: IO[bytes] | None = field(default=None, compare=False, repr=False)
    """A temporary file at `path`, which is deleted with it."""

    def close(self) -> None:
        """Deletes the temporary file. To be called once the clip's answer is known."""
        if self.copy is not None:
            self.copy.close()

    def in_words(self, error: object) -> str:
        """An error's sentence, with the clip's name in place of the path of a temporary file."""
        return str(error).replace(self.path, self.name) if self.copy is not None and self.path else str(error)


def as_clip(given: Any, name: str | None = None) -> Clip:
    """What `model.predict` takes, as a Clip: see `KINDS`; also a dict of `array` or `raw` and `sampling_rate`, as datasets
    and transformers have it. `name` is what answers call it.

    Bytes and open files are copied into a temporary file, which only this user can read. Samples without a rate are at
    16 kHz. Raises EmozooError for anything else.
    """
    if isinstance(given, Clip):
        return given
    if isinstance(given, str | os.PathLike):
        return _of_path(given, name)
    if isinstance(given, bytes | bytearray | memoryview):
        return _copied(given, name or "the given data")
    if isinstance(given, dict) and "sampling_rate" in given and given.keys() & {"array", "raw"}:
        samples = given["array"] if "array" in given else given["raw"]
        return _of_samples(samples, given["sampling_rate"], name)
    if isinstance(given, tuple) and len(given) == 2:
        return _of_samples(*given, name)
    if isinstance(given, np.ndarray) or _is_tensor(given):
        return _of_samples(given, SAMPLING_RATE, name)
    if hasattr(given, "read"):
        return _copied(given, name or _name_of(given))
    raise EmozooError(f"a model cannot be asked about {_kind(given)}: give {KINDS}")


def _of_path(given: str | os.PathLike[str], name: str | None) -> Clip:
    path = os.fsdecode(given)
    if len(path) > LONGEST_PATH:
        raise EmozooError(f"a text of {len(path):,} characters is no path: give {KINDS}")
    return Clip(name or path, path)


def _of_samples(samples: Any, rate: Any, name: str | None) -> Clip:
    if _is_tensor(samples):
        try:
            tensor = samples.detach().cpu()
            samples = (tensor.float() if str(tensor.dtype) in ("torch.bfloat16", "torch.float16") else tensor).numpy()
        except (RuntimeError, TypeError, NotImplementedError) as error:  # sparse, nested, quantized, on no device, ...
            raise EmozooError(
                f"this tensor gives no samples ({one_line(error)}): give a dense one of numbers"
            ) from error
        samples = samples.T if samples.ndim == 2 else samples
    if isinstance(rate, bool) or not isinstance(rate, int | float | np.integer | np.floating) or rate != rate // 1:
        raise EmozooError(f"a sampling rate is a whole number, as in (array, 16000), not {_kind(rate)}")
    if not isinstance(samples, np.ndarray):
        raise EmozooError(f"samples are a numpy array or a torch tensor, as in (array, 16000), not {_kind(samples)}")
    if samples.dtype == np.float16:
        samples = samples.astype(np.float32)
    if samples.ndim == 2 and samples.shape[1] > MOST_CHANNELS:
        raise EmozooError(
            f"the given samples have {samples.shape[1]:,} channels: numpy arrays are [samples, channels], and torch "
            "tensors [channels, samples], so transpose them"
        )
    return Clip(name or "the given sound", sound=samples, rate=int(rate))


def _is_tensor(given: Any) -> bool:
    """Whether it is a tensor of torch, which is not imported for this."""
    return type(given).__module__.partition(".")[0] == "torch" and hasattr(given, "detach")


def _copied(source: Any, name: str) -> Clip:
    file = tempfile.NamedTemporaryFile(prefix="emozoo-clip-")  # noqa: SIM115 - the clip closes it
    try:
        _copy(source, file, name)
        file.flush()
    except BaseException:
        file.close()
        raise
    return Clip(name, file.name, copy=file)


def _copy(source: Any, target: Any, name: str) -> None:
    if isinstance(source, bytes | bytearray | memoryview):
        target.write(source.tobytes() if isinstance(source, memoryview) else source)
        return
    try:
        shutil.copyfileobj(source, target)
    except TypeError:
        raise EmozooError(f"{name} gives text, not bytes: open it in binary mode, as in open(path, 'rb')") from None
    except (OSError, ValueError) as error:
        raise EmozooError(f"{name} cannot be read ({one_line(error)}): open it for reading") from error
    if not target.tell() and _tell(source):
        raise EmozooError(f"{name} has been read to its end: call seek(0) on it first")


def _tell(file: Any) -> int:
    """Where an open file is read next; 0 where it does not know."""
    try:
        return int(file.tell())
    except (AttributeError, OSError, TypeError, ValueError):
        return 0


def _name_of(file: Any) -> str:
    name = getattr(file, "name", None)
    return printable(os.path.basename(name)) if isinstance(name, str) and name else "the open file"


def _kind(value: Any) -> str:
    """What a value is, in few words."""
    kind = type(value).__name__
    return "None" if value is None else f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {kind}"


def numbered(given: list[Any]) -> list[Clip]:
    """The clips of a list. Those without a name are called by their place. Raises EmozooError, with the place, for what is
    no clip."""
    clips: list[Clip] = []
    try:
        for each in given:
            clip = as_clip(each)
            nameless = clip.sound is not None or isinstance(each, bytes | bytearray | memoryview)
            clips.append(
                replace(clip, name=f"clip {len(clips) + 1}") if nameless and not isinstance(each, Clip) else clip
            )
    except EmozooError as error:
        for clip in clips:
            clip.close()
        raise EmozooError(f"item {len(clips) + 1} of the list: {error}") from error
    return clips
