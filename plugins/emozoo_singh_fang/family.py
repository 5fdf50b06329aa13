"""What the four networks share: the publication, the recipe, the convolutions over the spectrogram and the recurrence."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from emozoo.architecture import Recipe
from emozoo.features import LogSpectrogram, RecurrentSummary, SpectrogramConvs

CITATION = """@article{singh2020emotion,
  title   = {Emotion Recognition in Audio and Video Using Deep Neural Networks},
  author  = {Singh, Mandeep and Fang, Yuan},
  journal = {arXiv preprint arXiv:2006.08129},
  year    = {2020}
}"""
FOUR = "happy, sad, angry, neutral"
THREE = "sad, angry, neutral"


def published(emotions: str, accuracy: str, how: str = "") -> str:
    """A line for a result of the publication: the accuracy in %, `how` as in `, with augmentation`."""
    return f"IEMOCAP, {emotions}{how}: accuracy {accuracy} % (Singh and Fang 2020, random split)"


def recipe(learning_rate: float) -> Recipe:
    """emozoo's recipe; each network's card has the published one."""
    return Recipe(
        epochs=20,
        batch_size=16,
        learning_rate=learning_rate,
        schedule="cosine",
        warmup=0.1,
        label_smoothing=0.1,
        ema_decay=0.98,
        noise=0.5,
        shift=0.2,
        time_mask=30,
        freq_mask=20,
    )


@dataclass(frozen=True)
class ConvsConfig:
    """The convolutions over the spectrogram; the defaults are the publication's tables."""

    filters: tuple[int, ...] = (16, 24, 24)
    """Of each convolution; a ReLU and a max pool 2/2 follow each."""
    kernels: tuple[tuple[int, int], ...] = ((12, 16), (8, 12), (5, 7))
    """Rows and columns of each convolution's filters."""
    window: float = 3.0
    """Seconds that the network sees at once."""


@dataclass(frozen=True)
class RecurrentConfig(ConvsConfig):
    """The convolutions, and the recurrent layers behind them."""

    sequence: str = "time"
    """What the recurrent layers take: `time`, the map's columns in turn, or `flat`, the whole map as a single step."""
    hidden: int = 128
    """Features of a recurrent layer in each direction."""
    layers: int = 2
    recurrent_dropout: float = 0.1
    """Between the recurrent layers."""


class ConvsAndRecurrence(nn.Module):
    """Waveform float32 [batch, samples] -> [batch, 2 * hidden], by `summarised`."""

    cell: ClassVar[type[nn.RNN | nn.LSTM]] = nn.RNN

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram(config.window)
        self.convs = SpectrogramConvs(config.filters, config.kernels, config.window)
        self.summary = RecurrentSummary(
            self.cell, self.convs.map_shape, config.hidden, config.layers, config.recurrent_dropout, config.sequence
        )

    def summarised(self, input_values: Tensor) -> Tensor:
        return self.summary(self.convs(self.spectrogram(input_values)))


def classifier(features: int, linear: int, dropout: float, num_labels: int) -> OrderedDict[str, nn.Module]:
    """The layers from features to logits."""
    return OrderedDict(
        linear=nn.Linear(features, linear),
        relu=nn.ReLU(),
        dropout=nn.Dropout(dropout),
        output=nn.Linear(linear, num_labels),
    )
