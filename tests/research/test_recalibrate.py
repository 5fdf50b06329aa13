"""The scripts that make, calibrate and measure the bundled model."""

import dataclasses
from pathlib import Path

import numpy as np
import torch
from bundled import LABELS, merged
from emozoo_resnet_gru import ResnetGruConfig
from recalibrate import ALL, Answered, rows_of

from emozoo.checkpoint.model import EmotionModel
from emozoo.inference.calibration import METHODS
from emozoo.registry.loading import get_architecture

WORDS = ("sad", "neutral", "fearful", "happy", "angry")


def model(name: str, **config: object) -> EmotionModel:
    architecture = get_architecture(name)
    return EmotionModel(architecture, dataclasses.replace(architecture.config(), **config), WORDS).eval()


def test_networks_and_layers_answer_as_one_with_four_of_their_labels(tmp_path: Path) -> None:
    small = dataclasses.asdict(ResnetGruConfig(channels=(4, 6), features=8, hidden=4))
    models = {
        "networks": [model("resnet_gru", **small) for _ in range(2)],
        "layers": [model("functionals", window=3.0) for _ in range(2)],
        "plain-open": [model("functionals", window=3.0) for _ in range(2)],
    }
    sound = torch.randn(3, 48_000, generator=torch.Generator().manual_seed(0)) / 10
    models["plain-open"][0].network.train()(sound)  # it has learned from windows like these, the other has not
    for run, each in models.items():
        for fold, one in enumerate(each, 1):
            one.eval().save(tmp_path / run / f"fold{fold}")
    places = [WORDS.index(label) for label in LABELS]
    with torch.inference_mode():
        networks, changed, plain = ([each(sound)[:, places] for each in own] for own in models.values())
    layers = [0.3 * changed[0] + 0.7 * plain[0], changed[1]]
    means = [torch.stack([one.softmax(1) for one in each]).mean(0).log().numpy() for each in (networks, layers)]
    expected = np.exp(sum(means) / 2)
    found = merged(tmp_path, ["fold1", "fold2"])
    assert found.labels == LABELS
    np.testing.assert_allclose(found.answer(sound), expected / expected.sum(1, keepdims=True), atol=1e-5)


def test_a_row_has_what_was_measured() -> None:
    probabilities = np.array([[0.7, 0.1, 0.1, 0.1], [0.4, 0.6, 0.0, 0.0]])
    both = Answered(np.array(["toy", "toy"]), np.array(["ann", "bob"]), np.array([0, 0]), probabilities)
    many = Answered(*(np.concatenate([each] * 20) for each in dataclasses.astuple(both)))
    rows = rows_of("unseen", ALL, both, many.fitted())
    assert [row["method"] for row in rows] == list(METHODS)
    assert (rows[0]["corpus"], rows[0]["clips"], rows[0]["speakers"], rows[0]["wa"]) == (ALL, "2", "2", "0.5000")
    assert float(rows[0]["coverage"]) == float(rows[0]["angry"]) and rows[0]["sad"] == ""
