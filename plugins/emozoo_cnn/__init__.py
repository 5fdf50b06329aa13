"""The CNN of Singh and Fang (2020): a spectrogram, three convolutions and a small classifier."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from emozoo.architecture import Architecture, Recipe
from emozoo.features import LogSpectrogram, SpectrogramConvs, check_config


@dataclass(frozen=True)
class CnnConfig:
    """The sizes of the network; the defaults are the publication's tables."""

    filters: tuple[int, ...] = (16, 24, 24)
    """Of each convolution; a ReLU and a max pool 2/2 follow each."""
    kernels: tuple[tuple[int, int], ...] = ((12, 16), (8, 12), (5, 7))
    """Rows and columns of each convolution's filters."""
    linear: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_config(self, sizes=("filters", "kernels", "linear"), shares=("dropout",))


class Cnn(nn.Module):
    """Waveform float32 [batch, 48000] -> logits [batch, labels]."""

    def __init__(self, config: CnnConfig, num_labels: int) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram()
        self.convs = SpectrogramConvs(config.filters, config.kernels)
        channels, rows, columns = self.convs.map_shape
        self.classifier = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                linear=nn.Linear(channels * rows * columns, config.linear),
                relu=nn.ReLU(),
                dropout=nn.Dropout(config.dropout),
                output=nn.Linear(config.linear, num_labels),
            )
        )

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.classifier(self.convs(self.spectrogram(input_values)))


architecture = Architecture(
    name="cnn",
    modalities=("audio",),
    config=CnnConfig,
    build=Cnn,
    recipe=Recipe(
        epochs=20,
        batch_size=16,
        learning_rate=3e-4,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        ema_decay=0.98,
        noise=0.5,
        shift=0.2,
        time_mask=30,
        freq_mask=20,
    ),
    summary="Three convolutions over the spectrogram (Singh and Fang 2020)",
    citation="""@article{singh2020emotion,
  title   = {Emotion Recognition in Audio and Video Using Deep Neural Networks},
  author  = {Singh, Mandeep and Fang, Yuan},
  journal = {arXiv preprint arXiv:2006.08129},
  year    = {2020}
}""",
    published=(
        "IEMOCAP, happy, sad, angry, neutral: accuracy 52.23 % (Singh and Fang 2020, random split)",
        "IEMOCAP, happy, sad, angry, neutral, with augmentation: accuracy 51.90 % (Singh and Fang 2020, random split)",
    ),
    card="card.md",
)
