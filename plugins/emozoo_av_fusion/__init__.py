"""Audio and video, or either alone: a small convolutional and recurrent branch for each, and their fusion."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emozoo.architecture import Architecture, Recipe
from emozoo.features import (
    ROWS,
    SAMPLING_RATE,
    FrameScaling,
    LogSpectrogram,
    RecurrentSummary,
    check_config,
    heard,
    seen,
)

BACKBONES = ("small", "r3d_18", "mc3_18", "r2plus1d_18")
KINETICS = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
"""Mean and deviation of red, green and blue by which torchvision's video networks were trained: VideoClassification."""


@dataclass(frozen=True)
class AvFusionConfig:
    """The sizes of the network."""

    audio_filters: tuple[int, ...] = (16, 32, 48, 64)
    """Of each convolution over the spectrogram, at most 6; each halves the map."""
    audio_hidden: int = 64
    """Features of the GRU over the spectrogram, in each direction."""
    video_backbone: str = "small"
    """The network for the frames: `small`, or torchvision's with random weights: `r3d_18`, `mc3_18`, `r2plus1d_18`."""
    video_scaling: str = "range"
    """How torchvision's networks get the values of frames: `range`, from -1 to 1, or `kinetics`, by the mean and deviation
    of the videos that their published weights were trained on."""
    video_filters: tuple[int, ...] = (16, 32, 48, 64)
    """Of each convolution of `small` over a frame, at most 4; each halves it."""
    video_hidden: int = 48
    """Features of the GRU of `small` over the frames, in each direction."""
    embedding: int = 64
    """Features of each branch's output."""
    linear: int = 64
    dropout: float = 0.2
    modality_dropout: float = 0.4
    """Probability that a clip loses its audio or its video, both equally likely, in a training step."""
    window: float = 3.0
    """Seconds that the network sees at once."""
    frames: tuple[int, int, int] = (20, 60, 100)
    """Frames in a window, their height and width in pixels. torchvision's networks were trained on 16 x 112 x 112."""

    def __post_init__(self) -> None:
        sizes = ("audio_filters", "audio_hidden", "video_filters", "video_hidden", "embedding", "linear")
        check_config(self, sizes=sizes, shares=("dropout", "modality_dropout"))
        for name, most in (("audio_filters", 6), ("video_filters", 4)):
            if not 1 <= len(getattr(self, name)) <= most:
                raise ValueError(f"{name} must name 1 to {most} convolutions, not {len(getattr(self, name))}")
        if self.video_backbone not in BACKBONES:
            raise ValueError(f"video_backbone must be {', '.join(BACKBONES)}, not {self.video_backbone!r}")
        if self.video_scaling not in ("range", "kinetics"):
            raise ValueError(f"video_scaling must be range or kinetics, not {self.video_scaling!r}")
        if self.video_scaling == "kinetics" and self.video_backbone == "small":
            raise ValueError("video_scaling is for torchvision's networks: leave it out, or name a video_backbone")


class Halvings(nn.Sequential):
    """Convolutions with stride 2, group norm and ReLU: [batch, channels, rows, columns] -> [batch, *map_shape].

    Group norm, so that a clip without audio or video does not affect the statistics of the others.
    """

    def __init__(self, channels: int, filters: tuple[int, ...], rows: int, columns: int) -> None:
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for number, count in enumerate(filters, start=1):
            size = 5 if number == 1 else 3
            layers[f"conv{number}"] = nn.Conv2d(channels, count, size, stride=2, padding=size // 2, bias=False)
            layers[f"norm{number}"] = nn.GroupNorm(next(n for n in (8, 4, 2, 1) if count % n == 0), count)
            layers[f"relu{number}"] = nn.ReLU()
            channels = count
            rows, columns = (rows + 1) // 2, (columns + 1) // 2
        super().__init__(layers)
        self.map_shape = (channels, rows, columns)


class AudioBranch(nn.Module):
    """Convolutions over the spectrogram and a GRU along time: waveform float32 [batch, samples] -> [batch, embedding]."""

    def __init__(self, config: AvFusionConfig) -> None:
        super().__init__()
        self.spectrogram = LogSpectrogram(config.window)
        columns = round(config.window * SAMPLING_RATE) // LogSpectrogram.HOP
        self.convs = Halvings(1, config.audio_filters, ROWS, columns)
        self.summary = RecurrentSummary(nn.GRU, self.convs.map_shape, config.audio_hidden, 1, 0.0, "time")
        self.embedding = nn.Linear(2 * config.audio_hidden, config.embedding)

    def forward(self, input_values: Tensor) -> Tensor:
        return self.embedding(self.summary(self.convs(self.spectrogram(input_values))))


class VideoBranch(nn.Module):
    """Convolutions over each frame and a GRU along them: uint8 [batch, count, height, width, 3] -> [batch, embedding]."""

    def __init__(self, config: AvFusionConfig) -> None:
        super().__init__()
        self.count, height, width = config.frames
        self.scaling = FrameScaling()
        self.convs = Halvings(3, config.video_filters, height, width)
        channels, rows, columns = self.convs.map_shape
        self.summary = RecurrentSummary(
            nn.GRU, (channels, rows * columns, self.count), config.video_hidden, 1, 0.0, "time"
        )
        self.embedding = nn.Linear(2 * config.video_hidden, config.embedding)

    def forward(self, pixel_values: Tensor) -> Tensor:
        frames = self.scaling(pixel_values).transpose(1, 2)  # [batch, count, 3, height, width]
        maps = self.convs(frames.flatten(0, 1)).flatten(2).unflatten(0, (-1, self.count))
        return self.embedding(self.summary(maps.permute(0, 2, 3, 1)))  # its columns are the frames


class KineticsScaling(nn.Module):
    """Frames as torchvision's video networks were trained on them: uint8 [batch, count, height, width, 3] -> float32 [batch,
    3, count, height, width], red, green and blue with mean 0 and deviation 1."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        super().__init__()
        for name, values in zip(("mean", "deviation"), KINETICS, strict=True):
            self.register_buffer(name, torch.tensor(values), persistent=False)

    def forward(self, pixel_values: Tensor) -> Tensor:
        return ((pixel_values.float() / 255 - self.mean) / self.deviation).permute(0, 4, 1, 2, 3)


class VideoBackbone(nn.Module):
    """One of torchvision's 3-D residual networks (Tran et al. 2018): uint8 [batch, count, height, width, 3] -> [batch,
    embedding]."""

    def __init__(self, config: AvFusionConfig) -> None:
        super().__init__()
        from torchvision.models import video  # takes a second, and the default does without

        self.scaling = FrameScaling() if config.video_scaling == "range" else KineticsScaling()
        self.backbone = getattr(video, config.video_backbone)(weights=None)
        self.backbone.fc = nn.Linear(self.backbone.fc.in_features, config.embedding)

    def forward(self, pixel_values: Tensor) -> Tensor:
        return self.backbone(self.scaling(pixel_values))


class AvFusion(nn.Module):
    """Waveform float32 [batch, samples] and frames uint8 [batch, count, height, width, 3] -> logits [batch, labels].

    A learned embedding replaces missing audio (silence) or video (no `pixel_values`, or black frames). In training, some
    clips lose one of the two at random (modality dropout), so that each branch learns to work alone.
    """

    def __init__(self, config: AvFusionConfig, num_labels: int) -> None:
        super().__init__()
        self.modality_dropout = config.modality_dropout
        self.audio = AudioBranch(config)
        self.video = VideoBranch(config) if config.video_backbone == "small" else VideoBackbone(config)
        self.no_sound = nn.Parameter(torch.zeros(config.embedding))
        self.no_picture = nn.Parameter(torch.zeros(config.embedding))
        self.classifier = nn.Sequential(
            OrderedDict(
                norm=nn.LayerNorm(2 * config.embedding),
                linear=nn.Linear(2 * config.embedding, config.linear),
                relu=nn.ReLU(),
                dropout=nn.Dropout(config.dropout),
                output=nn.Linear(config.linear, num_labels),
            )
        )

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        has_audio = heard(input_values)
        has_video = torch.zeros_like(has_audio) if pixel_values is None else seen(pixel_values)
        if self.training:
            has_audio, has_video = self._drop(has_audio, has_video)
        audio = torch.where(has_audio[:, None], self.audio(input_values), self.no_sound)
        video = self.no_picture.expand_as(audio)
        if pixel_values is not None:
            video = torch.where(has_video[:, None], self.video(pixel_values), self.no_picture)
        return self.classifier(torch.cat([audio, video], dim=1))

    def _drop(self, has_audio: Tensor, has_video: Tensor) -> tuple[Tensor, Tensor]:
        """Takes the audio or the video from some of the clips that have both: bool [batch] each."""
        random = torch.rand(len(has_audio), device=has_audio.device)
        both = has_audio & has_video
        half = self.modality_dropout / 2
        return has_audio & ~(both & (random < half)), has_video & ~(both & (random > 1 - half))


architecture = Architecture(
    name="av_fusion",
    modalities=("audio", "video"),
    optional_modalities=("audio", "video"),
    config=AvFusionConfig,
    build=AvFusion,
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
    summary="Convolutional and recurrent branches for audio and video, fused; works with either alone",
    citation="""@article{neverova2016moddrop,
  title   = {ModDrop: adaptive multi-modal gesture recognition},
  author  = {Neverova, Natalia and Wolf, Christian and Taylor, Graham and Nebout, Florian},
  journal = {IEEE Transactions on Pattern Analysis and Machine Intelligence},
  year    = {2016}
}""",
    card="card.md",
    contract=1,
)
