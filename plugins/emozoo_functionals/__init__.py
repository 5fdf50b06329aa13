"""A linear layer over statistics of a clip's pitch, loudness, spectrum and rhythm."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from emozoo.architecture import Architecture, Recipe
from emozoo.features import Functionals, LinearFunctionals

WINDOW = 5.0


@dataclass(frozen=True)
class FunctionalsConfig:
    """What users can choose."""

    window: float = WINDOW
    """Seconds that the statistics are taken of."""


class FunctionalsNetwork(LinearFunctionals):
    """Waveform float32 [batch, samples] -> logits [batch, labels]."""

    def __init__(self, config: FunctionalsConfig, num_labels: int) -> None:
        super().__init__(num_labels)
        self.front = Functionals()

    def forward(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return self.forward_features(self.frozen_features(input_values))

    def frozen_features(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        """float32 [batch, statistics]: computed once for each window, because none of it learns."""
        return self.front(input_values)

    def forward_features(self, features: Tensor) -> Tensor:
        return super().forward(features)


architecture = Architecture(
    name="functionals",
    modalities=("audio",),
    config=FunctionalsConfig,
    build=FunctionalsNetwork,
    recipe=Recipe(
        epochs=10,
        batch_size=64,
        learning_rate=5e-3,
        optimizer="adam",
        weight_decay=0.07,
        schedule="cosine",
        warmup=0.1,
    ),
    summary="A linear layer over statistics of pitch, loudness, spectrum and rhythm; trains in a minute",
    citation="""@article{eyben2016gemaps,
  title   = {The {Geneva} minimalistic acoustic parameter set ({GeMAPS}) for voice research and affective computing},
  author  = {Eyben, Florian and Scherer, Klaus and Schuller, Bj{\\"o}rn and others},
  journal = {IEEE Transactions on Affective Computing},
  volume  = {7},
  number  = {2},
  year    = {2016}
}""",
    card="card.md",
    window=WINDOW,
)
