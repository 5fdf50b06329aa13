"""Checkpoints in the layouts of other libraries, with tiny random weights, and what their networks answer. No test itself.

The layouts are those of the published files: 3loi/SER-Odyssey-Baseline-WavLM-*, speechbrain/emotion-recognition-wav2vec2-
IEMOCAP and audEERING's w2v2-L-robust-12 for audonnx.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from safetensors.torch import save_file
from torch.nn import functional as F
from transformers import HubertConfig, HubertModel, Wav2Vec2Config, Wav2Vec2Model, WavLMConfig, WavLMModel

from support.onnx_files import sound_graph

ENCODERS = {
    "wavlm": (WavLMConfig, WavLMModel),
    "wav2vec2": (Wav2Vec2Config, Wav2Vec2Model),
    "hubert": (HubertConfig, HubertModel),
}
MSP = ("Angry", "Sad", "Happy", "Surprise", "Fear", "Disgust", "Contempt", "Neutral")
ATTRIBUTES = ("arousal", "dominance", "valence")
MEAN, DEVIATION = -8.278621631819787e-05, 0.08485510250851999
"""As the categorical baseline's config.json has them."""
HYPERPARAMS = """
# Model: WAV2VEC base for Emotion Recognition
HPARAMS_NEEDED: ["encoder_dim", "out_n_neurons", "label_encoder", "softmax"]
MODULES_NEEDED: ["wav2vec2", "avg_pool", "output_mlp"]
wav2vec2_hub: {encoder}
pretrained_path: speechbrain/emotion-recognition-wav2vec2-IEMOCAP
encoder_dim: 32
out_n_neurons: 4
wav2vec2: !new:speechbrain.lobes.models.huggingface_wav2vec.HuggingFaceWav2Vec2
    source: !ref <wav2vec2_hub>
    output_norm: True
    freeze: True
    save_path: wav2vec2_checkpoints
avg_pool: !new:speechbrain.nnet.pooling.StatisticsPooling
    return_std: False
output_mlp: !new:speechbrain.nnet.linear.Linear
    input_size: !ref <encoder_dim>
    n_neurons: !ref <out_n_neurons>
    bias: False
model: !new:torch.nn.ModuleList
    - [!ref <output_mlp>]
modules:
    wav2vec2: !ref <wav2vec2>
    output_mlp: !ref <output_mlp>
    avg_pool: !ref <avg_pool>
softmax: !new:speechbrain.nnet.activations.Softmax
label_encoder: !new:speechbrain.dataio.encoder.CategoricalEncoder
pretrainer: !new:speechbrain.utils.parameter_transfer.Pretrainer
    loadables:
        wav2vec2: !ref <wav2vec2>
        model: !ref <model>
        label_encoder: !ref <label_encoder>
    paths:
        wav2vec2: !ref <pretrained_path>/wav2vec2.ckpt
        model: !ref <pretrained_path>/model.ckpt
        label_encoder: !ref <pretrained_path>/label_encoder.txt
"""


def encoder(kind: str, large: bool, **fields: Any) -> Any:
    """A tiny encoder that is built as the published ones: with a norm in each convolution and before each layer where
    `large`."""
    make_config, make = ENCODERS[kind]
    sizes = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 16, "intermediate_size": 48,
        "conv_dim": [16] * 7, "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 4,
        "feat_extract_norm": "layer" if large else "group", "do_stable_layer_norm": large, "conv_bias": large,
    }  # fmt: skip
    model = make(make_config(**(sizes | fields))).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():  # so that clips differ
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model


def normal(*sizes: int, seed: int) -> torch.Tensor:
    return 0.3 * torch.randn(sizes, generator=torch.Generator().manual_seed(seed))


def save_odyssey(
    folder: Path, labels: tuple[str, ...] = MSP, layers: int = 1, large: bool = True, **config: Any
) -> Any:
    """A baseline of the Odyssey 2024 challenge: gives a function from a sound float32 [samples] to its outputs."""
    ssl = encoder("wavlm", large)
    head = {"pool_model.sap_linear.weight": normal(32, 32, seed=1), "pool_model.sap_linear.bias": normal(32, seed=2)}
    head["pool_model.attention"] = normal(32, 1, seed=3)
    for layer in range(layers):
        name, taken = f"ser_model.fc.{layer}", 24 if layer else 64
        head |= {f"{name}.0.weight": normal(24, taken, seed=10 + layer), f"{name}.0.bias": normal(24, seed=20 + layer)}
        head |= {f"{name}.1.weight": 1 + normal(24, seed=30 + layer), f"{name}.1.bias": normal(24, seed=40 + layer)}
    head |= {
        "ser_model.out.0.weight": 3 * normal(len(labels), 24, seed=5),
        "ser_model.out.0.bias": normal(len(labels), seed=6),
    }
    save_file(
        {f"ssl_model.{key}": value for key, value in ssl.state_dict().items()} | head, folder / "model.safetensors"
    )
    document = {
        "architectures": ["SERModel"],
        "auto_map": {
            "AutoConfig": "pipeline_utils.SERConfig",
            "AutoModelForAudioClassification": "pipeline_utils.SERModel",
        },
        "classifier_dropout_prob": 0.5,
        "classifier_hidden_layers": layers,
        "hidden_size": 32,
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "mean": MEAN,
        "model_type": "ser",
        "num_classes": len(labels),
        "sampling_rate": 16_000,
        "ssl_type": "microsoft/wavlm-large",
        "std": DEVIATION,
        "torch_dtype": "float32",
    }
    (folder / "config.json").write_text(json.dumps(document | config))

    def answer(sound: np.ndarray) -> np.ndarray:
        given = (torch.from_numpy(sound)[None] - MEAN) / (DEVIATION + 0.000001)
        states = ssl(given, attention_mask=torch.ones_like(given)).last_hidden_state[0]
        hidden = F.linear(states, head["pool_model.sap_linear.weight"], head["pool_model.sap_linear.bias"]).tanh()
        share = (hidden @ head["pool_model.attention"]).softmax(0)
        mean = (share * states).sum(0)
        deviation = ((share * states**2).sum(0) - mean**2).clamp(min=1e-5).sqrt()
        x = torch.cat([mean, deviation])
        for layer in range(layers):
            weights = [head[f"ser_model.fc.{layer}.{part}"] for part in ("0.weight", "0.bias", "1.weight", "1.bias")]
            x = F.layer_norm(F.linear(x, *weights[:2]), (24,), *weights[2:]).relu()
        return F.linear(x, head["ser_model.out.0.weight"], head["ser_model.out.0.bias"]).numpy()

    return torch.inference_mode()(answer)


def save_speechbrain(
    folder: Path,
    kind: str = "wav2vec2",
    name: str = "facebook/wav2vec2-base",
    text: str = HYPERPARAMS,
    prefix: str = "model.",
) -> Any:
    """SpeechBrain's emotion recipe: gives a function from a sound float32 [samples] to its logits."""
    model = encoder(kind, large=False)
    weight = 3 * normal(4, 32, seed=7)
    save_file({f"{prefix}{key}": value for key, value in model.state_dict().items()}, folder / "wav2vec2.safetensors")
    save_file({"0.w.weight": weight}, folder / "model.safetensors")
    (folder / "hyperparams.yaml").write_text(text.replace("{encoder}", name))
    (folder / "label_encoder.txt").write_text(
        "'neu' => 0\n'ang' => 1\n'hap' => 2\n'sad' => 3\n================\n'starting_index' => 0\n"
    )
    (folder / "config.json").write_text('{"speechbrain_interface": "EncoderWav2vecClassifier"}')

    def answer(sound: np.ndarray) -> np.ndarray:
        given = torch.from_numpy(sound)[None]
        states = model(F.layer_norm(given, given.shape[1:])).last_hidden_state
        return F.linear(F.layer_norm(states, states.shape[1:]).mean(1), weight)[0].numpy()

    return torch.inference_mode()(answer)


def save_audonnx(folder: Path, **fields: Any) -> None:
    """A model as audEERING's for dimensions: one clip at a time, and the hidden states beside the outputs."""
    onnx.save(sound_graph(3, batch=1, sound="signal", hidden="hidden_states"), folder / "model.onnx")
    labels = {"logits": list(ATTRIBUTES)}
    document = {"path": "model.onnx", "labels": labels, "transform": None} | fields
    text = "$audonnx.core.model.Model==0.5.1:\n" + "".join(
        f"  {key}: {json.dumps(value)}\n" for key, value in document.items()
    )
    (folder / "model.yaml").write_text(text)


def save_onnx(folder: Path, labels: str | None, outputs: int = 3, **config: Any) -> None:
    """An ONNX file with labels.txt or, without `labels`, with a config.json."""
    onnx.save(sound_graph(outputs), folder / "model.onnx")
    if labels is not None:
        (folder / "labels.txt").write_text(labels)
    if config:
        (folder / "config.json").write_text(json.dumps(config))
