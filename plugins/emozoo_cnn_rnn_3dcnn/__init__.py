"""The CNN+RNN+3DCNN of Singh and Fang (2020): the sound through CNN+RNN, the frames through 3-D convolutions."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Architecture, Recipe
from emozoo.features import (
    FRAMES,
    HEIGHT,
    WIDTH,
    FrameScaling,
    LogSpectrogram,
    RecurrentSummary,
    SpectrogramConvs,
    check_config,
)


@dataclass(frozen=True)
class CnnRnn3dCnnConfig:
    """The sizes of the network; the defaults are the publication's tables."""

    filters: tuple[int, ...] = (16, 24, 24)
    """Of each convolution over the spectrogram; a ReLU and a max pool 2/2 follow each."""
    kernels: tuple[tuple[int, int], ...] = ((12, 16), (8, 12), (5, 7))
    """Rows and columns of each convolution's filters."""
    sequence: str = "time"
    """What the RNN reads: `time`, the map's columns in turn, or `flat`, the whole map as a single step."""
    hidden: int = 128
    """Features of the RNN in each direction."""
    layers: int = 2
    recurrent_dropout: float = 0.1
    """Between the RNN's layers."""
    video_filters: tuple[int, ...] = (16, 32, 64, 128)
    """Of each 3x3x3 convolution over the frames, at most 4; a ReLU follows each, a max pool each but the last."""
    video_linear: int = 256
    embedding: int = 64
    """Features in which each branch ends."""
    linear: int = 64
    dropout: float = 0.2
    branches: str = "both"
    """What is read: `both`, or `audio` or `video` alone, to see what the other adds."""
    contrastive_margin: float = 1.0
    """Distance, 2 at most, to which pretraining pushes the sound and the frames of different clips apart."""

    def __post_init__(self) -> None:
        sizes = ("filters", "kernels", "hidden", "layers", "video_filters", "video_linear", "embedding", "linear")
        check_config(self, sizes=sizes, shares=("recurrent_dropout", "dropout"))
        if not 1 <= len(self.video_filters) <= 4:  # a fifth convolution would find no frame left to cover
            raise ValueError(f"video_filters must name 1 to 4 convolutions, not {len(self.video_filters)}")
        if self.branches not in ("both", "audio", "video"):
            raise ValueError(f"branches must be both, audio or video, not {self.branches!r}")
        if not 0 < self.contrastive_margin <= 2:
            raise ValueError(f"contrastive_margin must be above 0 and at most 2, not {self.contrastive_margin!r}")


class AudioBranch(nn.Module):
    """CNN+RNN without its classifier: waveform float32 [batch, 48000] -> [batch, embedding]."""

    def __init__(self, config: CnnRnn3dCnnConfig) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram()
        self.convs = SpectrogramConvs(config.filters, config.kernels)
        self.summary = RecurrentSummary(
            nn.RNN, self.convs.map_shape, config.hidden, config.layers, config.recurrent_dropout, config.sequence
        )
        self.embedding = nn.Linear(2 * config.hidden, config.embedding)

    def forward(self, input_values: Tensor) -> Tensor:
        return self.embedding(self.summary(self.convs(self.spectrogram(input_values))))


class VideoBranch(nn.Module):
    """3-D convolutions: frames uint8 [batch, 20, 60, 100, 3] -> [batch, embedding]."""

    def __init__(self, config: CnnRnn3dCnnConfig) -> None:
        super().__init__()
        self.scaling = FrameScaling()
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels, frames, height, width = 3, FRAMES, HEIGHT, WIDTH
        for number, count in enumerate(config.video_filters, start=1):
            layers[f"conv{number}"] = nn.Conv3d(channels, count, 3)
            layers[f"relu{number}"] = nn.ReLU()
            channels, frames, height, width = count, frames - 2, height - 2, width - 2
            if number < len(config.video_filters):
                layers[f"pool{number}"] = nn.MaxPool3d((1, 3, 3), stride=(1, 2, 2))
                height, width = (height - 1) // 2, (width - 1) // 2
        self.convs = nn.Sequential(layers)
        self.head = nn.Sequential(
            OrderedDict(
                flatten=nn.Flatten(),
                linear=nn.Linear(channels * frames * height * width, config.video_linear),
                relu=nn.ReLU(),
                dropout=nn.Dropout(config.dropout),
                embedding=nn.Linear(config.video_linear, config.embedding),
            )
        )

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.head(self.convs(self.scaling(pixel_values)))


class CnnRnn3dCnn(nn.Module):
    """Waveform float32 [batch, 48000] and frames uint8 [batch, 20, 60, 100, 3] -> logits [batch, labels]."""

    def __init__(self, config: CnnRnn3dCnnConfig, num_labels: int) -> None:
        super().__init__()
        self.contrastive_margin = config.contrastive_margin
        self.audio = AudioBranch(config) if config.branches != "video" else None
        self.video = VideoBranch(config) if config.branches != "audio" else None
        embeddings = 2 if config.branches == "both" else 1
        self.classifier = nn.Sequential(
            OrderedDict(
                linear=nn.Linear(embeddings * config.embedding, config.linear),
                relu=nn.ReLU(),
                output=nn.Linear(config.linear, num_labels),
            )
        )

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        if pixel_values is None:
            raise ValueError("cnn_rnn_3dcnn needs video: pixel_values is missing")
        heard = [self.audio(input_values)] if self.audio is not None else []
        seen = [self.video(pixel_values)] if self.video is not None else []
        return self.classifier(torch.cat(heard + seen, dim=1))

    def pretrain_loss(self, input_values: Tensor, pixel_values: Tensor, labels: Tensor) -> Tensor:
        """The contrastive loss of a batch, a scalar, which trains both branches and leaves the classifier alone.

        Raises ValueError where the config leaves out a branch.
        """
        if self.audio is None or self.video is None:
            raise ValueError("pretraining needs both branches")
        return contrastive_loss(
            self.audio(input_values), self.video(pixel_values), labels, margin=self.contrastive_margin
        )


def contrastive_loss(audio: Tensor, video: Tensor, labels: Tensor, *, margin: float) -> Tensor:
    """Pulls the sound and the frames of one clip together and pushes those of different clips apart.

    `audio`, `video`: [batch, features], scaled to unit length here; d is their Euclidean distance, 0 to 2.
    `labels`: [batch]. The loss is the margin loss of Hadsell, Chopra and LeCun (2006), as Korbar, Tran and Torresani
    (2018) use it between sound and frames:

        mean of d^2 over the pairs of one clip
        + 1/2 mean of max(margin - d, 0)^2 over pairs of clips with different emotions (hard negatives)
        + 1/2 mean of max(margin - d, 0)^2 over pairs of different clips with the same emotion (super-hard negatives)

    Each kind has its own mean, so that the kinds weigh alike however many pairs a batch holds; one without pairs counts
    as 0.
    """
    audio, video = F.normalize(audio.float()), F.normalize(video.float())
    squared = (audio[:, None] - video[None]).square().sum(2)  # [batch, batch]
    near = (margin - (squared + 1e-8).sqrt()).clamp(min=0).square()  # the square root has no slope at 0
    same_clip = torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    same_emotion = labels[:, None] == labels[None]

    def mean(values: Tensor, pairs: Tensor) -> Tensor:
        return (values * pairs).sum() / pairs.sum().clamp(min=1)

    hard, super_hard = mean(near, ~same_emotion), mean(near, same_emotion & ~same_clip)
    return mean(squared, same_clip) + (hard + super_hard) / 2


architecture = Architecture(
    name="cnn_rnn_3dcnn",
    modalities=("audio", "video"),
    config=CnnRnn3dCnnConfig,
    build=CnnRnn3dCnn,
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
    summary="CNN+RNN for the sound and 3-D convolutions for the frames (Singh and Fang 2020)",
    citation="""@article{singh2020emotion,
  title   = {Emotion Recognition in Audio and Video Using Deep Neural Networks},
  author  = {Singh, Mandeep and Fang, Yuan},
  journal = {arXiv preprint arXiv:2006.08129},
  year    = {2020}
}""",
    published=(
        "IEMOCAP, happy, sad, angry, neutral: accuracy 51.94 % (Singh and Fang 2020, random split)",
        "IEMOCAP, sad, angry, neutral: accuracy 71.75 % (Singh and Fang 2020, random split)",
    ),
    card="card.md",
)
