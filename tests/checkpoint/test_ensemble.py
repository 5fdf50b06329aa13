"""Ensembles: several networks of one architecture, whose answer is the mean of theirs."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from support.models import JOINT, LABELS, SEVERAL, VALUES, small_model
from support.small import emozoo, one_error, read

from emozoo.checkpoint.ensemble import together
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.errors import EmozooError
from emozoo.inference.model import Window
from emozoo.target import Outputs

VOTED = Outputs(LABELS, target="votes")
KINDS = [Outputs(LABELS), VOTED, JOINT, VALUES, SEVERAL]


def windows() -> list[Window]:
    rng = np.random.default_rng(0)
    return [(rng.normal(0, level, 48_000).clip(-1, 1).astype(np.float32), None) for level in (0.3, 0.05, 0.01)]


def models(outputs: Outputs, count: int = 3) -> list[EmotionModel]:
    """With weights of their own, whose answers differ."""
    found = []
    for seed in range(count):
        model = small_model(outputs=outputs)
        draw = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in model.network.parameters():
                parameter += 0.3 * torch.randn(parameter.shape, generator=draw)
        found.append(model)
    return found


def ensemble(parts: Sequence[EmotionModel]) -> EmotionModel:
    first = parts[0]
    whole = EmotionModel(together(first.architecture, len(parts), first.outputs), first.config, first.outputs).eval()
    for own, each in zip(whole.network.members, parts, strict=True):
        own.load_state_dict(each.network.state_dict())
    return whole


@pytest.mark.parametrize("outputs", KINDS, ids=["words", "votes", "joint", "dimensions", "several"])
def test_an_ensemble_answers_with_the_mean_answer_also_after_saving(outputs: Outputs, tmp_path: Path) -> None:
    parts = models(outputs)
    each = [model.probabilities(windows()) for model in parts]
    assert np.ptp(each, axis=0).max() > 0.01
    ensemble(parts).save(tmp_path / "whole")
    loaded = load(tmp_path / "whole", "cpu")
    assert loaded.probabilities(windows()) == pytest.approx(np.mean(each, axis=0), abs=1e-6)
    side_by_side = np.concatenate([model.embeddings(windows()) for model in parts], axis=1)
    assert loaded.embeddings(windows()) == pytest.approx(side_by_side, abs=1e-5)
    assert loaded.to_config() == ensemble(parts).to_config() and loaded.to_config().members == 3


def test_transformers_load_an_ensemble(tmp_path: Path) -> None:
    from transformers import AutoModelForAudioClassification

    import emozoo.integrations.transformers  # noqa: F401 - registers the models

    parts = models(Outputs(LABELS), 2)
    ensemble(parts).save(tmp_path)
    found = AutoModelForAudioClassification.from_pretrained(tmp_path)
    sound = torch.from_numpy(windows()[0][0])[None]
    mean = np.mean([model.probabilities(windows()[:1]) for model in parts], axis=0)
    with torch.inference_mode():
        assert found(sound).logits.softmax(-1).numpy() == pytest.approx(mean, abs=1e-5)
    found.save_pretrained(tmp_path / "again")
    assert read(tmp_path / "again" / "config.json")["members"] == 2
    assert load(tmp_path / "again", "cpu").probabilities(windows()[:1]) == pytest.approx(mean, abs=1e-5)


@pytest.mark.parametrize("members", ["0", "true", '"2"', "1001", "2.0", "3"])
def test_a_config_that_claims_other_networks_than_its_weights_is_refused(members: str, tmp_path: Path) -> None:
    ensemble(models(Outputs(LABELS), 2)).save(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"members": 2', f'"members": {members}'))
    with pytest.raises(EmozooError, match="members"):
        load(tmp_path, "cpu")


def test_an_ensemble_cannot_be_fine_tuned(tmp_path: Path) -> None:
    ensemble(models(Outputs(LABELS), 2)).save(tmp_path / "whole")
    words = ("train", "--from", tmp_path / "whole", "--dataset", "toy", "--output", tmp_path / "run")
    assert "an ensemble of 2 networks" in one_error(emozoo(*map(str, words), check=2))
    assert not (tmp_path / "run").exists()
