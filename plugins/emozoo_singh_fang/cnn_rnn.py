"""CNN+RNN: three convolutions over the spectrogram, and a tanh RNN along time."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.features import check_config
from emozoo_singh_fang.family import (
    CITATION,
    FOUR,
    THREE,
    ConvsAndRecurrence,
    RecurrentConfig,
    classifier,
    published,
    recipe,
)


@dataclass(frozen=True)
class CnnRnnConfig(RecurrentConfig):
    """The sizes of the network; the defaults are the publication's tables."""

    linear: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        sizes = ("filters", "kernels", "hidden", "layers", "linear")
        check_config(self, sizes=sizes, shares=("recurrent_dropout", "dropout"))


class CnnRnn(ConvsAndRecurrence):
    """Waveform float32 [batch, samples] -> logits [batch, labels]."""

    def __init__(self, config: CnnRnnConfig, num_labels: int) -> None:
        super().__init__(config)
        self.classifier = nn.Sequential(classifier(2 * config.hidden, config.linear, config.dropout, num_labels))

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.classifier(self.summarised(input_values))


architecture = Architecture(
    name="cnn_rnn",
    modalities=("audio",),
    config=CnnRnnConfig,
    build=CnnRnn,
    recipe=recipe(learning_rate=1e-3),
    summary="Three convolutions and a bidirectional RNN along time (Singh and Fang 2020)",
    citation=CITATION,
    published=(published(FOUR, "54.00"), published(THREE, "70.25")),
    card="cnn_rnn.md",
)
