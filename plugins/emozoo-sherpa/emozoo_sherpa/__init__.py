"""The diarizer `sherpa`: sherpa-onnx finds who speaks when, with a segmentation and a speaker embedding in ONNX.

Its settings are environment variables, because a diarizer has no options of its own on the command line.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from emozoo import EmozooError
from emozoo.diarizer import Diarizer
from emozoo.pretrained import pretrained_files

if TYPE_CHECKING:
    import numpy as np

Value = TypeVar("Value")
MOST_THREADS = 8


@dataclass(frozen=True)
class Weights:
    """Where a network is found unless it is named, and what shows that it is of its kind."""

    variable: str
    """The environment variable that names an ONNX file."""
    reference: str
    file: str
    metadata: tuple[str, ...]
    """Names in the metadata of the ONNX file, without which sherpa-onnx ends the process."""


SEGMENTATION = Weights(
    "EMOZOO_SHERPA_SEGMENTATION",
    "hub:csukuangfj/sherpa-onnx-pyannote-segmentation-3-0",
    "model.onnx",
    ("model_type", "num_speakers", "powerset_max_classes", "num_classes", "sample_rate", "window_size",
     "receptive_field_size", "receptive_field_shift"),
)  # fmt: skip
"""pyannote segmentation 3.0 (MIT), as sherpa-onnx's authors exported it."""
EMBEDDING = Weights(
    "EMOZOO_SHERPA_EMBEDDING",
    "hub:csukuangfj/speaker-embedding-models",
    "wespeaker_en_voxceleb_resnet34_LM.onnx",
    ("framework", "language", "sample_rate", "output_dim", "normalize_samples"),
)
"""WeSpeaker's ResNet34-LM, trained on VoxCeleb (CC BY 4.0), with the metadata that sherpa-onnx needs."""


@dataclass(frozen=True)
class Settings:
    speakers: int = -1
    """How many there are; -1: as many as the threshold makes."""
    threshold: float = 0.5
    """Cosine distance from which two voices are two speakers. A smaller one finds more speakers."""


def read_settings(environment: Mapping[str, str]) -> Settings:
    """The settings in environment variables. Raises EmozooError for a value that is none."""
    return Settings(
        _value(
            environment, "EMOZOO_SHERPA_SPEAKERS", int, Settings.speakers, lambda count: 1 <= count <= 100, "1 to 100"
        ),
        _value(environment, "EMOZOO_SHERPA_THRESHOLD", float, Settings.threshold, lambda far: 0 < far < 2, "0 to 2"),
    )


def _value(
    environment: Mapping[str, str],
    variable: str,
    kind: Callable[[str], Value],
    default: Value,
    fits: Callable[[Value], bool],
    wanted: str,
) -> Value:
    written = environment.get(variable, "").strip()
    if not written:
        return default
    try:
        value = kind(written)
    except ValueError:
        value = None  # type: ignore[assignment]
    if value is None or not fits(value):
        raise EmozooError(f"{variable}={written[:40]}: must be a number from {wanted}")
    return value


def find_weights(weights: Weights) -> Path:
    """The ONNX file that the environment variable names, else the one of the Hub.

    Raises EmozooError for a file that is not there, or is not of this kind.
    """
    named = os.environ.get(weights.variable, "").strip()
    path = Path(named).expanduser() if named else pretrained_files(weights.reference, [weights.file])[0] / weights.file
    if not path.is_file():
        raise EmozooError(
            f"{weights.variable}={named}: no such file; name an ONNX file of sherpa-onnx, or leave it out"
        )
    if missing := sorted(set(weights.metadata) - _metadata(path)):
        raise EmozooError(
            f"{path} is no network for this: its metadata lacks {', '.join(missing)}; name one of sherpa-onnx with "
            f"{weights.variable}"
        )
    return path


@functools.lru_cache(maxsize=4)
def _metadata(path: Path) -> frozenset[str]:
    """The names in an ONNX file's metadata; none where it is no ONNX file."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    try:
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception:  # noqa: BLE001 - onnxruntime has a dozen of its own, without a common one
        return frozenset()
    return frozenset(session.get_modelmeta().custom_metadata_map)


@functools.lru_cache(maxsize=1)  # for all files of a run; a session does not survive a fork
def _pipeline(settings: Settings, segmentation: Path, embedding: Path, process: int) -> Any:
    import sherpa_onnx

    threads = min(MOST_THREADS, os.cpu_count() or 1)
    pyannote = sherpa_onnx.OfflineSpeakerSegmentationPyannoteModelConfig(model=str(segmentation))
    config = sherpa_onnx.OfflineSpeakerDiarizationConfig(
        segmentation=sherpa_onnx.OfflineSpeakerSegmentationModelConfig(pyannote=pyannote, num_threads=threads),
        embedding=sherpa_onnx.SpeakerEmbeddingExtractorConfig(model=str(embedding), num_threads=threads),
        clustering=sherpa_onnx.FastClusteringConfig(num_clusters=settings.speakers, threshold=settings.threshold),
    )
    return sherpa_onnx.OfflineSpeakerDiarization(config)


def diarize(sound: np.ndarray) -> Iterator[tuple[float, float, str]]:
    """Segments by time: start and end in seconds, and `speaker 1` for whoever speaks first."""
    settings = read_settings(os.environ)
    pipeline = _pipeline(settings, find_weights(SEGMENTATION), find_weights(EMBEDDING), os.getpid())
    numbers: dict[int, int] = {}
    for found in pipeline.process(sound).sort_by_start_time():
        number = numbers.setdefault(found.speaker, len(numbers) + 1)
        yield max(found.start, 0.0), found.end, f"speaker {number}"


diarizer = Diarizer(
    name="sherpa",
    diarize=diarize,
    summary="pyannote segmentation 3.0 and WeSpeaker embeddings, clustered by sherpa-onnx",
    requires=("sherpa_onnx", "onnxruntime"),
)
