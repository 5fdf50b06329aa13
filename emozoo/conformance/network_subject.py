"""What the points of an architecture are checked on: networks with random weights, and clips."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.embedding import call
from emozoo.checkpoint.window import window_of
from emozoo.conformance.points import Broken
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings

LABELS = ("happy", "sad", "angry", "neutral")

Clips = tuple[Tensor, Tensor | None]


class NetworkSubject:
    """An architecture with the settings under which it is checked.

    Raises EmozooError for an unknown name, for settings that do not fit, and where files that they name are missing.
    """

    def __init__(
        self, architecture: str | Architecture, settings: Mapping[str, str] | None = None, device: str = "auto"
    ) -> None:
        self.architecture = get_architecture(architecture) if isinstance(architecture, str) else architecture
        self.settings = dict(settings or {})
        self.asked, self.recipe = apply_settings(self.architecture, self.settings)
        self.config = self.architecture.prepare(self.asked) if self.architecture.prepare else self.asked
        self.window = window_of(self.architecture, self.config)
        self.device = pick_device(device)

    def build(self, labels: int = len(LABELS), seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        network: Any = self.architecture.build(self.config, labels)
        if hasattr(network, "load_pretrained"):
            network.load_pretrained(self.asked)
        return network

    def clips(self, batch: int, seed: int = 0) -> Clips:
        """Different noises, each louder than the one before, and, for video, random frames."""
        generator = torch.Generator().manual_seed(seed)
        levels = torch.linspace(0.05, 0.3, batch)[:, None]
        sound = (torch.randn(batch, self.window.samples, generator=generator) * levels).clamp(-1, 1)
        # Sounds of one spectrum would be the same to a network that ignores the level.
        seconds = torch.arange(self.window.samples) / SAMPLING_RATE
        tone = torch.sin(2 * math.pi * 200 * (1 + torch.arange(batch))[:, None] * seconds)
        return (sound + 0.2 * tone).clamp(-1, 1), self.frames(batch, generator)

    def frames(self, batch: int, generator: torch.Generator | None = None) -> Tensor | None:
        if not self.architecture.video:
            return None
        levels = torch.linspace(60, 255, batch).long()[:, None, None, None, None]
        return (torch.rand((batch, *self.window.frames, 3), generator=generator) * levels).to(torch.uint8)


def answer(network: nn.Module, clips: Clips, lengths: Tensor | None = None) -> Tensor:
    """Logits, as emozoo asks for them."""
    return call(network, *clips, lengths)


def close(one: Tensor, other: Tensor) -> bool:
    """Whether logits are equal but for the order of additions."""
    return torch.allclose(one, other, atol=1e-4, rtol=1e-3)


def same(one: Tensor, other: Tensor) -> bool:
    """Whether logits are equal to within the last digits, as of equal inputs."""
    return torch.allclose(one, other, atol=1e-6, rtol=1e-6)


def some(clips: Clips, rows: Any) -> Clips:
    return clips[0][rows], None if clips[1] is None else clips[1][rows]


def finite(name: str, values: Tensor) -> None:
    if not torch.isfinite(values).all():
        raise Broken(f"{name} that are not finite")
