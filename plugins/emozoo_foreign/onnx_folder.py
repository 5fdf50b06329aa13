"""Readers of folders with an ONNX file: `audonnx`, `onnx_config` (labels in config.json), `onnx_labels` (in labels.txt).

Nothing of the file is looked at here: emozoo checks its graph, its inputs and its outputs before it is run.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.reader import OnnxGraph, Reader, Reading

MODEL, LABELS = "model.onnx", "labels.txt"
PREPROCESSOR = "preprocessor_config.json"
AUDONNX = re.compile(r"\$audonnx\.core\.(?:model|labels)\.Model(?:==.*)?", re.DOTALL)
"""How audobject writes the class that a YAML file is of: with the version that wrote it."""
DIMENSIONS = {"arousal", "activation", "dominance", "valence"}
WINDOW, HOP = 30.0, 10.0
"""Seconds at a time: nearly every clip of the corpora is shorter, so it is answered as a whole, as its library does."""
MOST_LABELS = 1000
LARGEST_JSON = 2**20
SAMPLING_RATE = 16_000


def target_of(labels: tuple[str, ...]) -> str:
    """`dimensions` where all labels are such, else `emotion`."""
    return "dimensions" if {label.lower() for label in labels} <= DIMENSIONS else "emotion"


def words_of(values: Any) -> tuple[str, ...] | None:
    """Different labels; None for what is no list of them."""
    if not isinstance(values, list) or not 1 <= len(values) <= MOST_LABELS or len(values) < 2 - _are_dimensions(values):
        return None
    named = all(isinstance(value, str) and value.strip() for value in values)
    return tuple(values) if named and len(set(values)) == len(values) else None


def numbered(values: Any) -> tuple[str, ...] | None:
    """The labels of `{"0": "angry", "1": ...}`, in order; None for what is none."""
    if not isinstance(values, dict) or set(map(str, values)) != {str(number) for number in range(len(values))}:
        return None
    by_number = {str(key): value for key, value in values.items()}
    return words_of([by_number[str(number)] for number in range(len(values))])


def _are_dimensions(values: list[Any]) -> bool:
    return all(isinstance(value, str) and value.lower() in DIMENSIONS for value in values)


# --- audonnx (audEERING): model.yaml names the file, the labels of its outputs, and what is done to the sound first


def is_audonnx(document: Any) -> bool:
    """Whether a model.yaml is audonnx's."""
    return isinstance(document, dict) and len(document) == 1 and bool(AUDONNX.fullmatch(next(iter(document))))


def read_audonnx(folder: Path, document: Any) -> Reading:
    """The model of a model.yaml. Raises EmozooError for one that takes anything but the sound itself."""
    fields = next(iter(document.values()))
    if not isinstance(fields, dict):
        raise EmozooError("its model.yaml is damaged: it says nothing of the model")
    transforms = fields.get("transform")
    named = transforms.values() if isinstance(transforms, dict) and not _is_object(transforms) else [transforms]
    if any(transform is not None for transform in named):
        raise EmozooError(
            "its model.yaml has a transform, so the network takes features that audonnx computes, not sound: "
            "load it with audonnx"
        )
    if fields.get("path", MODEL) != MODEL:
        raise EmozooError(f"its model.yaml names {ascii(fields['path'])[:60]}; emozoo reads {MODEL} beside it")
    output, labels = _labelled(fields.get("labels"))
    return Reading(
        labels=labels,
        target=target_of(labels),
        graph=OnnxGraph(MODEL, output=output, embedding="hidden_states", window=WINDOW, hop=HOP),
    )


def _is_object(value: dict[str, Any]) -> bool:
    """Whether a mapping is an object that audobject wrote."""
    return len(value) == 1 and next(iter(value)).startswith("$")


def _labelled(labels: Any) -> tuple[str | None, tuple[str, ...]]:
    """The output that answers, and its labels. Raises EmozooError where it cannot be told which."""
    if (words := words_of(labels)) is not None:
        return None, words
    named = {node: words_of(values) for node, values in labels.items()} if isinstance(labels, dict) else {}
    usable = {node: words for node, words in named.items() if words is not None}
    chosen = "logits" if "logits" in usable else next(iter(usable), None)
    if chosen is None or len(usable) > 1 and chosen != "logits":
        nodes = ", ".join(ascii(node)[:60] for node in list(usable)[:5]) or "no output"
        raise EmozooError(f"its model.yaml does not tell which output is the emotion: it has labels for {nodes}")
    return chosen, usable[chosen]


audonnx = Reader(
    name="audonnx",
    summary="ONNX files with audonnx's model.yaml, such as audEERING's dimensions, that take sound itself",
    matches=is_audonnx,
    read=read_audonnx,
    marker="model.yaml",
    weights=(MODEL,),
    optional=(),
)


# --- any ONNX file, with the names of its outputs beside it


def is_onnx_config(document: Any) -> bool:
    """Whether a config.json names outputs, and no library's class."""
    if (
        not isinstance(document, dict)
        or document.get("architectures")
        or document.get("model_type") not in (None, "onnx")
        or "architecture_config" in document  # emozoo's own, damaged
    ):
        return False
    return numbered(document.get("id2label")) is not None


def read_onnx_config(folder: Path, document: Any) -> Reading:
    """The ONNX file beside a config.json. Raises EmozooError for sound that emozoo does not give."""
    return _plain(folder, numbered(document.get("id2label")), document)


def is_labels(document: Any) -> bool:
    """Whether a labels.txt, read as YAML, has a label on each line, which YAML folds to one text, or lists or numbers
    them."""
    return isinstance(document, str) and len(document.split()) > 1 or _listed(document) is not None


def read_labels(folder: Path, document: Any) -> Reading:
    """The ONNX file beside a labels.txt. Raises EmozooError for sound that emozoo does not give."""
    if not isinstance(document, str):
        return _plain(folder, _listed(document), {})
    try:
        lines = (folder / LABELS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise EmozooError(f"its {LABELS} is damaged: not readable as text") from error
    return _plain(folder, words_of([line.strip() for line in lines if line.strip()]), {})


def _listed(document: Any) -> tuple[str, ...] | None:
    return words_of(document) or numbered(document)


def _plain(folder: Path, labels: tuple[str, ...] | None, config: dict[str, Any]) -> Reading:
    if labels is None:
        raise EmozooError("its labels are damaged: they are not two or more different words")
    sound = _sound(folder) | {key: config[key] for key in ("sampling_rate", "do_normalize") if key in config}
    if sound.get("sampling_rate", SAMPLING_RATE) != SAMPLING_RATE:
        raise EmozooError(f"it takes sound of {ascii(sound['sampling_rate'])[:20]} Hz; emozoo's is {SAMPLING_RATE} Hz")
    normalize = sound.get("do_normalize", False)
    if not isinstance(normalize, bool):
        raise EmozooError(f"do_normalize is {ascii(normalize)[:20]}, neither true nor false")
    graph = OnnxGraph(MODEL, window=WINDOW, hop=HOP, normalize=normalize, embedding="embeddings")
    return Reading(labels=labels, target=target_of(labels), graph=graph)


def _sound(folder: Path) -> dict[str, Any]:
    """preprocessor_config.json, where there is one. Raises EmozooError for one that gives anything but sound."""
    path = folder / PREPROCESSOR
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= LARGEST_JSON else None
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"its {PREPROCESSOR} is damaged: not readable as JSON") from error
    if not isinstance(found, dict):
        raise EmozooError(f"its {PREPROCESSOR} is damaged: not a JSON object")
    kind = found.get("feature_extractor_type", "Wav2Vec2FeatureExtractor")
    if kind != "Wav2Vec2FeatureExtractor":
        raise EmozooError(f"its feature extractor is {ascii(kind)[:60]}; an ONNX file is given sound only")
    return {key: found[key] for key in ("sampling_rate", "do_normalize") if key in found}


onnx_config = Reader(
    name="onnx_config",
    summary="ONNX files that take sound, with id2label in config.json",
    matches=is_onnx_config,
    read=read_onnx_config,
    weights=(MODEL,),
    optional=(PREPROCESSOR,),
)

onnx_labels = Reader(
    name="onnx_labels",
    summary="ONNX files that take sound, with a label on each line of labels.txt",
    matches=is_labels,
    read=read_labels,
    marker=LABELS,
    weights=(MODEL,),
    optional=(PREPROCESSOR,),
)
