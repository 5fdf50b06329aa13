"""The convolution over blocks of columns: the same function, and the same gradients, as the plain one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from emozoo.features.convolution import WideConv2d, block_conv2d, block_size, expand_kernel

SIZES = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.integers(1, 9))


@settings(max_examples=60, deadline=None)
@given(SIZES, st.integers(1, 8), st.integers(5, 20), st.integers(0, 3))
def test_blocks_of_columns_change_neither_result_nor_gradients(
    sizes: tuple[int, int, int, int], columns: int, width: int, edge: int
) -> None:
    channels, filters, height, taps = sizes
    torch.manual_seed(0)
    weight = torch.randn(filters, channels, height, taps, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(filters, dtype=torch.float64, requires_grad=True)
    image = torch.randn(2, channels, 6, width + taps, dtype=torch.float64, requires_grad=True)
    plain = F.conv2d(image, weight, bias, padding=(edge, edge))
    blocks = block_conv2d(image, weight, bias, (edge, edge), columns)
    torch.testing.assert_close(blocks, plain)
    direction = torch.randn_like(plain)
    inputs = (image, weight, bias)
    for ours, theirs in zip(
        torch.autograd.grad(blocks, inputs, direction), torch.autograd.grad(plain, inputs, direction), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(("channels", "filters", "kernel"), [(1, 16, (12, 16)), (16, 24, (8, 12)), (24, 24, (5, 7))])
def test_the_published_convolutions_agree_to_a_millionth(channels: int, filters: int, kernel: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = WideConv2d(channels, filters, kernel, (kernel[0] // 2, kernel[1] // 2))
    image = torch.randn(2, channels, 50, 75)
    plain = F.conv2d(image, layer.weight, layer.bias, padding=layer.edges)
    for ours in (layer(image), block_conv2d(image, layer.weight, layer.bias, layer.edges, layer.columns)):
        assert (ours - plain).abs().max() <= 1e-6 * plain.abs().max().clamp(min=1) * 10


def test_a_checkpoint_holds_the_plain_convolutions_parameters() -> None:
    ours, plain = WideConv2d(3, 5, (4, 6), (2, 3)), nn.Conv2d(3, 5, (4, 6), padding=(2, 3))
    assert {name: value.shape for name, value in ours.state_dict().items()} == {
        name: value.shape for name, value in plain.state_dict().items()
    }


def test_a_block_is_the_largest_power_of_two_up_to_half_the_kernel() -> None:
    assert [block_size(width) for width in (1, 2, 3, 4, 7, 12, 16)] == [1, 1, 1, 2, 2, 4, 8]
    assert expand_kernel(torch.randn(16, 1, 12, 16), 8).shape == (128, 8, 12, 3)
