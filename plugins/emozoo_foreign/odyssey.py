"""Reader `odyssey`: the baselines of the Odyssey 2024 challenge on MSP-Podcast (Goncalves et al. 2024), and models of their
code: a speech encoder `ssl_model`, attentive statistics pooling `pool_model`, and layers `ser_model`.

Their config.json has auto_map, which names Python files of the repository; they are not fetched.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.reader import Reader, Reading

CLASS = "SERModel"
USUAL_ENCODER = "microsoft/wavlm-large"
ATTRIBUTES = ("arousal", "dominance", "valence")
"""What three outputs without names are, in the order of the baseline's training."""
ENCODER = "ssl_model."
HEAD = (
    (re.compile(r"pool_model\.sap_linear\.(weight|bias)"), r"encoder.score.\1"),
    (re.compile(r"pool_model\.attention"), "encoder.vector"),
    (re.compile(r"ser_model\.fc\.(\d+)\.([01])\.(weight|bias)"), r"encoder.hidden.\1.\2.\3"),
    (re.compile(r"ser_model\.out\.0\.(weight|bias)"), r"output.\1"),
)
"""Tensors of the head, and where they go."""


def matches(document: Any) -> bool:
    """Whether a config.json is of such a model."""
    if not isinstance(document, dict):
        return False
    named = document.get("architectures")
    return isinstance(named, list) and CLASS in named


def read(folder: Path, document: Any) -> Reading:
    """The model in `folder`. Raises EmozooError, with the reason, for one that is not exactly such a network."""
    from emozoo_foreign.audio_classifier import AudioClassifierConfig
    from emozoo_foreign.encoder_shapes import encoder_config
    from emozoo_foreign.spec import CORPUS
    from emozoo_foreign.translation import WINDOW, hop_of, labels_of, modern, tensor_shapes

    shapes = tensor_shapes(folder)
    tensors = {name: _place(name, modern) for name in shapes}
    encoder = {name.removeprefix(ENCODER): shape for name, shape in shapes.items() if name.startswith(ENCODER)}
    try:
        width, layers, outputs = _sizes(document, shapes)
        extractor = {"feature_extractor_type": CORPUS, "mean": float(document["mean"]), "std": float(document["std"])}
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise EmozooError(f"it is no such baseline: {ascii(str(error))[:60]} is missing or damaged") from error
    try:
        config = AudioClassifierConfig(
            model=encoder_config(document.get("ssl_type", USUAL_ENCODER), encoder),
            extractor=extractor,
            head="statistics",
            width=width,
            layers=layers,
            window=WINDOW,
            hop=hop_of(WINDOW),
            backbone_learning_rate=2e-5,
        )
    except ValueError as error:
        raise EmozooError(f"it cannot be used: {error}") from error
    labels = labels_of(document, outputs)
    named = not all(re.fullmatch(r"LABEL_\d+", label) for label in labels)
    if not named and len(labels) == len(ATTRIBUTES):
        labels = ATTRIBUTES
    dimensions = {label.lower() for label in labels} <= {*ATTRIBUTES, "activation"}
    return Reading(
        labels=labels,
        target="dimensions" if dimensions else "emotion",
        architecture="audio_classifier",
        config=config,
        tensors=tensors,
    )


def _sizes(document: dict[str, Any], shapes: dict[str, tuple[int, ...]]) -> tuple[int, int, int | None]:
    """The width and the number of the head's layers, and its outputs: as config.json has them where there are no weights
    yet. Raises KeyError, IndexError or ValueError for what is missing or damaged."""
    if not shapes:
        return int(document.get("hidden_size", 1024)), int(document.get("classifier_hidden_layers", 1)), None
    layers = len({name.split(".")[2] for name in shapes if name.startswith("ser_model.fc.")})
    return shapes["ser_model.fc.0.0.weight"][0], layers, shapes["ser_model.out.0.weight"][0]


def _place(name: str, modern: Any) -> str:
    """Where a tensor of the file goes. Raises EmozooError for one that such a network does not have."""
    if name.startswith(ENCODER):
        return f"encoder.model.{modern(name.removeprefix(ENCODER))}"
    for known, place in HEAD:
        if found := known.fullmatch(name):
            return found.expand(place)
    raise EmozooError(f"its weights hold {ascii(name)[:100]}, which no such baseline has")


reader = Reader(
    name="odyssey",
    summary="Odyssey 2024 baselines on MSP-Podcast: WavLM with attentive statistics pooling",
    matches=matches,
    read=read,
    optional=(),
)
