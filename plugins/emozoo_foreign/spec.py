"""What a network is built from: a config of transformers and a feature extractor's fields, as plain JSON, checked.

Both come from strangers. Only fields that the kind's own config class declares are kept: so names of files, addresses,
remote code, number formats and attention kernels do not get in. What is kept are numbers, words and lists of them.
"""

from __future__ import annotations

import math
import re
from typing import Any

from emozoo import EmozooError

LARGEST = 2**31
LONGEST_LIST = 64
LONGEST_WINDOW = 60.0
"""Seconds that a network takes at once."""
MOST_STEPS = 10_000
"""Steps of the longest window in the encoder, whose attention grows with their square."""
MOST_VALUES = 2**28
"""Numbers in the output of a convolution for the longest window."""
SAMPLING_RATE = 16_000
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")
UNUSED = {"vocab_size", "pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "suppress_tokens"}
UNUSED |= {"begin_suppress_tokens", "ctc_loss_reduction", "ctc_zero_infinity"}
"""Fields about text, which no classifier of sound is built from."""
WAVEFORM, WHISPER = "Wav2Vec2FeatureExtractor", "WhisperFeatureExtractor"
AST, SEAMLESS = "ASTFeatureExtractor", "SeamlessM4TFeatureExtractor"
CORPUS, LAYER_NORM = "CorpusNormalization", "LayerNormalization"
"""Not of transformers: a waveform normalised by the mean and deviation of a whole corpus, as in the Odyssey 2024 baselines,
or by torch's layer norm, as in SpeechBrain."""
EXTRACTORS: dict[str, dict[str, tuple[Any, float, float]]] = {
    WAVEFORM: {"do_normalize": (True, 0, 1)},
    WHISPER: {
        "feature_size": (80, 4, 512),
        "chunk_length": (30, 1, 60),
        "n_fft": (400, 16, 4096),
        "hop_length": (160, 16, 4096),
    },
    AST: {
        "num_mel_bins": (128, 4, 512),
        "max_length": (1024, 16, 6000),
        "do_normalize": (True, 0, 1),
        "mean": (-4.2677393, -1000.0, 1000.0),
        "std": (4.5689974, 1e-6, 1000.0),
    },
    CORPUS: {"mean": (0.0, -1.0, 1.0), "std": (1.0, 1e-6, 10.0)},
    LAYER_NORM: {"do_normalize": (True, 0, 1)},
    SEAMLESS: {"num_mel_bins": (80, 4, 512), "stride": (2, 1, 16)},
}
"""Feature extractors of transformers, and the fields that their classifiers' sound depends on: default and range.

`do_normalize` of Whisper's is not here, for transformers reads it nowhere, nor is dither, which is noise."""
OWN_EXTRACTOR = {"whisper": WHISPER, "audio-spectrogram-transformer": AST, "wav2vec2-bert": SEAMLESS}
"""Kinds of encoders that take spectrograms; all others take waveforms."""


def check_model(model: Any) -> None:
    """Raises ValueError for a transformers config that is not made of plain values."""
    if not isinstance(model, dict) or not isinstance(model.get("model_type"), str):
        raise ValueError("model has no model_type")
    for field, value in model.items():
        if not isinstance(field, str) or not field.isidentifier():
            raise ValueError(f"model has a field {ascii(field)[:60]}, which no encoder has")
        if not _is_plain(value):
            raise ValueError(f"model: {field[:60]} is {ascii(value)[:60]}, which no encoder has")


def check_extractor(extractor: Any, kind: str) -> None:
    """Raises ValueError for fields that are not those of the feature extractor that encoders of this kind take."""
    wanted = OWN_EXTRACTOR.get(kind, WAVEFORM)
    named = extractor.get("feature_extractor_type") if isinstance(extractor, dict) else None
    if named in (CORPUS, LAYER_NORM) and wanted == WAVEFORM:
        wanted = named
    if named != wanted:
        raise ValueError(f"extractor is not the {wanted} that a {kind} takes")
    rules = EXTRACTORS[wanted]
    if wrong := sorted(map(str, extractor.keys() ^ {*rules, "feature_extractor_type"})):
        raise ValueError(f"extractor lacks {wrong[0]!r}, or should not have it")
    for field, (default, least, most) in rules.items():
        value = extractor[field]
        numbers = bool if isinstance(default, bool) else int if isinstance(default, int) else (int, float)
        if not isinstance(value, numbers) or isinstance(value, bool) is not isinstance(default, bool):
            raise ValueError(f"extractor: {field} is {ascii(value)[:60]}, not of the kind of {default}")
        if not least <= value <= most:
            raise ValueError(f"extractor: {field} is {value}, not between {least} and {most}")


def check_fit(model: dict[str, Any], extractor: dict[str, Any]) -> None:
    """Raises ValueError for spectrograms of another size than the encoder takes."""
    kind = extractor["feature_extractor_type"]
    if kind == WHISPER:
        frames = extractor["chunk_length"] * SAMPLING_RATE // extractor["hop_length"]
        sizes = {"num_mel_bins": extractor["feature_size"], "max_source_positions": frames // 2}
    elif kind == AST:
        sizes = {field: extractor[field] for field in ("num_mel_bins", "max_length")}
    elif kind == SEAMLESS:
        sizes = {"feature_projection_input_dim": extractor["num_mel_bins"] * extractor["stride"]}
    else:
        return
    for field, size in sizes.items():
        if model.get(field) != size:
            raise ValueError(f"model: {field} is {model.get(field)}, but its feature extractor gives {size}")


def check_convolutions(model: dict[str, Any]) -> None:
    """Raises ValueError for convolutions over the waveform that leave too much, or nothing, of a window."""
    if "conv_kernel" not in model:
        return
    shapes = [model.get(name) for name in ("conv_dim", "conv_kernel", "conv_stride")]
    if not all(_are_sizes(shape) for shape in shapes) or len({len(shape) for shape in shapes if shape}) != 1:
        raise ValueError("model: conv_dim, conv_kernel and conv_stride are not lists of as many whole numbers above 0")
    steps = int(LONGEST_WINDOW * SAMPLING_RATE)
    for width, kernel, stride in zip(*shapes, strict=True):  # type: ignore[arg-type]
        steps = (steps - kernel) // stride + 1
        if steps < 1 or steps * width > MOST_VALUES:
            raise ValueError(f"model: its convolutions do not fit {LONGEST_WINDOW:g} s of sound")
    if steps > MOST_STEPS:
        raise ValueError(f"model: its convolutions leave {steps} steps of {LONGEST_WINDOW:g} s, more than {MOST_STEPS}")


def least_samples(model: dict[str, Any]) -> int:
    """The samples that give one step: how far the convolutions over the waveform reach."""
    reach = model.get("squeeze_factor", 1)  # SEW's encoder makes one step of so many
    for kernel, stride in zip(reversed(model["conv_kernel"]), reversed(model["conv_stride"]), strict=True):
        reach = (reach - 1) * stride + kernel
    return reach


def declared(kind: str) -> dict[str, Any]:
    """The fields that transformers' config of this kind declares itself, with their defaults."""
    import transformers

    known = transformers.CONFIG_MAPPING[kind]()
    shared = transformers.PretrainedConfig().to_dict().keys()
    return {
        field: value
        for field, value in known.to_dict().items()
        if field not in shared and field not in UNUSED and field != "model_type" and _is_plain(value)
    }


def model_of(document: dict[str, Any], masked: bool) -> dict[str, Any]:
    """The checked config of a checkpoint's config.json: all fields of its kind, so that later defaults change nothing.

    `masked` tells whether the weights hold the vector that stands for masked steps. Only training uses it: whether a
    network has it follows the weights, and nothing is masked or dropped. Raises EmozooError.
    """
    kind = document["model_type"]
    try:
        defaults = declared(kind)
    except Exception as error:  # noqa: BLE001 - transformers may raise anything
        raise EmozooError(f"transformers cannot make a config of a {kind}: {one_line(error)}") from error
    model: dict[str, Any] = {"model_type": kind}
    for field, default in defaults.items():
        value = document.get(field, default)
        value = default if value is None else value  # older versions wrote null for what they did not use
        model[field] = list(value) if isinstance(value, tuple) else value
    if "mask_time_prob" in model and kind != "whisper":  # whose mask has no vector
        model |= {"mask_time_prob": 0.05 if masked else 0.0, "mask_feature_prob": 0.0}
    model |= {
        field: unused
        for field, unused in (("apply_spec_augment", False), ("layerdrop", 0.0), ("encoder_layerdrop", 0.0))
        if field in model
    }
    try:
        check_model(model)
        check_convolutions(model)
    except ValueError as error:
        raise EmozooError(f"its config.json cannot be used: {error}") from error
    return model


def extractor_of(found: dict[str, Any] | None, model: dict[str, Any]) -> dict[str, Any]:
    """The checked fields of a checkpoint's feature extractor; `found` is its JSON. Raises EmozooError."""
    kind = model["model_type"]
    wanted = OWN_EXTRACTOR.get(kind, WAVEFORM)
    if found is None:
        if model.get("feat_extract_norm") != "layer":
            raise EmozooError(
                "it has no preprocessor_config.json, so nobody can tell how its sound was prepared; "
                "ask its author to add the one that it was trained with"
            )
        found = {}  # encoders with this norm were all trained on normalised sound (Baevski et al. 2020)
    rate = found.get("sampling_rate", SAMPLING_RATE)
    if rate != SAMPLING_RATE:
        raise EmozooError(
            f"it takes sound of {ascii(rate)[:20]} Hz; emozoo's is {SAMPLING_RATE} Hz: choose a model that takes that"
        )
    named = found.get("feature_extractor_type", wanted)
    if named != wanted:
        raise EmozooError(f"its feature extractor is {ascii(named)[:60]}; of a {kind}, emozoo knows {wanted} only")
    extractor = {"feature_extractor_type": wanted}
    extractor |= {field: found.get(field, default) for field, (default, _, _) in EXTRACTORS[wanted].items()}
    try:
        check_extractor(extractor, kind)
    except ValueError as error:
        raise EmozooError(f"its preprocessor_config.json cannot be used: {error}") from error
    return extractor


def takes_seconds(extractor: dict[str, Any]) -> float:
    """The longest sound that a feature extractor does not cut, in seconds; infinity where it cuts none."""
    kind = extractor["feature_extractor_type"]
    if kind == WHISPER:
        return float(extractor["chunk_length"])
    return extractor["max_length"] / 100 if kind == AST else math.inf  # a frame each 10 ms


def transformers_config(model: dict[str, Any]) -> Any:
    """transformers' config object. Raises ValueError for a kind or for values that it refuses."""
    import transformers

    kind = model["model_type"]
    if kind not in transformers.CONFIG_MAPPING:
        raise ValueError(f"model_type is {kind!r}, which transformers {transformers.__version__} does not know")
    if strangers := sorted(model.keys() - declared(kind).keys() - {"model_type"}):
        raise ValueError(f"model: a {kind} has no {strangers[0]} in transformers {transformers.__version__}")
    try:
        return transformers.CONFIG_MAPPING[kind](**{key: value for key, value in model.items() if key != "model_type"})
    except Exception as error:  # noqa: BLE001 - transformers may raise anything for unexpected values
        raise ValueError(f"model: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """An error's text on one line, not too long."""
    return " ".join(str(error).split())[:200]


def _is_plain(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) <= LONGEST_LIST and all(_is_plain(item) and not isinstance(item, list) for item in value)
    if isinstance(value, str):
        return bool(WORD.fullmatch(value))
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, int) and abs(value) <= LARGEST


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, int) and not isinstance(item, bool) and item > 0 for item in value)
    )
