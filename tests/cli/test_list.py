"""`emozoo list`: what is told of each, how it fits a terminal, and how models are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.distributions import GOOD, distribution, emozoo
from support.small import emozoo as command
from support.small import one_error

from emozoo.conformance import trial
from emozoo.inspection.listing import public_matches
from emozoo.inspection.measured import best_of_architecture, best_on_dataset, measured_results
from emozoo.registry.entry_points import ARCHITECTURES

NET = GOOD.replace("build=build", 'build=build, summary="a network of a test"').replace(
    'raise RuntimeError("never built here")',
    "from torch import nn\n        print('LOUD')\n        return nn.Linear(config.size, num_labels)",
)


def test_it_tells_summary_modalities_parameters_and_the_best_score() -> None:
    listed = json.loads(command("list", "--json").stdout)
    networks = {each["name"]: each for each in listed["architectures"]}
    assert networks["av_fusion"]["modalities"] == ["audio", "video"] and networks["cnn"]["summary"]
    assert networks["cnn"]["parameters"] == 1_481_284
    rows = measured_results()
    best = max(float(row["ua"]) for row in rows if row["architecture"] == "resnet_gru")
    assert networks["resnet_gru"]["best"]["ua"] == best
    assert networks["resnet_gru"]["best"]["source"].startswith("emozoo train resnet_gru ")
    assert networks["audio_classifier"]["best"] is None  # nothing of the kind has been measured
    ravdess = next(each for each in listed["datasets"] if each["name"] == "ravdess")
    assert ravdess["best"]["architecture"] == "resnet_gru" and ravdess["modalities"] == []
    speech = next(each for each in listed["models"] if each["name"] == "speech")
    assert speech["best"]["source"] == "its card" and speech["corpora"] == ["ravdess", "emo_db", "nemo", "ased"]
    assert {each["name"] for each in listed["readers"]} >= {"transformers", "speech_heads"}


def test_the_best_score_is_never_one_of_speakers_that_training_knew() -> None:
    row = {
        "architecture": "net",
        "dataset": "emodb",
        "labels": "a b",
        "protocol": "group-5",
        "ua": "0.5",
        "command": "c",
    }
    rows = [row, {**row, "protocol": "random", "ua": "0.9"}, {**row, "architecture": "other", "ua": "0.7"}]
    assert (found := best_of_architecture("net", rows)) is not None and found.ua == 0.5
    assert (found := best_on_dataset("emo_db", rows)) is not None and found.ua == 0.7 and found.labels == 2
    assert best_of_architecture("none", rows) is None


def test_a_third_partys_network_is_counted_once_where_it_cannot_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distribution(tmp_path / "site", "small-net", {"small": "small_net:architecture"}, NET.format(name="small"))
    distribution(tmp_path / "site", "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "IMPORT_SECONDS", 200)  # a busy machine
    for _ in range(2):
        found = {plugin.name: (plugin.problem, facts) for plugin, facts in trial.checked_with_facts(ARCHITECTURES)}
        problem, facts = found["small"]
        assert problem is None and (facts.summary, facts.modalities) == ("a network of a test", ("audio",))
        assert facts.parameters == 3 * 4 + 4
        assert found["good"][0] is None and found["good"][1].parameters is None  # its build raises
        monkeypatch.setattr(trial, "begin_import", None)  # the second time from memory
    done = emozoo("list", "--json", path=tmp_path / "site", cache=tmp_path / "cache")
    assert "LOUD" not in done.stdout + done.stderr and json.loads(done.stdout)["architectures"]


@pytest.mark.parametrize("columns", [60, 100])
def test_it_fits_the_terminal(columns: int, tmp_path: Path) -> None:
    site = tmp_path / "site"
    distribution(site, "raising-net", {"raising": "raising_net:architecture"}, "raise RuntimeError('boom')")
    text = emozoo("list", path=site, cache=tmp_path / "cache", COLUMNS=str(columns)).stdout
    assert max(map(len, text.splitlines())) <= columns and "…" not in text
    words = " ".join(text.replace("│", " ").split())
    for told in ("cnn_rnn_3dcnn", "audio,", "1.48 M", "cc-by-nc-sa-4.0", "raising-net 1.2", "RuntimeError: boom"):
        assert told in words, told
    assert "81.4 on ased" in words


def test_models_are_found_by_what_describes_them() -> None:
    def found(query: str) -> set[str]:
        return {model.reference for model in public_matches(query)}

    audeering = "hub:audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    german = "hub:padmalcom/wav2vec2-large-emotion-detection-german"
    assert found("arousal") >= {audeering} and found("msp_podcast dimensions") >= {audeering}
    assert found("cc-by-nc-sa") == {audeering} and found("MSP-Podcast cc-by") == {audeering}
    assert found("de boredom") == found("German bored") == {german}  # by the checkpoint's label, and by emozoo's word
    assert found("german arousal") == set()
    listed = json.loads(command("list", "--models", "ravdess polish", "--json").stdout)
    assert [each["name"] for each in listed["models"]] == ["speech"] and listed["public"] == []
    text = command("list", "--models", "berlin", COLUMNS="60").stdout
    assert german in text.splitlines()  # to be copied: not broken
    assert "none" in text and "measured" in text
    assert "no model is described by klingon" in command("list", "--models", "klingon").stderr


def test_the_known_models_are_there_on_the_first_day_without_a_network() -> None:
    done = command("list", "--hub", HF_HUB_OFFLINE="1")
    assert "hub:superb/wav2vec2-base-superb-er" in done.stdout.splitlines()
    assert "only the models that this emozoo knows are shown" in done.stderr
    document = json.loads(command("list", "--hub", "superb", "--json", HF_HUB_OFFLINE="1").stdout)
    assert document["models"] == [] and "HF_HUB_OFFLINE" in document["problem"]
    assert document["public"] and all("superb" in json.dumps(each) for each in document["public"])
    assert "HF_HUB_OFFLINE" in one_error(command("list", "--hub", "nothing-like-it", check=2, HF_HUB_OFFLINE="1"))
    assert "two lists" in one_error(command("list", "--hub", "--models", "x", check=2))
