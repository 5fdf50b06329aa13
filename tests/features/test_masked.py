"""Statistics over some columns, against NumPy's over those columns alone."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.features.masked import Masked, correlation

SEEDS = st.integers(0, 10_000)


def curves(seed: int, share: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Curves [2, 20, 3] and a mask [2, 20] of about so many columns."""
    chance = np.random.default_rng(seed)
    return torch.from_numpy(chance.normal(size=(2, 20, 3)).astype(np.float32)), torch.from_numpy(
        chance.random((2, 20)) < share
    )


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.floats(0.05, 1), st.floats(0, 1))
def test_they_are_those_of_the_named_columns(seed: int, share: float, quantile: float) -> None:
    curve, mask = curves(seed, share)
    inside = Masked(mask)
    for row in range(len(curve)):
        values = curve[row][mask[row]].numpy()
        if len(values):
            for found, expected in (
                (inside.mean(curve), values.mean(0)),
                (inside.deviation(curve), values.std(0)),
                (inside.quantiles(curve, quantile, 0.5)[:, 0], np.quantile(values, quantile, axis=0)),
            ):
                np.testing.assert_allclose(found[row], expected, atol=2e-4)


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.floats(0.2, 1))
def test_correlation_is_pearsons(seed: int, share: float) -> None:
    curve, mask = curves(seed, share)
    pairs = ((0, 1), (2, 1))
    found = correlation(Masked(mask), *((curve[:, :, one], curve[:, :, other]) for one, other in pairs))
    for row in range(len(curve)):
        within = curve[row][mask[row]].numpy().T
        for number, (one, other) in enumerate(pairs):
            if within.shape[1] > 2:
                known = np.corrcoef(within[one], within[other])[0, 1]
                np.testing.assert_allclose(found[row, number], known, atol=1e-3)


def test_of_no_column_they_are_zero() -> None:
    nothing, curve = Masked(torch.zeros(2, 20, dtype=torch.bool)), torch.randn(2, 20, 3)
    assert not nothing.statistics(curve).any() and nothing.statistics(curve).shape == (2, 3, 5)
    assert not correlation(nothing, (curve[:, :, 0], curve[:, :, 1])).any()
