"""`emozoo export --quantize`: the recordings that a graph's 8 bits are fitted to, and the export."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emozoo.checkpoint.export import Export, export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError
from emozoo.evaluation.calibrate import dev_clips
from emozoo.inference.clips import as_clip
from emozoo.inference.cuts import ClipReader
from emozoo.inference.model import Window
from emozoo.inference.options import PredictOptions
from emozoo.media.files import find_files

FEWEST = 32
MOST = 256
"""Windows. Half of them decide the ranges of numbers, the others how well the answers agree."""


def export_int8(
    reference: str | os.PathLike[str], output: str | Path | None = None, recordings: Sequence[str] | None = None
) -> Export:
    """`export_onnx` with convolutions in 8 bits, fitted to `recordings`: files, folders and patterns. Without them, to the
    dev clips of the run.

    Raises EmozooError where there are too few of them, and for a network that answers otherwise then.
    """
    model = load(reference, "cpu")
    windows = _of_files(model, recordings) if recordings else _of_run(model, os.fspath(reference))
    if len(windows) < FEWEST:
        raise EmozooError(
            f"{len(windows)} windows with a voice are too few for int8, which takes {FEWEST}: name recordings "
            "with --calibration"
        )
    return export_onnx(reference, output, windows)


def _of_run(model: EmotionModel, place: str) -> list[Window]:
    try:
        data, rows = dev_clips(model, place)
    except EmozooError as error:
        raise EmozooError(f"int8 is fitted to recordings: name some with --calibration ({error})") from error
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), MOST)).round().astype(int)
    windows: list[Window] = []
    for number in chosen:
        start = np.array([0])
        sound, frames, lengths = data.store.batch(np.array([rows[number]]), start, model.device, model.window)
        windows.append((sound[0, : int(lengths[0])].numpy(), None if frames is None else frames[0].numpy()))
    return windows


def _of_files(model: EmotionModel, recordings: Sequence[str]) -> list[Window]:
    """The first windows of files, one of each, and further ones where there are fewer files than windows."""
    files = find_files(list(recordings))
    each = -(-MOST // len(files))
    windows: list[Window] = []
    for file in files[:: -(-len(files) // MOST)]:
        cuts = ClipReader(as_clip(file), model, PredictOptions(vad=False)).cuts()
        found = [cut.window for cut in cuts if cut.reason is None]
        windows += found[:each]
    return windows[:MOST]
