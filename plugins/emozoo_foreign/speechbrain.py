"""Reader `speechbrain`: SpeechBrain's emotion recipe, a speech encoder with average pooling and a linear layer.

hyperparams.yaml is read as data: what it would build is looked up by the names of the classes, and nothing of SpeechBrain
is imported. SpeechBrain saves pickles, wav2vec2.ckpt and model.ckpt; read are the same tensors, by the same names, as
wav2vec2.safetensors and model.safetensors.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.reader import Reader, Reading

MARKER, LABELS, PREPROCESSOR = "hyperparams.yaml", "label_encoder.txt", "preprocessor_config.json"
ENCODER_FILE, HEAD_FILE = "wav2vec2.safetensors", "model.safetensors"
NEW = "!new:speechbrain."
ENCODER = re.compile(r"!new:speechbrain\.(?:[a-z0-9_]+\.)+(?:HuggingFaceWav2Vec2|Wav2Vec2|HuBERT|WavLM)")
POOLING = re.compile(r"!new:speechbrain\.(?:[a-z0-9_]+\.)+StatisticsPooling")
LINEAR = re.compile(r"!new:speechbrain\.(?:[a-z0-9_]+\.)+Linear")
REFERENCE = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")
LINE = re.compile(r"'(?P<label>[^']+)' => (?P<number>\d{1,4})")
"""Of a label encoder. A line of `=` ends the labels."""
LARGEST_TEXT = 2**18
WEIGHT = re.compile(r"(?:0\.)?w\.(weight|bias)")
"""A tensor of the linear layer, which is the first of a list of modules."""


def matches(document: Any) -> bool:
    """Whether a hyperparams.yaml builds a speech encoder and a linear layer of SpeechBrain."""
    if not isinstance(document, dict):
        return False
    return _is_new(document.get("wav2vec2"), ENCODER) and _is_new(document.get("output_mlp"), LINEAR)


def _is_new(value: Any, pattern: re.Pattern[str]) -> bool:
    return isinstance(value, dict) and len(value) == 1 and bool(pattern.fullmatch(next(iter(value))))


def read(folder: Path, document: Any) -> Reading:
    """The model in `folder`. Raises EmozooError, with the reason, for another network."""
    from emozoo_foreign.audio_classifier import AudioClassifierConfig
    from emozoo_foreign.encoder_shapes import encoder_config, kind_of
    from emozoo_foreign.spec import LAYER_NORM
    from emozoo_foreign.translation import WINDOW, hop_of, modern, shapes_in

    source, normalized = _encoder_settings(document)
    _check_pooling(document)
    _check_files(folder)
    pending = not (folder / HEAD_FILE).is_file()
    encoder, head = ({}, {}) if pending else (shapes_in(folder / ENCODER_FILE), shapes_in(folder / HEAD_FILE))
    tensors = {name: f"encoder.model.{modern(_bare(name))}" for name in encoder}
    for name in head:
        if not (found := WEIGHT.fullmatch(name)):
            raise EmozooError(
                f"its {HEAD_FILE} holds {ascii(name)[:100]}, but a linear layer has a weight and a bias only"
            )
        tensors[name] = f"output.{found[1]}"
    weight = next((shape for name, shape in head.items() if name.endswith("weight")), ())
    if len(weight) != 2 and not pending:
        raise EmozooError(f"its {HEAD_FILE} has no weight of a linear layer")
    labels = _labels(folder / LABELS, None if pending else weight[0])
    try:
        config = AudioClassifierConfig(
            model=encoder_config(source, {_bare(name): shape for name, shape in encoder.items()}),
            extractor={"feature_extractor_type": LAYER_NORM, "do_normalize": _normalizes(folder, kind_of(source))},
            head="average",
            normalized=normalized,
            bias=any(name.endswith("bias") for name in head),
            window=WINDOW,
            hop=hop_of(WINDOW),
            backbone_learning_rate=2e-5,
        )
    except ValueError as error:
        raise EmozooError(f"it cannot be used: {error}") from error
    return Reading(labels=labels, architecture="audio_classifier", config=config, tensors=tensors)


def _check_files(folder: Path) -> None:
    """Raises EmozooError where the weights are there in part, or as pickles only. Both may be fetched later."""
    missing = [file for file in (ENCODER_FILE, HEAD_FILE) if not (folder / file).is_file()]
    pickles = sorted(path.name for path in folder.glob("*.ckpt"))
    if len(missing) == 1 or missing and pickles:
        why = f"its weights are pickle files ({', '.join(pickles[:3])})" if pickles else f"it has no {missing[0]}"
        raise EmozooError(
            f"{why}, and weights are read from safetensors only: where you trust it, load them with SpeechBrain, and save "
            f"the same tensors by the same names as {ENCODER_FILE} and {HEAD_FILE}"
        )


def _bare(name: str) -> str:
    return name.removeprefix("model.")


def _encoder_settings(document: dict[str, Any]) -> tuple[str, bool]:
    """The name of the encoder, and whether its output is normalised. Raises EmozooError for what is not known exactly."""
    settings = next(iter(document["wav2vec2"].values()))
    if not isinstance(settings, dict):
        raise EmozooError(f"its {MARKER} does not name the encoder")
    source = _resolved(settings.get("source"), document)
    normalized = _resolved(settings.get("output_norm", False), document)
    every_layer = _resolved(settings.get("output_all_hiddens", False), document)
    if not isinstance(source, str) or not isinstance(normalized, bool) or every_layer is not False:
        raise EmozooError(f"its {MARKER} uses the encoder in another way than by its last layer")
    return source, normalized


def _check_pooling(document: dict[str, Any]) -> None:
    """Raises EmozooError for another pooling than the mean."""
    pooling = document.get("avg_pool")
    settings = next(iter(pooling.values())) if isinstance(pooling, dict) and _is_new(pooling, POOLING) else None
    with_deviation = _resolved(settings.get("return_std", True), document) if isinstance(settings, dict) else None
    if with_deviation is not False or isinstance(settings, dict) and settings.get("return_mean", True) is not True:
        raise EmozooError(
            f"its {MARKER} pools in another way than by the mean (avg_pool), or has other parts in between: "
            "load it with SpeechBrain"
        )


def _resolved(value: Any, document: dict[str, Any]) -> Any:
    """What a value, or the name of another one (`!ref <name>`), stands for."""
    for _ in range(5):
        if not (isinstance(value, dict) and value.keys() == {"!ref"} and isinstance(value["!ref"], str)):
            return value
        found = REFERENCE.fullmatch(value["!ref"])
        value = document.get(found[1]) if found else None
    return None


def _labels(path: Path, outputs: int | None) -> tuple[str, ...]:
    """The labels of a label_encoder.txt, in order. Raises EmozooError for one that does not name each output; None: how many
    there are is not known."""
    try:
        text = path.read_text(encoding="utf-8") if path.stat().st_size <= LARGEST_TEXT else ""
    except (OSError, ValueError) as error:
        raise EmozooError(f"its {LABELS} is missing or damaged, so its outputs have no names") from error
    found: dict[int, str] = {}
    for line in text.splitlines():
        if line.startswith("="):
            break
        if named := LINE.fullmatch(line.strip()):
            found[int(named["number"])] = named["label"]
    outputs = len(found) if outputs is None else outputs
    if found.keys() != set(range(outputs)) or len(set(found.values())) != outputs or outputs < 2:
        raise EmozooError(f"its {LABELS} does not name each of its {outputs} outputs")
    return tuple(found[number] for number in range(outputs))


def _normalizes(folder: Path, kind: str) -> bool:
    """Whether sound is normalised first, which SpeechBrain asks the encoder's own feature extractor:
    preprocessor_config.json tells, or else the kind. Raises EmozooError where neither does."""
    path = folder / PREPROCESSOR
    if not path.is_file():
        if kind == "wavlm":
            raise EmozooError(
                f"it has no {PREPROCESSOR}, and WavLM's differ in whether sound is normalised: add the encoder's own to it"
            )
        return True  # wav2vec 2.0's and HuBERT's all do
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.stat().st_size <= LARGEST_TEXT else None
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"its {PREPROCESSOR} is damaged: not readable as JSON") from error
    normalizes = found.get("do_normalize", True) if isinstance(found, dict) else None
    if not isinstance(normalizes, bool):
        raise EmozooError(f"its {PREPROCESSOR} does not tell whether sound is normalised")
    return normalizes


reader = Reader(
    name="speechbrain",
    summary="SpeechBrain's emotion recipe: wav2vec 2.0 with average pooling, its tensors saved as safetensors",
    matches=matches,
    read=read,
    marker=MARKER,
    weights=(ENCODER_FILE, HEAD_FILE),
    optional=(LABELS, PREPROCESSOR),
)
