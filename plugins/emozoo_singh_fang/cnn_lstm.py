"""CNN+LSTM: CNN+RNN with an LSTM in place of the RNN."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from emozoo.architecture import Architecture
from emozoo_singh_fang.cnn_rnn import CnnRnn, CnnRnnConfig
from emozoo_singh_fang.family import CITATION, FOUR, published, recipe


@dataclass(frozen=True)
class CnnLstmConfig(CnnRnnConfig):
    """The sizes of the network; the defaults are the publication's tables."""


class CnnLstm(CnnRnn):
    """Waveform float32 [batch, samples] -> logits [batch, labels]."""

    cell = nn.LSTM


architecture = Architecture(
    name="cnn_lstm",
    modalities=("audio",),
    config=CnnLstmConfig,
    build=CnnLstm,
    recipe=recipe(learning_rate=1e-3),
    summary="Three convolutions and a bidirectional LSTM along time (Singh and Fang 2020)",
    citation=CITATION,
    published=(published(FOUR, "39.77"), published(FOUR, "39.65", ", with augmentation")),
    card="cnn_lstm.md",
)
