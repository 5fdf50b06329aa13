"""CNN+RNN+3DCNN: the audio through CNN+RNN, the frames through 3-D convolutions."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.architecture import Architecture
from emozoo.features import FRAMES, HEIGHT, WIDTH, FrameScaling, check_config
from emozoo_singh_fang.family import CITATION, FOUR, THREE, ConvsAndRecurrence, RecurrentConfig, published, recipe


@dataclass(frozen=True)
class CnnRnn3dCnnConfig(RecurrentConfig):
    """The sizes of the network; the defaults are the publication's tables."""

    video_filters: tuple[int, ...] = (16, 32, 64, 128)
    """Of each 3x3x3 convolution over the frames, at most 4; a ReLU follows each, a max pool each but the last."""
    video_linear: int = 256
    embedding: int = 64
    """Features in which each branch ends."""
    linear: int = 64
    dropout: float = 0.2
    branches: str = "both"
    """Which are used: `both`, or `audio` or `video` alone, to see what the other adds."""
    contrastive_margin: float = 1.0
    """Distance, 2 at most, to which pretraining pushes the audio and the frames of different clips apart."""

    def __post_init__(self) -> None:
        sizes = ("filters", "kernels", "hidden", "layers", "video_filters", "video_linear", "embedding", "linear")
        check_config(self, sizes=sizes, shares=("recurrent_dropout", "dropout"))
        if not 1 <= len(self.video_filters) <= 4:  # the frames are too small for a fifth
            raise ValueError(f"video_filters must name 1 to 4 convolutions, not {len(self.video_filters)}")
        if self.branches not in ("both", "audio", "video"):
            raise ValueError(f"branches must be both, audio or video, not {self.branches!r}")
        if not 0 < self.contrastive_margin <= 2:
            raise ValueError(f"contrastive_margin must be above 0 and at most 2, not {self.contrastive_margin!r}")


class AudioBranch(ConvsAndRecurrence):
    """CNN+RNN without its classifier: waveform float32 [batch, samples] -> [batch, embedding]."""

    def __init__(self, config: CnnRnn3dCnnConfig) -> None:
        super().__init__(config)
        self.embedding = nn.Linear(2 * config.hidden, config.embedding)

    def forward(self, input_values: Tensor) -> Tensor:
        return self.embedding(self.summarised(input_values))


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
    """Waveform float32 [batch, samples] and frames uint8 [batch, 20, 60, 100, 3] -> logits [batch, labels]."""

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
        audio = [self.audio(input_values)] if self.audio is not None else []
        video = [self.video(pixel_values)] if self.video is not None else []
        return self.classifier(torch.cat(audio + video, dim=1))

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
    """Pulls the audio and the frames of one clip together and pushes those of different clips apart.

    `audio`, `video`: [batch, features], scaled to unit length here; d is their Euclidean distance, 0 to 2.
    `labels`: [batch]. The loss is the margin loss of Hadsell, Chopra and LeCun (2006), as Korbar, Tran and Torresani
    (2018) use it between audio and frames:

        mean of d^2 over the pairs of one clip
        + 1/2 mean of max(margin - d, 0)^2 over pairs of clips with different emotions (hard negatives)
        + 1/2 mean of max(margin - d, 0)^2 over pairs of different clips with the same emotion (super-hard negatives)

    Each kind has its own mean, so that the kinds have equal weights however many pairs a batch holds. The mean of no pairs
    is 0.
    """
    audio, video = F.normalize(audio.float()), F.normalize(video.float())
    squared = (audio[:, None] - video[None]).square().sum(2)  # [batch, batch]
    near = (margin - (squared + 1e-8).sqrt()).clamp(min=0).square()  # the square root has no finite gradient at 0
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
    recipe=recipe(learning_rate=3e-4),
    summary="CNN+RNN for the audio and 3-D convolutions for the frames (Singh and Fang 2020)",
    citation=CITATION,
    published=(published(FOUR, "51.94"), published(THREE, "71.75")),
    card="cnn_rnn_3dcnn.md",
)
