"""`ssl`: a pretrained speech encoder, a learned weighting of its layers, and attentive pooling.

`emozoo_ssl.network` has the network, `emozoo_ssl.backbone` the encoders. transformers is imported when a network is built.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from torch import nn

from emozoo import EmozooError
from emozoo.architecture import Architecture, Recipe
from emozoo.features import check_config
from emozoo.pretrained import pretrained_files
from emozoo_ssl.backbone import BASE, FILES, LONGEST, OPTIONAL, SHORTEST, check_spec, read_spec
from emozoo_ssl.network import SslNetwork

DEFAULT = "hub:facebook/hubert-base-ls960"
"""HuBERT is the usual choice for emotion among encoders under the Apache licence that fit a small GPU."""
FREEZE = ("all", "convolutions", "none", "lora")
HIGHEST_RANK = 256


@dataclass(frozen=True)
class SslConfig:
    """The encoder and the sizes of the network."""

    backbone: str = DEFAULT
    """The encoder: `hub:user/name[@revision]`, or a folder. A checkpoint records its name and, from the Hub, the commit."""
    backbone_config: dict[str, Any] = dataclasses.field(default_factory=dict)
    """The encoder's own config, which is recorded when a training starts: not set by hand."""
    freeze: Literal["all", "convolutions", "none", "lora"] = "all"
    """What is not trained: the whole encoder, its convolutions only, or nothing. `lora` trains an adapter beside the frozen
    encoder."""
    rank: int = 16
    """Of the adapter's matrices (Hu et al. 2021)."""
    pooling: Literal["statistics", "attention"] = "statistics"
    """Attentive pooling over time: mean and deviation (Okabe et al. 2018), or the mean alone."""
    hidden: int = 256
    """Features between the encoder and the pooling."""
    dropout: float = 0.2
    backbone_learning_rate: float = 1e-5
    """The encoder's, unless it is frozen; all other layers have the recipe's `learning_rate`."""
    adapter_learning_rate: float = 3e-4
    """The adapter's, with freeze=lora."""
    layer_decay: float = 1.0
    """Each layer of the encoder, or of its adapter, has the learning rate of the layer above times this."""
    window: float = 3.0
    """Seconds that the network takes at once, from 1 to 30. A longer clip is cut into such windows; a shorter one is padded,
    and the padding is masked."""
    gradient_checkpointing: bool = False
    """Computes the encoder's activations twice instead of keeping them in memory, unless it is frozen."""

    def __post_init__(self) -> None:
        check_config(self, sizes=("hidden", "rank"), shares=("dropout",))
        for name, choices in (("freeze", FREEZE), ("pooling", ("statistics", "attention"))):
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it can be {', '.join(choices)}")
        for name in ("backbone_learning_rate", "adapter_learning_rate", "layer_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be above 0, and 1 at most, not {getattr(self, name)}")
        if self.rank > HIGHEST_RANK:
            raise ValueError(f"rank must be {HIGHEST_RANK} at most, not {self.rank}")
        if not isinstance(self.backbone, str) or not self.backbone:
            raise ValueError("backbone names no encoder: it is hub:user/name, or a folder")
        if not SHORTEST <= self.window <= LONGEST:
            raise ValueError(f"window must be from {SHORTEST:g} to {LONGEST:g} seconds, not {self.window}")
        if self.backbone_config:
            check_spec(self.backbone_config, self.window)
            if self.backbone_config["name"] != self.backbone:
                raise ValueError("backbone_config belongs to another backbone: a trained model keeps its own")


def prepare(config: SslConfig) -> SslConfig:
    """The config with the encoder's config. Raises EmozooError if the encoder is missing or of an unknown kind."""
    if config.backbone_config:
        raise EmozooError("backbone_config is what emozoo records of a backbone: leave it out, and name the backbone")
    folder, name = pretrained_files(config.backbone, FILES, OPTIONAL)
    return dataclasses.replace(config, backbone=name, backbone_config=read_spec(folder, name, config.window))


def adopt(config: SslConfig, reference: str) -> SslConfig:
    """The config that takes the encoder of a checkpoint of transformers. Raises EmozooError where another is named, too."""
    if config.backbone != DEFAULT:
        raise EmozooError("an encoder is named by --from or by --set backbone, not by both: leave one of them out")
    return dataclasses.replace(config, backbone=reference)


def build(config: SslConfig, num_labels: int) -> nn.Module:
    """The network with fresh weights; for a config that was not prepared, with the default encoder's size."""
    if not config.backbone_config:
        if config.backbone != DEFAULT:
            raise ValueError(f"the backbone {config.backbone} was not looked up: prepare(config) does that")
        config = dataclasses.replace(config, backbone_config={**BASE, "name": DEFAULT})
    return SslNetwork(config, num_labels)


architecture = Architecture(
    name="ssl",
    modalities=("audio",),
    config=SslConfig,
    build=build,
    prepare=prepare,
    adopt=adopt,
    recipe=Recipe(
        epochs=15,
        batch_size=16,
        learning_rate=1e-3,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        shift=0.2,
    ),
    summary="A pretrained speech encoder (wav2vec 2.0, HuBERT, WavLM, data2vec, Whisper) and attentive pooling",
    citation=(
        "The encoder's own: wav2vec 2.0, Baevski et al. 2020, arXiv 2006.11477; HuBERT, Hsu et al. 2021, arXiv 2106.07447; "
        "WavLM, Chen et al. 2022, arXiv 2110.13900; data2vec, Baevski et al. 2022, arXiv 2202.03555; Whisper, Radford et "
        "al. 2022, arXiv 2212.04356. Weighted layers: Yang et al., SUPERB, 2021, arXiv 2105.01051. Pooling: Okabe, "
        "Koshinaka and Shinoda 2018, arXiv 1803.10963. LoRA: Hu et al. 2021, arXiv 2106.09685."
    ),
    card="card.md",
    lengths=True,
)
