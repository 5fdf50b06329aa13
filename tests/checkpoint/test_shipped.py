"""Models that plugins ship: a real distribution with a model in its package data and one on the Hub, by name in commands."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from support.distributions import distribution
from support.hub_server import Hub, running
from support.models import small_model
from support.publishing import environment, publish
from support.small import emozoo

import emozoo as emozoo_package
from emozoo.checkpoint import bundled, named
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.run import RunOptions
from emozoo.cli import completion
from emozoo.errors import EmozooError
from emozoo.evaluation.calibrate import calibrate
from emozoo.inspection.benchmark import _model as benchmarked
from emozoo.inspection.describe import describe
from emozoo.registry.entry_points import MODELS
from emozoo.shipped import Score, ShippedModel, shipped_problem
from emozoo.training.start import Start

PROJECT = """
    [build-system]
    requires = ["hatchling"]
    build-backend = "hatchling.build"

    [project]
    name = "emozoo-small-models"
    version = "1.2"
    dependencies = ["emozoo"]

    [project.entry-points."emozoo.models"]
    small_speech = "emozoo_small_models:small"
    hub_speech = "emozoo_small_models:on_hub"
    lost_speech = "emozoo_small_models:lost"
    speech = "emozoo_small_models:taken"
"""
MODULE = """
    import sys
    from emozoo.shipped import Score, ShippedModel

    # Nothing heavy for its sake, but what a test has imported before.
    assert "torch" not in sys.modules or {"emozoo.checkpoint.model", "support.warm"} & sys.modules.keys()
    score = Score("ravdess", 0.61, "unseen speakers", "https://example.org/paper")
    about = dict(summary="small, for tests", licence="mit", labels=("happy", "sad", "angry", "neutral"), languages=("de",))
    small = ShippedModel("small_speech", "models/small", corpora=("ravdess",), parameters=1234, scores=(score,), **about)
    on_hub = ShippedModel("hub_speech", "hub:anna/emo-cnn", **about)
    lost = ShippedModel("lost_speech", "models/none")
    taken = ShippedModel("speech", "models/small")
"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped") / "model"
    small_model().save(folder)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    """The folder that pip would have installed the distribution into: its unpacked wheel."""
    source = tmp_path_factory.mktemp("source")
    (source / "emozoo_small_models" / "models").mkdir(parents=True)
    (source / "pyproject.toml").write_text(textwrap.dedent(PROJECT))
    (source / "emozoo_small_models" / "__init__.py").write_text(textwrap.dedent(MODULE))
    (source / "emozoo_small_models" / "models" / "small").symlink_to(checkpoint)
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(source / "dist")]
    subprocess.run(command, cwd=source, check=True, capture_output=True, timeout=120)
    (wheel,) = (source / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(source / "site")
    return source / "site"


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.wav"
    time = np.arange(32_000) / 16_000
    soundfile.write(path, 0.3 * np.sin(2 * np.pi * 180 * time) * np.sin(6 * time), 16_000)
    return path


@pytest.fixture(scope="module")
def hub(checkpoint: Path) -> Iterator[Hub]:
    with running() as server:
        publish(server, checkpoint)
        yield server


@pytest.fixture
def installed(site: Path, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The distribution is on the path of this process and its children, and the Hub is there; an empty folder."""
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    for name, value in environment(hub, tmp_path / "home").items():
        monkeypatch.setenv(name, value)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def answer(clip: Path, model: str | Path) -> Any:
    answered = emozoo_package.load(model, "cpu").predict(str(clip), vad=False)
    return answered.probabilities  # type: ignore[union-attr]


def test_a_name_answers_as_the_folder_behind_it(installed: Path, checkpoint: Path, clip: Path) -> None:
    expected = answer(clip, checkpoint)
    assert expected and answer(clip, "small_speech") == expected


def test_a_model_on_the_hub_answers_by_its_name(installed: Path, checkpoint: Path, clip: Path, hub: Hub) -> None:
    assert named.leads_to("hub_speech") == "hub:anna/emo-cnn" and named.folder_of("hub_speech") is None
    expected = pytest.approx(answer(clip, checkpoint), abs=1e-5)
    words = ("predict", clip, "--model", "hub_speech", "--no-vad", "--json")
    document = json.loads(emozoo(*words).stdout)
    assert document["model"] == "hub_speech" and document["predictions"][0]["probabilities"] == expected
    offline = json.loads(emozoo(*words, HF_HUB_OFFLINE="1").stdout)
    assert offline["predictions"][0]["probabilities"] == expected


def test_list_tells_of_each_and_a_name_of_the_box_wins(installed: Path) -> None:
    models = {
        (each["name"], each["distribution"]): each for each in json.loads(emozoo("list", "--json").stdout)["models"]
    }
    small = models["small_speech", "emozoo-small-models"]
    assert (small["state"], small["version"], small["reference"]) == ("ok", "1.2", "models/small")
    assert (small["summary"], small["licence"], small["parameters"]) == ("small, for tests", "mit", 1234)
    assert small["labels"] == ["happy", "sad", "angry", "neutral"] and small["languages"] == ["de"]
    assert small["best"]["ua"] == 0.61 and small["best"]["source"] == "https://example.org/paper"
    assert models["speech", "emozoo"]["state"] == "ok"
    assert "the name 'speech' is taken by emozoo" in models["speech", "emozoo-small-models"]["problem"]
    assert named.folder_of("speech") == bundled.FOLDER / "speech" and named.offered("speech") is None
    assert named.names() == ["speech", "hub_speech", "lost_speech", "small_speech"]


def test_list_finds_it_by_words_and_the_shell_completes_it(installed: Path) -> None:
    german = json.loads(emozoo("list", "--models", "German angry", "--json").stdout)["models"]
    assert {"small_speech", "hub_speech"} <= {each["name"] for each in german}
    assert json.loads(emozoo("list", "--models", "klingon", "--json").stdout)["models"] == []
    assert "small_speech" in completion.models()


def test_info_tells_what_its_plugin_says(installed: Path) -> None:
    document = describe("small_speech")
    assert document["name"] == "small_speech" and document["shipped_by"] == "emozoo-small-models 1.2"
    assert document["licence"] == "mit" and document["labels"] == ["happy", "sad", "angry", "neutral"]
    assert document["scores_of_authors"] == [
        {"dataset": "ravdess", "ua": 0.61, "protocol": "unseen speakers", "source": "https://example.org/paper"}
    ]


def test_a_folder_of_its_name_is_reached_by_its_path(installed: Path) -> None:
    (installed / "small_speech").mkdir()
    assert resolve("small_speech") == named.folder_of("small_speech")
    assert resolve("./small_speech") == installed / "small_speech"


def test_a_switched_off_one_says_so_and_leaves_its_name_to_a_folder(
    installed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOZOO_PLUGINS", "")
    assert named.names() == ["speech"]
    with pytest.raises(EmozooError, match="the model 'small_speech' of emozoo-small-models 1.2 is switched off"):
        resolve("small_speech")
    (installed / "small_speech").mkdir()
    assert resolve("small_speech") == installed / "small_speech"


def test_a_missing_folder_is_the_plugins_fault(installed: Path) -> None:
    with pytest.raises(EmozooError, match="'lost_speech' of emozoo-small-models 1.2 has no folder models/none"):
        resolve("lost_speech")


def test_what_a_command_writes_goes_elsewhere(installed: Path) -> None:
    for name in ("small_speech", "hub_speech"):
        with pytest.raises(EmozooError, match="--output"):
            export_onnx(name)
    with pytest.raises(EmozooError, match="small_speech is a plugin's model, whose folder stays as it is"):
        calibrate("small_speech")
    with pytest.raises(EmozooError, match="hub:anna/emo-cnn is on the Hub"):
        calibrate("hub_speech")


def test_fine_tuning_records_where_it_started(installed: Path) -> None:
    options = RunOptions(architecture="cnn", dataset="toy", start="small_speech")
    assert Start.of(options).name == "small_speech" and options.placed().start == "small_speech"
    assert dataclasses.replace(options, start="hub_speech").placed().start == "hub:anna/emo-cnn"
    (installed / "other").mkdir()
    assert dataclasses.replace(options, start="other").placed().start == str(installed / "other")


def test_benchmark_takes_a_name(installed: Path) -> None:
    assert benchmarked("small_speech", {}, "cpu")[0].name == "small_speech"
    assert benchmarked("speech", {}, "cpu")[0].labels == ("angry", "happy", "neutral", "sad")


GOOD = ShippedModel("good", "models/good", scores=(Score("ravdess", 0.5),))
BROKEN: dict[str, object] = {
    "not an emozoo.shipped.ShippedModel": 5,
    "they must agree": ShippedModel("other", "models/good"),
    "version 99 of the plugin contract": ShippedModel("good", "models/good", contract=99),
    "not hub:user/name nor a folder": ShippedModel("good", "../good"),
    "reference is '/etc'": ShippedModel("good", "/etc"),
    r"reference is 'C:\\models'": ShippedModel("good", "C:\\models"),
    "is no repository of the Hub": ShippedModel("good", "hub:good"),
    "labels are 'happy'": ShippedModel("good", "models/good", labels="happy"),  # type: ignore[arg-type]
    "summary is not a text of one line": ShippedModel("good", "models/good", summary="a\nb"),
    "modalities are": ShippedModel("good", "models/good", modalities=("video",)),
    "parameters is 0": ShippedModel("good", "models/good", parameters=0),
    "ua is 61": ShippedModel("good", "models/good", scores=(Score("ravdess", 61),)),
    "names no dataset": ShippedModel("good", "models/good", scores=(Score("", 0.5),)),
}


@pytest.mark.parametrize("words", BROKEN)
def test_each_broken_promise_is_named(words: str) -> None:
    assert shipped_problem(GOOD, "good") is None
    problem = shipped_problem(BROKEN[words], "good")
    assert problem is not None and words in problem


def test_a_broken_one_is_listed_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path / "site", "bad-models", {"odd": "bad_models:odd"}, "odd = 5", MODELS)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    (odd,) = (each for each in json.loads(emozoo("list", "--json").stdout)["models"] if each["name"] == "odd")
    assert odd["state"] == "broken" and "not an emozoo.shipped.ShippedModel" in odd["problem"]
    with pytest.raises(EmozooError, match="the model 'odd' of bad-models 1.2 cannot be used"):
        named.offered("odd")
