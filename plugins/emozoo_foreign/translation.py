"""A classifier that transformers, or code around it, saved: its files become a `Reading` of `audio_classifier`.

What the head is, the tensors' names tell, for configs often name a class that did not write the file.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.pretrained import weight_files
from emozoo.reader import Reading
from emozoo_foreign.audio_classifier import POOLINGS, AudioClassifierConfig
from emozoo_foreign.spec import OWN_EXTRACTOR, extractor_of, model_of, one_line, takes_seconds
from emozoo_foreign.transformers_heads import PREPROCESSOR, PROCESSOR
from emozoo_foreign.transformers_heads import matches as names_stock_class

LARGEST_JSON = 2**22
"""Bytes of a JSON file that is read."""
WINDOW = 30.0
"""Seconds at a time, for encoders that take sound of any length: nearly every clip of the corpora is shorter."""
DIMENSIONS = {"arousal", "activation", "dominance", "valence"}
DENSE, LAST = (
    re.compile(r"classifier\.dense\.(weight|bias)"),
    re.compile(r"classifier\.(?:out_proj|output)\.(weight|bias)"),
)
"""The two layers of a head that has tanh between them: audEERING's and that of the first public emotion models for wav2vec
2.0, whose code is soxan's (github.com/m3hrdadfi/soxan), name the second `out_proj`, later ones `output`."""
AST_NAMES = (
    (r"\.encoder\.layer\.(\d+)\.", r".layers.\1."),
    (r"\.attention\.attention\.query\.", ".attention.q_proj."),
    (r"\.attention\.attention\.key\.", ".attention.k_proj."),
    (r"\.attention\.attention\.value\.", ".attention.v_proj."),
    (r"\.attention\.output\.dense\.", ".attention.o_proj."),
    (r"\.intermediate\.dense\.", ".mlp.fc1."),
    (r"(\.layers\.\d+)\.output\.dense\.", r"\1.mlp.fc2."),
)
"""How files name the layers of the Audio Spectrogram Transformer, and how newer releases of transformers do."""


def is_audio(kind: Any) -> bool:
    """Whether transformers has a classifier of sound of this model_type."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES

    return isinstance(kind, str) and kind in MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING_NAMES


def read_classifier(folder: Path, document: Any) -> Reading:
    """The checkpoint in `folder`, whose config.json is `document`. Raises EmozooError for one that is no classifier of
    sound, or of a kind that is not known exactly."""
    kind = document.get("model_type")
    if not is_audio(kind):
        raise EmozooError(
            f"its model_type is {ascii(kind)[:60]}, for which transformers has no classifier of sound: "
            "choose a model that was trained for speech emotion recognition"
        )
    shapes = tensor_shapes(folder)
    dense = any(map(LAST.fullmatch, shapes)) if shapes else not names_stock_class(document)
    model = model_of(document, any(name.endswith("masked_spec_embed") for name in shapes))
    extractor = extractor_of(_extractor_json(folder), model)
    window = min(WINDOW, takes_seconds(extractor))
    try:
        config = AudioClassifierConfig(
            model=model,
            extractor=extractor,
            head="dense" if dense else "transformers",
            pooling=_pooling(document, dense),
            window=window,
            hop=hop_of(window),
            backbone_learning_rate=2e-5,
        )
    except ValueError as error:
        raise EmozooError(f"it cannot be used: {error}") from error
    names = _dense_names(shapes, kind) if dense else _stock_names(shapes, kind)
    labels = labels_of(document, _outputs(shapes, names) if shapes else None)
    return Reading(
        labels=labels,
        target=_target(document, labels),
        architecture="audio_classifier",
        config=config,
        tensors=names,
    )


def tensor_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the tensors in a checkpoint's files; empty where it has none yet, for what a checkpoint is may
    be asked before its weights are there. Raises EmozooError for damaged ones."""
    files = [folder / file for file in weight_files(folder) if (folder / file).is_file()]
    return {name: shape for file in files for name, shape in shapes_in(file).items()}


def shapes_in(path: Path) -> dict[str, tuple[int, ...]]:
    """The names and shapes of the tensors in one file. Raises EmozooError for a damaged one."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as opened:
            return {name: tuple(opened.get_slice(name).get_shape()) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise EmozooError(f"its {path.name} is damaged: {one_line(error)}") from error


def hop_of(window: float) -> float:
    """Seconds from one window to the next: about a third of one."""
    return float(max(math.floor(window / 3), 1)) if window >= 1 else window


def labels_of(document: dict[str, Any], outputs: int | None) -> tuple[str, ...]:
    """What the outputs are called, in order; LABEL_0, LABEL_1, ... where the config does not tell. `outputs` is how many the
    weights have; None: not known. Raises EmozooError."""
    found = document.get("id2label")
    if outputs is None:
        outputs = len(found) if isinstance(found, dict) else 2  # transformers leaves out two labels without names
    if found is None:
        return tuple(f"LABEL_{number}" for number in range(outputs))
    if not isinstance(found, dict) or {str(key) for key in found} != {str(number) for number in range(outputs)}:
        raise EmozooError(f"its config.json does not name its {outputs} outputs: id2label does not fit the weights")
    labels = {str(key): label for key, label in found.items()}
    return tuple(str(labels[str(number)]) for number in range(outputs))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises EmozooError, with the file's name."""
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise ValueError("too large")
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"its {path.name} is damaged: not readable as JSON") from error
    if not isinstance(values, dict):
        raise EmozooError(f"its {path.name} is damaged: not a JSON object")
    return values


def modern(name: str) -> str:
    """A tensor's name as torch's weight norm names it now."""
    if name.endswith(".weight_g"):
        return name.removesuffix("weight_g") + "parametrizations.weight.original0"
    if name.endswith(".weight_v"):
        return name.removesuffix("weight_v") + "parametrizations.weight.original1"
    return name


def _extractor_json(folder: Path) -> dict[str, Any] | None:
    """The feature extractor's own JSON, or its part of a processor's."""
    if (folder / PREPROCESSOR).exists():
        return read_json(folder / PREPROCESSOR)
    if (folder / PROCESSOR).exists():
        part = read_json(folder / PROCESSOR).get("feature_extractor")
        return part if isinstance(part, dict) else None
    return None


def _pooling(document: dict[str, Any], dense: bool) -> str:
    pooling = document.get("pooling_mode", "mean")
    if pooling not in (POOLINGS if dense else POOLINGS[:1]):
        raise EmozooError(
            f"its pooling_mode is {ascii(pooling)[:60]}, which emozoo does not know for its head: "
            "it would have to be answered by the code that trained it"
        )
    return pooling


def _stock_names(shapes: dict[str, tuple[int, ...]], kind: str) -> dict[str, str]:
    """Where the tensors of one of transformers' own classifiers go."""
    last = re.compile(
        r"classifier\.dense\.(weight|bias)" if kind == "audio-spectrogram-transformer" else r"classifier\.(weight|bias)"
    )
    if shapes and not any(map(last.fullmatch, shapes)):
        raise EmozooError(
            "its weights have no head that emozoo knows (no classifier.weight): fine-tune it first, "
            "or choose a model that was trained for speech emotion recognition"
        )
    renamed = AST_NAMES if kind == "audio-spectrogram-transformer" and _has_new_ast_names() else ()
    names = {}
    for name in shapes:
        if found := last.fullmatch(name):
            names[name] = f"output.{found[1]}"
            continue
        own = modern(name)
        for old, new in renamed:
            own = re.sub(old, new, own)
        names[name] = f"encoder.model.{own}"
    return names


def _dense_names(shapes: dict[str, tuple[int, ...]], kind: str) -> dict[str, str]:
    """Where the tensors of an encoder with a dense head go."""
    if kind in OWN_EXTRACTOR:
        raise EmozooError(f"its head is one of encoders that take waveforms, but its model_type is {kind!r}")
    prefix = kind.replace("-", "_") + "."
    names = {}
    for name in shapes:
        if found := DENSE.fullmatch(name):
            names[name] = f"encoder.dense.{found[1]}"
        elif found := LAST.fullmatch(name):
            names[name] = f"output.{found[1]}"
        elif name.startswith(prefix):
            names[name] = f"encoder.model.{modern(name.removeprefix(prefix))}"
        else:
            raise EmozooError(
                f"its weights hold {ascii(name)[:100]}, which the head of its other tensors does not have"
            )
    return names


def _outputs(shapes: dict[str, tuple[int, ...]], names: dict[str, str]) -> int:
    for name, own in names.items():
        if own == "output.weight" and len(shapes[name]) == 2:
            return shapes[name][0]
    raise EmozooError("its weights have no last layer that emozoo knows (no classifier.out_proj.weight)")


def _target(document: dict[str, Any], labels: tuple[str, ...]) -> str:
    """What the outputs are. Raises EmozooError for what emozoo has no answer for."""
    problem = document.get("problem_type")
    if {label.lower() for label in labels} <= DIMENSIONS:
        return "dimensions"
    if problem in (None, "single_label_classification"):
        return "emotion"
    raise EmozooError(
        f"its problem_type is {ascii(problem)[:60]}; emozoo reads classifiers of one emotion, "
        "and regressions of arousal, dominance and valence"
    )


def _has_new_ast_names() -> bool:
    """Whether the installed transformers names the layers of the Audio Spectrogram Transformer anew."""
    import torch
    from transformers import ASTConfig, ASTModel

    with torch.device("meta"):
        small = ASTModel(ASTConfig(hidden_size=4, num_hidden_layers=1, num_attention_heads=1, intermediate_size=4))
    return "layers.0.attention.q_proj.weight" in small.state_dict()
