"""A checkpoint's network is built within limits that its own weights set, however it makes its tensors."""

import copy
from collections.abc import Callable

import pytest
import torch
from torch import nn

from emozoo.checkpoint.building import SPARE_NUMBERS, SPARE_TENSORS, Limit, OwnGenerator, TooLarge

SHAPES = [(8, 8), (8,)]
MANY, BIG = SPARE_TENSORS + 16 * 2 + 1, SPARE_NUMBERS + 16 * 72 + 1


@pytest.mark.parametrize(
    "build",
    [
        lambda: [nn.Linear(8, 8) for _ in range(MANY)],
        lambda: [nn.BatchNorm1d(8) for _ in range(MANY)],
        lambda: [copy.deepcopy(nn.Linear(8, 8)) for _ in range(MANY)],
        lambda: [torch.ones(8) * 2 for _ in range(MANY)],
        lambda: nn.Linear(BIG, 1),
        lambda: nn.GRU(8, BIG // 8),
        lambda: torch.zeros(1).repeat(BIG),
        lambda: torch.ones(8).new_zeros(BIG),
    ],
)
def test_a_network_far_larger_than_its_weights_is_not_built(build: Callable[[], object]) -> None:
    with pytest.raises(TooLarge), torch.device("meta"), Limit(SHAPES):
        build()


@pytest.mark.parametrize("times", [1, 60])
def test_what_initial_values_are_worked_out_from_is_within_the_limit(times: int) -> None:
    layers = [nn.GRU(40, 300) for _ in range(times)]
    shapes = [tuple(weight.shape) for layer in layers for weight in layer.parameters()]
    with torch.device("meta"), Limit(shapes):
        for _ in range(times):
            layer = nn.GRU(40, 300)
            for weight in layer.parameters():
                nn.init.orthogonal_(weight) if weight.dim() > 1 else nn.init.zeros_(weight.data)
            copy.deepcopy(layer)
            nn.utils.parametrizations.weight_norm(nn.Conv1d(2, 2, 3))


@pytest.mark.parametrize("initialise", [nn.init.kaiming_normal_, nn.init.kaiming_uniform_, nn.init.orthogonal_])
def test_initial_values_can_be_drawn_without_torchs_own_generator(initialise: Callable[[torch.Tensor], object]) -> None:
    def drawn() -> list[torch.Tensor]:
        with OwnGenerator():
            layer = nn.GRU(4, 4)
            initialise(layer.weight_ih_l0.data)
            nn.init.trunc_normal_(layer.weight_hh_l0.data)
            return [*layer.parameters(), torch.randn(3), torch.randperm(9), torch.zeros(4).bernoulli_(0.5)]

    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    once = drawn()
    torch.testing.assert_close(torch.rand(4), expected, rtol=0, atol=0)
    torch.testing.assert_close(drawn(), once, rtol=0, atol=0)
    assert once[0].std() > 0
