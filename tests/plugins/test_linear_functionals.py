"""The linear layer over functionals: it standardises by what it was trained on, and keeps the statistics of each window."""

import numpy as np
import torch
from emozoo_functionals import FunctionalsConfig, architecture
from hypothesis import given, settings
from hypothesis import strategies as st

from emozoo.architecture import contract_problem
from emozoo.features import Functionals, FunctionalsPair
from emozoo.features.linear_functionals import Standardisation


def test_it_keeps_the_contract_and_only_the_linear_layer_learns() -> None:
    assert contract_problem(architecture, "functionals") is None
    network = architecture.build(FunctionalsConfig(), 4)
    assert {name for name, _ in network.named_parameters()} == {"output.weight", "output.bias"}
    assert network.output.weight.shape == (4, Functionals.COUNT)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 1000), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_features_are_standardised_by_all_that_was_seen_in_training(seed: int, batches: list[int]) -> None:
    values = np.random.default_rng(seed).normal(3, 2, (sum(batches), 4)).astype(np.float32)
    layer, given_values = Standardisation(4), torch.from_numpy(values)
    for batch in given_values.split(batches):
        assert layer(batch).isfinite().all()
    expected = ((values - values.mean(0)) / np.sqrt(np.maximum(values.var(0), 1e-8))).clip(-4, 4)
    if len(values) > 1:
        np.testing.assert_allclose(layer.eval()(given_values), expected, atol=0.02)
    before = layer.eval().mean.clone()
    layer(given_values + 100)
    assert torch.equal(layer.mean, before)  # prediction learns nothing


def test_an_outlier_counts_as_four_deviations() -> None:
    layer = Standardisation(2)
    layer(torch.randn(100, 2))
    assert (layer.eval()(torch.full((1, 2), 1e6)) == 4).all()


def test_kept_statistics_give_the_same_logits_as_the_sound() -> None:
    network, sound = architecture.build(FunctionalsConfig(), 3).eval(), 0.1 * torch.randn(2, 80_000)
    torch.testing.assert_close(network.forward_features(network.frozen_features(sound)), network(sound))


def test_a_pair_sees_each_window_of_its_training_once() -> None:
    pair = FunctionalsPair(3).train()
    pair(torch.randn(7, Functionals.COUNT))
    assert pair.plain.standardisation.count == pair.changed.standardisation.count == 7


def test_of_a_pair_the_plain_layer_answers_for_what_is_like_its_training_only() -> None:
    pair, seen = FunctionalsPair(3), torch.randn(500, Functionals.COUNT)
    pair.plain(seen)
    pair.changed(3 * seen)
    pair.eval()
    like, unlike = seen[:20], seen[:20] + 2
    mixed = pair.SHARE * pair.plain(like) + (1 - pair.SHARE) * pair.changed(like)
    torch.testing.assert_close(pair(like), mixed, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pair(unlike), pair.changed(unlike), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(pair(torch.cat([unlike, like]))[20:], pair(like))  # each row by itself
