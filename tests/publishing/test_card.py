"""The model card: what it says, that its front matter is the Hub's, that a person's words survive, that its examples run."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from huggingface_hub import ModelCard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.models import LABELS, edit, small_model
from support.small import emozoo, read, toy, train_words

import cards
from emozoo import EmozooError
from emozoo.evaluation.metrics import evaluate_predictions, pool
from emozoo.publishing.card import BEGIN, END, render_card, weights_license, write_card
from emozoo.registry import entry_points


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as `emozoo train` leaves it."""
    folder = tmp_path_factory.mktemp("runs") / "a run"
    emozoo(*train_words(folder, epochs=1))
    write_card(folder)
    return folder


def results(**data: Any) -> dict[str, Any]:
    """metrics.json of a made-up run."""
    metrics = evaluate_predictions(LABELS, [0, 0, 1, 1, 2, 3], [0, 1, 1, 1, 2, 2], ["x", "x", "x", "y", "y", "y"])
    part = {"clips": 6, "labels": dict.fromkeys(LABELS, 1), "speakers": 2}
    return {
        "test": metrics.to_dict(),
        "dev": {"dev_wa": 0.5, "dev_ua": 0.5, "dev_loss": 1.2},
        "data": {
            "dataset": "ravdess",
            "licence": "CC BY-NC-SA 4.0",
            "language": "en",
            "citation": "A. Author, The corpus (2001)",
            "merge": {},
            "protocol": "group-5",
            "fold": 2,
            "fold_name": "speakers x, y",
            "folds": 5,
            "speaker_disjoint": True,
            "note": "",
            "parts": {"train": part, "dev": part, "test": part},
            **data,
        },
        "training": {
            "recipe": {"epochs": 3, "learning_rate": 1e-3},
            "seed": 7,
            "best_epoch": 2,
            "seconds": 90.0,
            "parameters": 12345,
            "precision": "no",
            "device": "cpu (x86_64)",
            "versions": {"emozoo": "0.1.0", "torch": "2.14.1"},
        },
    }


def checkpoint(folder: Path, name: str = "cnn", measured: dict[str, Any] | None = None) -> Path:
    small_model(name).save(folder)
    if measured is not None:
        (folder / "metrics.json").write_text(json.dumps(measured))
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return checkpoint(tmp_path / "run", measured=results())


def front(folder: Path) -> dict[str, Any]:
    return ModelCard(render_card(folder)).data.to_dict()


def test_the_front_matter_is_the_hubs(run: Path) -> None:
    data = ModelCard.load(write_card(run)).data
    assert (data.license, data.language, data.library_name) == ("cc-by-nc-sa-4.0", "en", "emozoo")
    assert data.pipeline_tag == "audio-classification" and data.datasets == ["ravdess"]
    assert set(data.tags) >= {"emozoo", "cnn", "audio"} and data.model_name == "cnn-ravdess"
    test = results()["test"]
    found = {result.metric_name: result.metric_value for result in data.eval_results}
    assert found == {"WA": round(test["wa"], 4), "UA": round(test["ua"], 4), "macro F1": round(test["macro_f1"], 4)}
    assert [result.metric_type for result in data.eval_results] == data.metrics == ["accuracy", "recall", "f1"]
    for result in data.eval_results:
        assert (result.dataset_type, result.dataset_config, result.dataset_split) == ("ravdess", "group-5", "test")
        assert result.dataset_args == {"protocol": "group-5", "fold": 2, "folds": 5, "speaker_disjoint": True}


def test_the_front_matter_tells_a_search_what_the_model_is(run: Path) -> None:
    assert front(run)["emozoo"] == {"architecture": "cnn", "labels": list(LABELS)}


def test_a_fine_tuned_model_names_its_start(tmp_path: Path) -> None:
    measured = results()
    measured["training"]["start"] = f"hub:ann/voices@{'a' * 40}"
    data = front(checkpoint(tmp_path, measured=measured))
    assert (data["base_model"], data["base_model_relation"]) == ("ann/voices", "finetune")
    assert data["license_name"] == "unknown"  # the first training's conditions hold, too
    assert f"started from the weights of `hub:ann/voices@{'a' * 40}`" in render_card(tmp_path)
    measured["training"]["start"] = "my-run"  # a folder here
    (tmp_path / "metrics.json").write_text(json.dumps(measured))
    assert "base_model" not in front(tmp_path) and "weights of `my-run`" in render_card(tmp_path)


def test_a_model_that_sees_is_no_audio_classifier(tmp_path: Path) -> None:
    text = render_card(checkpoint(tmp_path, "cnn_rnn_3dcnn", results()))
    data = ModelCard(text).data
    assert data.pipeline_tag == data.eval_results[0].task_type == "video-classification"
    assert set(data.tags) >= {"audio", "video"} and "clip.mp4" in text and "import pipeline" not in text


def test_the_body_tells_what_the_run_recorded(run: Path) -> None:
    (run / "confusion_matrix.png").write_bytes(b"")
    text = render_card(run)
    for words in (
        "12,345 parameters; seed 7; the weights are those of epoch 2",
        "Trained on `ravdess`, language: en, split by the protocol `group-5`: fold 2 of 5, tested on speakers x, y.",
        "Licence of the data: CC BY-NC-SA 4.0.",
        "| UA | 62.5 |",
        "| happy | 2 | 50.0 | 100.0 | 66.7 |",
        "| neutral | 1 | 0.0 | - | 0.0 |",
        "![Confusion matrix of the test clips](confusion_matrix.png)",
        "| `learning_rate` | `0.001` |",
        "Over 2 speakers, UA goes from 66.7 to 75.0 %.",
        "layer for layer as in the tables of the publication",  # the plugin's own paragraph
        "torch 2.14.1",
        "@article{singh2020emotion",
        "A. Author, The corpus (2001)",
        "**Not for**: decisions about people",
        "of speakers who are not in the training data",
    ):
        assert words in text, words
    assert "training_curves.png" not in text  # there is none


def test_of_several_folds_the_mean_is_told(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "run" / "fold2", measured=results())
    assert "over them" not in render_card(folder)
    metrics = evaluate_predictions(LABELS, [0, 1, 2, 3], [0, 1, 2, 0])
    summary = pool([metrics, evaluate_predictions(LABELS, [0, 1, 2, 3], [0, 1, 2, 3])])
    (tmp_path / "run" / "summary.json").write_text(json.dumps(summary.to_dict()))
    assert "one of 2, each trained" in render_card(folder) and "UA 87.5 ± 17.7" in render_card(folder)


def test_results_that_depend_on_the_speakers_say_so(tmp_path: Path) -> None:
    note = "Speakers are on both sides."
    text = render_card(checkpoint(tmp_path, measured=results(speaker_disjoint=False, note=note, protocol="random")))
    assert "**speaker-dependent** (Speakers are on both sides)" in text and f"**{note}**" in text
    assert "training data. For new" not in text


def test_without_results_the_card_says_so(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path)
    text, data = render_card(folder), front(folder)
    assert "Nothing was measured." in text and "model-index" not in data and "metrics" not in data
    assert (data["license"], data["license_name"]) == ("other", "unknown")


def test_someones_own_speakers_are_not_named(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, measured=results(dataset="manifest", licence="", language="", citation=""))
    text = render_card(folder)
    assert "speakers x, y" not in text and "tested on 2 speakers" in text
    assert "datasets" not in front(folder) and "language" not in front(folder)
    assert "ask the author of this model before you use it" in text


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("CC BY-NC-SA 4.0", ("cc-by-nc-sa-4.0", None)),
        ("CC-BY-4.0", ("cc-by-4.0", None)),
        ("cc by 9.9", ("other", "cc-by-9.9")),
        ("CC0", ("apache-2.0", None)),
        ("Apache-2.0", ("apache-2.0", None)),
        ("MIT", ("apache-2.0", None)),
        ("", ("other", "unknown")),
        ("USC's IEMOCAP release licence: for research", ("other", "uscs-iemocap-release-licence")),
        ("ü", ("other", "unknown")),
    ],
)
def test_conditions_of_the_data_are_handed_on(licence: str, expected: tuple[str, str | None]) -> None:
    assert weights_license(licence) == expected


def test_writing_again_changes_nothing(run: Path) -> None:
    first = write_card(run).read_text()
    assert write_card(run).read_text() == first and render_card(run) == first


def test_what_a_person_wrote_survives(run: Path) -> None:
    card = write_card(run, repo_id="ann/voices").read_text()
    card = card.replace("library_name: emozoo", "library_name: mine\nbase_model: ann/other\nwidget:\n- src: ü.wav")
    card = card.replace("tags:\n", "tags:\n- callcentre\n").replace("license: cc-by-nc-sa-4.0", "license: mit")
    card = card.replace(BEGIN, f"# My own title\n\nWords before.\n\n{BEGIN}").replace("## Recipe", "## Changed by hand")
    (run / "README.md").write_text(card + "\n## After\n\nMore words.\n", encoding="utf-8")
    again = write_card(run).read_text(encoding="utf-8")
    assert "# My own title\n\nWords before.\n" in again.partition(BEGIN)[0]
    assert again.partition(END)[2] == "\n\n## After\n\nMore words.\n"
    assert "## Recipe" in again and "Changed by hand" not in again and "hub:ann/voices" in again
    data = ModelCard(again).data
    assert (data.base_model, data.widget) == ("ann/other", [{"src": "ü.wav"}])
    assert "callcentre" in data.tags and data.tags.count("emozoo") == 1
    assert (data.library_name, data.license) == ("mine", "mit")
    assert write_card(run).read_text(encoding="utf-8") == again


THEIR_RESULT = {
    "task": {"type": "audio-classification"},
    "dataset": {"name": "calls", "type": "ann/calls"},
    "metrics": [{"type": "accuracy", "value": 0.9, "verified": False}],
}


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Changes the front matter of a card, as a person does."""
    _, head, rest = (folder / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    data = yaml.safe_load(head)
    change(data)
    text = f"---\n{yaml.safe_dump(data, sort_keys=False, allow_unicode=True)}---\n{rest}"
    (folder / "README.md").write_text(text, encoding="utf-8")


THEIRS: dict[str, Any] = {
    "license": "mit",
    "language": ["de", "pl"],
    "datasets": ["ann/calls"],
    "metrics": ["accuracy", "wer"],
    "pipeline_tag": "voice-activity-detection",
    "library_name": "mine",
    "inference": False,
    "widget": [{"src": "ü.wav"}],
    "co2_eq_emissions": {"emissions": 3},
}


@given(
    chosen=st.sets(st.sampled_from(sorted(THEIRS))),
    tags=st.lists(st.sampled_from(["calls", "emozoo", "ü"]), max_size=3),
)
@settings(max_examples=20, deadline=None)
def test_every_key_that_a_person_wrote_survives_every_write(chosen: set[str], tags: list[str]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = checkpoint(Path(place), measured=results())
        write_card(folder)
        theirs = {key: THEIRS[key] for key in chosen}
        changed(folder, lambda data: data.update(theirs, tags=[*data["tags"], *tags]))
        changed(folder, lambda data: data["model-index"][0]["results"].append(THEIR_RESULT))
        first = write_card(folder).read_text(encoding="utf-8")
        data = yaml.safe_load(first.split("---\n", 2)[1])
        assert {key: data[key] for key in theirs} == theirs
        assert set(data["tags"]) >= {"emozoo", "cnn", *tags} and len(data["tags"]) == len(set(data["tags"]))
        found = data["model-index"][0]["results"]
        assert found[-1] == THEIR_RESULT and len(found) == len(ModelCard(first).data.eval_results) - 2
        assert write_card(folder).read_text(encoding="utf-8") == first


def test_what_emozoo_wrote_itself_is_replaced_when_it_knows_better(run: Path) -> None:
    write_card(run)
    changed(run, lambda data: data["model-index"][0]["results"].append(THEIR_RESULT))
    (run / "metrics.json").write_text(json.dumps(results(dataset="emo-db", licence="CC0", language="de")))
    data = ModelCard(write_card(run).read_text(encoding="utf-8")).data
    assert (data.license, data.language, data.datasets) == ("apache-2.0", "de", ["emo-db"])
    assert [each.dataset_type for each in data.eval_results] == ["emo-db"] * 3 + ["ann/calls"]
    (run / "metrics.json").unlink()
    index = yaml.safe_load(render_card(run).split("---\n", 2)[1])["model-index"]
    assert [entry["results"] for entry in index] == [[THEIR_RESULT]]


def test_a_conflict_is_said_and_figures_are_those_that_were_measured(
    run: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_card(run)
    assert not caplog.messages
    changed(run, lambda data: data.update(license="mit", datasets=["ravdess", "ann/calls"]))
    changed(run, lambda data: data["model-index"][0]["results"][0]["metrics"][0].update(value=0.99))
    card = (run / "README.md").read_text(encoding="utf-8")
    (run / "README.md").write_text(card.replace("## Recipe", "## My recipe"), encoding="utf-8")
    assert "0.99" not in write_card(run).read_text(encoding="utf-8")
    said = " ".join(caplog.messages)
    assert 'license stays "mit", as you wrote it; emozoo would write "cc-by-nc-sa-4.0"' in said
    assert "results that emozoo measured were changed" in said and "between its marks is written anew" in said
    assert "datasets" not in said  # theirs holds what emozoo would write
    caplog.clear()
    write_card(run)
    assert len(caplog.messages) == 1 and "license stays" in caplog.messages[0]


def test_of_what_emozoo_does_not_know_a_persons_word_counts(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, measured=results(dataset="manifest", licence="", language=""))
    (folder / "README.md").write_text(
        "---\nlicense: cc-by-4.0\nlanguage: [de, fr]\ndatasets: ann/calls\n---\nMy card.\n"
    )
    data = ModelCard(write_card(folder).read_text()).data
    assert (data.license, data.language, data.datasets) == ("cc-by-4.0", ["de", "fr"], "ann/calls")
    assert "license_name" not in data.to_dict() and "My card.\n\n<!-- emozoo" in (folder / "README.md").read_text()


def test_a_card_from_elsewhere_can_be_the_one_that_is_kept(run: Path) -> None:
    theirs = render_card(run).replace(BEGIN, f"Edited on the Hub.\n\n{BEGIN}")
    assert "Edited on the Hub." in render_card(run, existing=theirs)
    assert "Edited on the Hub." not in render_card(run)


@pytest.mark.parametrize(
    ("card", "words"),
    [
        (f"text\n{BEGIN}\n", "restore them, or remove both"),
        (f"{END}\n{BEGIN}", "restore them"),
        (f"{BEGIN}{END}{BEGIN}{END}", "once each"),
        ("---\na: [\n---\n", "front matter is no YAML"),
        ("---\n- a\n---\n", "not a list of keys"),
    ],
)
def test_a_card_that_cannot_be_read_is_not_overwritten(run: Path, card: str, words: str) -> None:
    (run / "README.md").write_text(card)
    with pytest.raises(EmozooError, match=words):
        write_card(run)
    assert (run / "README.md").read_text() == card


@pytest.mark.parametrize(
    "damage", [{"data": {}}, {"data": {"dataset": 3}}, {"training": {}}, {"test": {"confusion": []}}]
)
def test_damaged_results_are_an_error(run: Path, damage: dict[str, Any]) -> None:
    (run / "metrics.json").write_text(json.dumps({**results(), **damage}))
    with pytest.raises(EmozooError, match=r"metrics.json is damaged"):
        render_card(run)


def test_strange_labels_break_neither_tables_nor_marks(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, measured=results(fold_name=f"a|b {END}"))
    text = render_card(folder)
    assert text.count(END) == 1
    measured = results()
    measured["test"]["labels"] = ["a|b\nc", *LABELS[1:]]
    (folder / "metrics.json").write_text(json.dumps(measured))
    assert r"| a\|b c | 2 |" in render_card(folder)


def test_a_plugin_that_is_not_installed_only_lacks_its_words(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(run, plugin={"distribution": "emozoo-far-away", "version": "3.2"})
    monkeypatch.setattr(entry_points, "_entry_points", lambda group: [])
    text = render_card(run)
    assert "emozoo and its plugin `emozoo-far-away`" in text and "emozoo-far-away 3.2" in text
    assert "## The network" not in text


def test_a_real_run_makes_a_whole_card(finished: Path) -> None:
    text = (finished / "README.md").read_text(encoding="utf-8")
    data = ModelCard(text).data
    test = read(finished / "metrics.json")["test"]
    assert {round(test[key], 4) for key in ("wa", "ua", "macro_f1")} == {r.metric_value for r in data.eval_results}
    assert data.license == "apache-2.0" and "(confusion_matrix.png)" in text and "(training_curves.png)" in text
    for secret in (str(toy()), str(finished), str(Path.home()), "/tmp", "hf_"):
        assert secret not in text


def test_the_cards_examples_run(finished: Path, tmp_path: Path) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 40_000).clip(-1, 1)
    soundfile.write(tmp_path / "clip.wav", sound, 16_000)
    shutil.copytree(finished, tmp_path / "model")
    text = (finished / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```(\w+)\n(.*?)\n```", text, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh", "python", "python", "bibtex"]
    printed = []
    for kind, code in blocks[:3]:
        code, replaced = re.subn(r"(hub:)?your-name/[\w.-]+", "model", code)
        assert replaced == 1
        if kind == "sh":
            printed.append(emozoo(*shlex.split(code)[1:], cwd=tmp_path).stdout)
            continue
        done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    emotion, probabilities = re.match(r"(\w+) (\{.*\})", printed[1]).groups()  # type: ignore[union-attr]
    own = json.loads(probabilities.replace("'", '"'))
    theirs = {answer["label"]: answer["score"] for answer in json.loads(printed[2].replace("'", '"'))}
    assert theirs == pytest.approx(own, abs=2e-6) and emotion in printed[0]


def test_the_zoos_cards_match_the_results() -> None:
    pages = cards.pages()
    assert cards.SPEECH.read_text(encoding="utf-8") == cards.speech(), (
        "run python research/cards.py: the model's card is old"
    )
    assert {path.name for path in cards.CARDS.iterdir()} == pages.keys()
    for name, text in pages.items():
        assert (cards.CARDS / name).read_text(encoding="utf-8") == text, f"run python research/cards.py: {name} is old"
        if name != cards.INDEX:
            ModelCard(text)


def test_a_measured_result_is_in_the_card_and_its_front_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"architecture": "cnn", "dataset": "ravdess", "labels": "happy sad", "protocol": "group-5", "folds": "5"}
    row |= {"seed": "0", "clips": "96", "wa": "0.5012", "ua": "0.5123", "ua_std": "0.02", "ua_low": "0.4"}
    row |= {"ua_high": "0.6", "macro_f1": "0.49", "command": "emozoo train cnn --fold all"}
    monkeypatch.setattr(cards, "measured_results", lambda: [row, {**row, "ua": "0.4"}, {**row, "architecture": "x"}])
    text = cards.render("cnn")
    assert (
        "| ravdess: happy, sad; 96 clips, `group-5`, 5 folds | **51.2** | ± 2.0 | 40.0 to 60.0 | 50.1 | 49.0 | "
        "this corpus, without dev speakers | [2](../emozoo/results.csv#L2) |"
    ) in text
    data = ModelCard(text).data
    assert data.datasets == ["ravdess"] and data.eval_results[1].metric_value == 0.5123
    assert "Nothing has been measured" not in text
    assert "Nothing has been measured" in cards.render("cnn_rnn") and "ravdess, 2 emotions: 51.2" in cards.index()
