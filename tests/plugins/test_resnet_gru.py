"""The residual CNN and GRU: its size, its settings, and that silence behind a clip is no speech."""

import dataclasses

import pytest
import torch
from emozoo_resnet_gru import AttentiveStatistics, ResnetGruConfig, architecture
from emozoo_resnet_gru.recurrence import side_by_side

from emozoo.architecture import contract_problem


def build(**fields: object) -> torch.nn.Module:
    torch.manual_seed(0)
    return architecture.build(dataclasses.replace(ResnetGruConfig(), **fields), 4)


def test_it_keeps_the_contract_and_is_small() -> None:
    assert contract_problem(architecture, "resnet_gru") is None
    assert sum(parameter.numel() for parameter in build().parameters()) == 415_885


@pytest.mark.parametrize("fields", [{}, {"channels": (4, 6)}, {"channels": (4, 4, 6, 6, 8, 8)}])
def test_it_answers_whatever_its_sizes(fields: dict[str, object]) -> None:
    network, sound = build(**{"features": 8, "hidden": 4, **fields}), 0.1 * torch.randn(3, 48_000)
    assert network.eval()(sound).shape == (3, 4)
    network.train()(sound[:1]).sum().backward()  # also a batch of one
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("fields", [{"channels": (4,)}, {"channels": (4,) * 7}, {"hidden": 0}, {"dropout": 1.0}])
def test_sizes_that_cannot_be_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(fields))):
        build(**fields)


def test_members_answer_with_their_mean_probability_and_learn_from_their_own_windows() -> None:
    network, sound = build(members=3, features=8, hidden=4, channels=(4, 6)), 0.1 * torch.randn(6, 48_000)
    spectrogram = network.eval().front(sound)
    alone = torch.stack([member(spectrogram).softmax(1) for member in network.members])
    torch.testing.assert_close(network(sound).softmax(1), alone.mean(0))
    logits = network.train()(sound)
    (gradient,) = torch.autograd.grad(logits[:2].sum(), network.members[0].classifier.output.bias, retain_graph=True)
    assert gradient.abs().sum() > 0
    others = torch.autograd.grad(logits[:2].sum(), network.members[1].classifier.output.bias, allow_unused=True)
    assert others == (None,) or not others[0].any()


@pytest.mark.parametrize(("batch", "steps"), [(1, 38), (3, 1), (5, 7)])
def test_grus_side_by_side_give_what_torchs_give_and_their_gradients(batch: int, steps: int) -> None:
    torch.manual_seed(0)
    layers = [torch.nn.GRU(6, 4, batch_first=True, bidirectional=True) for _ in range(3)]
    given = torch.randn(3, batch, steps, 6, requires_grad=True)
    alone = torch.stack([layer(each)[0] for layer, each in zip(layers, given, strict=True)])
    together = side_by_side(layers, given)
    torch.testing.assert_close(together, alone)
    weights = torch.randn_like(alone)
    for one, other in zip(
        *(torch.autograd.grad((found * weights).sum(), [given, layers[1].weight_hh_l0]) for found in (alone, together)),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_functionals_answer_beside_the_members_and_learn_from_windows_of_their_own() -> None:
    small = {"members": 2, "features": 8, "hidden": 4, "channels": (4, 6)}
    network, sound = build(**small, functionals=True), 0.1 * torch.randn(8, 48_000)
    logits = network.train()(sound)
    for number, learner in enumerate((*network.members, *network.layers)):
        own = dict(learner.named_parameters())["classifier.output.bias" if number < 2 else "output.bias"]
        grown = [torch.autograd.grad(each.sum(), own, retain_graph=True, allow_unused=True)[0] for each in logits]
        assert [each is not None and bool(each.any()) for each in grown] == [row // 2 == number for row in range(8)]
    statistics, spectrogram = network.eval().functionals(sound), network.front(sound)
    both = [
        torch.stack([learner(given).softmax(1) for learner in learners]).mean(0).log()
        for learners, given in ((network.members, spectrogram), (network.layers, statistics))
    ]
    torch.testing.assert_close(network(sound).softmax(1), (sum(both) / 2).softmax(1))
    assert network.embed(sound).shape == build(**small).eval().embed(sound).shape


def test_pairs_stand_in_the_place_of_the_layers() -> None:
    network, sound = (
        build(features=8, hidden=4, channels=(4, 6), functionals=True, pairs=True),
        0.1 * torch.randn(4, 48_000),
    )
    assert network.train()(sound).shape == (4, 4)
    statistics, spectrogram = network.eval().functionals(sound), network.front(sound)
    expected = network.members[0](spectrogram) + network.layers[0](statistics)
    torch.testing.assert_close(network(sound), expected / 2)
    with pytest.raises(ValueError, match="set functionals=true as well"):
        build(pairs=True)


def test_attentive_statistics_are_mean_and_deviation_where_all_steps_weigh_the_same() -> None:
    pooling = AttentiveStatistics(5, 3)
    for parameter in pooling.score.parameters():
        torch.nn.init.zeros_(parameter)
    steps = torch.randn(2, 7, 5)
    expected = torch.cat([steps.mean(1), (steps.var(1, unbiased=False) + 1e-5).sqrt()], 1)
    torch.testing.assert_close(pooling(steps), expected)
