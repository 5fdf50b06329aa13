"""The CNN+LSTM of Singh and Fang (2020): three convolutions over the spectrogram and an LSTM along time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from emozoo.architecture import Architecture, Recipe
from emozoo.features import LogSpectrogram, RecurrentSummary, SpectrogramConvs, check_config


@dataclass(frozen=True)
class CnnLstmConfig:
    """The sizes of the network; the defaults are the publication's tables."""

    filters: tuple[int, ...] = (16, 24, 24)
    """Of each convolution; a ReLU and a max pool 2/2 follow each."""
    kernels: tuple[tuple[int, int], ...] = ((12, 16), (8, 12), (5, 7))
    """Rows and columns of each convolution's filters."""
    sequence: str = "time"
    """What the LSTM reads: `time`, the map's columns in turn, or `flat`, the whole map as a single step."""
    hidden: int = 128
    """Features of the LSTM in each direction."""
    layers: int = 2
    recurrent_dropout: float = 0.1
    """Between the LSTM's layers."""
    linear: int = 64
    dropout: float = 0.2

    def __post_init__(self) -> None:
        sizes = ("filters", "kernels", "hidden", "layers", "linear")
        check_config(self, sizes=sizes, shares=("recurrent_dropout", "dropout"))


class CnnLstm(nn.Module):
    """Waveform float32 [batch, 48000] -> logits [batch, labels]."""

    def __init__(self, config: CnnLstmConfig, num_labels: int) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram()
        self.convs = SpectrogramConvs(config.filters, config.kernels)
        self.summary = RecurrentSummary(
            nn.LSTM, self.convs.map_shape, config.hidden, config.layers, config.recurrent_dropout, config.sequence
        )
        self.classifier = nn.Sequential(
            OrderedDict(
                linear=nn.Linear(2 * config.hidden, config.linear),
                relu=nn.ReLU(),
                dropout=nn.Dropout(config.dropout),
                output=nn.Linear(config.linear, num_labels),
            )
        )

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.classifier(self.summary(self.convs(self.spectrogram(input_values))))


architecture = Architecture(
    name="cnn_lstm",
    modalities=("audio",),
    config=CnnLstmConfig,
    build=CnnLstm,
    recipe=Recipe(
        epochs=20,
        batch_size=16,
        learning_rate=1e-3,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        ema_decay=0.98,
        noise=0.5,
        shift=0.2,
        time_mask=30,
        freq_mask=20,
    ),
    summary="Three convolutions and a bidirectional LSTM along time (Singh and Fang 2020)",
    citation="""@article{singh2020emotion,
  title   = {Emotion Recognition in Audio and Video Using Deep Neural Networks},
  author  = {Singh, Mandeep and Fang, Yuan},
  journal = {arXiv preprint arXiv:2006.08129},
  year    = {2020}
}""",
    published=(
        "IEMOCAP, happy, sad, angry, neutral: accuracy 39.77 % (Singh and Fang 2020, random split)",
        "IEMOCAP, happy, sad, angry, neutral, with augmentation: accuracy 39.65 % (Singh and Fang 2020, random split)",
    ),
    card="card.md",
)
