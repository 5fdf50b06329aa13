"""CNN: a spectrogram, three convolutions and a small classifier."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.features import LogSpectrogram, SpectrogramConvs, check_config
from emozoo_singh_fang.family import CITATION, FOUR, ConvsConfig, classifier, published, recipe


@dataclass(frozen=True)
class CnnConfig(ConvsConfig):
    """The sizes of the network; the defaults are the publication's tables."""

    linear: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_config(self, sizes=("filters", "kernels", "linear"), shares=("dropout",))


class Cnn(nn.Module):
    """Waveform float32 [batch, samples] -> logits [batch, labels]."""

    def __init__(self, config: CnnConfig, num_labels: int) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram(config.window)
        self.convs = SpectrogramConvs(config.filters, config.kernels, config.window)
        channels, rows, columns = self.convs.map_shape
        layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
        layers.update(classifier(channels * rows * columns, config.linear, config.dropout, num_labels))
        self.classifier = nn.Sequential(layers)

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.classifier(self.convs(self.spectrogram(input_values)))


architecture = Architecture(
    name="cnn",
    modalities=("audio",),
    config=CnnConfig,
    build=Cnn,
    recipe=recipe(learning_rate=3e-4),
    summary="Three convolutions over the spectrogram (Singh and Fang 2020)",
    citation=CITATION,
    published=(published(FOUR, "52.23"), published(FOUR, "51.90", ", with augmentation")),
    card="cnn.md",
)
