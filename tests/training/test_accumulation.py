"""Gradient accumulation: a batch in parts gives the gradients of the batch in one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.small import NETWORK, RECIPE, toy

from emozoo import EmozooError
from emozoo.evaluation.data import open_data
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.training.accumulation import parts
from emozoo.training.job import Compute, ModelSpec, TrainingClips
from emozoo.training.loop import Trainer

PLAIN = {"dropout": "0", "noise": "0", "shift": "0", "time_mask": "0", "freq_mask": "0", "batch_size": "14"}
"""Nothing by chance, and a batch that does not divide by the parts."""


def stepped(folder: Path, **settings: str) -> tuple[Trainer, float]:
    """A trainer after its first step, and the loss of that."""
    architecture = get_architecture("cnn")
    config, recipe = apply_settings(architecture, {**NETWORK, **RECIPE, **PLAIN, **settings})
    data = open_data("toy", str(toy()), None, {}, video=False)
    fold = data.folds(None, 0)[0]
    trainer = Trainer(
        ModelSpec(architecture, config, data.labels),
        recipe,
        TrainingClips(data.store, fold.train, fold.dev),
        folder,
        seed="0",
        compute=Compute("cpu", "fp32"),
    )
    trainer.objective.train()
    rows, starts = next(trainer.examples.epoch(trainer.reseed(0)))
    return trainer, trainer.step(rows, starts, False).item()


@pytest.mark.parametrize("balance", ["sampling", "loss"])
@pytest.mark.parametrize("count", [3, 14, 50])
def test_a_batch_in_parts_has_the_gradients_of_the_whole(balance: str, count: int, tmp_path: Path) -> None:
    """Also where classes have weights in the loss, whose mean is then no mean of the parts' means."""
    settings = {"balance": balance, "clip_norm": "0"}
    whole, loss = stepped(tmp_path, **settings)
    split, other = stepped(tmp_path, accumulation=str(count), **settings)
    assert other == pytest.approx(loss, rel=1e-5)
    for (name, one), two in zip(whole.model.named_parameters(), split.model.parameters(), strict=True):
        assert one.grad is not None and two.grad is not None and one.grad.any(), name
        torch.testing.assert_close(two.grad, one.grad, atol=1e-6, rtol=1e-4, msg=name)


@given(weights=st.lists(st.floats(0.1, 10), min_size=1, max_size=20), count=st.integers(1, 30))
def test_every_clip_is_in_one_part_and_the_shares_are_the_whole(weights: list[float], count: int) -> None:
    found = parts(np.array(weights), count)
    assert [place for part in found for place in part.places] == list(range(len(weights)))
    assert len(found) == min(count, len(weights)) and all(len(part.places) for part in found)
    assert sum(part.share for part in found) == pytest.approx(1)
    assert [part.last for part in found] == [False] * (len(found) - 1) + [True]


def test_no_parts_at_all_are_refused() -> None:
    with pytest.raises(EmozooError, match="accumulation must be above zero"):
        apply_settings(get_architecture("cnn"), {"accumulation": "0"})
