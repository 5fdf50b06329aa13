"""A small network that is told where each clip ends, and does not look behind."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from emozoo.architecture import Architecture
from emozoo.checkpoint.model import EmotionModel, Origin

KERNEL, STRIDE = 400, 160
LABELS = ("happy", "sad", "angry", "neutral")


@dataclass(frozen=True)
class MaskedConfig:
    window: float = 3.0
    units: int = 8


class Masked(nn.Module):
    """A convolution, and the mean of its steps before each clip's end."""

    def __init__(self, config: MaskedConfig, num_labels: int) -> None:
        super().__init__()
        self.steps = nn.Conv1d(1, config.units, KERNEL, STRIDE)
        self.linear = nn.Linear(config.units, num_labels)

    def embed(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        steps = (20 * self.steps(input_values[:, None])).tanh().square()
        if lengths is None:
            return steps.mean(2)
        count = ((lengths - KERNEL) // STRIDE + 1).clamp(min=1)[:, None]
        inside = torch.arange(steps.shape[2], device=steps.device) < count
        return (steps * inside[:, None]).sum(2) / count

    def forward(self, input_values: Tensor, lengths: Tensor | None = None) -> Tensor:
        return 10 * self.linear(self.embed(input_values, lengths))


architecture = Architecture(
    name="masked", modalities=("audio",), config=MaskedConfig, build=Masked, lengths=True, summary="A masked mean"
)


def masked_model(**config: float) -> EmotionModel:
    torch.manual_seed(3)
    origin = Origin("emozoo", "1.0")
    return EmotionModel(architecture, MaskedConfig(**config), LABELS, origin, synthetic=True).eval()  # type: ignore[arg-type]
