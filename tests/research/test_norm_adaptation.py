"""Adaptation inside a network: batch normalisation's statistics and, by entropy, its scale and offset."""

import norm_adaptation
import torch
from emozoo_resnet_gru import ResnetGruConfig, architecture
from torch import nn


def parts() -> tuple[nn.Module, torch.Tensor]:
    torch.manual_seed(0)
    network = architecture.build(ResnetGruConfig(channels=(4, 6), features=8, hidden=4), 4)
    sound = torch.randn(16, 48_000) * torch.rand(16, 1)
    with torch.no_grad():
        network.train()(sound)
    return network.eval(), sound


def entropy(network: nn.Module, sound: torch.Tensor) -> float:
    with torch.no_grad():
        logarithms = network(sound).log_softmax(1)
    return float(-(logarithms.exp() * logarithms).sum(1).mean())


def test_statistics_move_halfway_to_as_many_recordings_as_the_training_counts_for() -> None:
    network, sound = parts()
    kept = {name: value.clone() for name, value in network.state_dict().items()}
    found = norm_adaptation.with_statistics(network, sound[: norm_adaptation.KNOWN])
    assert all(torch.equal(value, kept[name]) for name, value in network.state_dict().items())
    first, moved = norm_adaptation.norms(network)[0], norm_adaptation.norms(found)[0]
    with torch.no_grad():
        columns = network.members[0].first.conv(network.spectrogram(sound)).mean((0, 2, 3))
    torch.testing.assert_close(moved.running_mean, (first.running_mean + columns) / 2, atol=1e-4, rtol=1e-3)
    assert not found.training


def test_entropy_makes_the_answers_surer() -> None:
    network, sound = parts()
    before = entropy(norm_adaptation.with_statistics(network, sound), sound)
    assert entropy(norm_adaptation.with_entropy(network, sound), sound) < before
