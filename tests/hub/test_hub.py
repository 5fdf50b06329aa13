"""The Hub: what is published comes back and answers the same; what cannot be trusted is refused; what goes wrong is said.

A real server on loopback answers the real client, which runs in a process of its own with a cache of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from safetensors.torch import load_file, save_file
from support.hub_server import Hub, Repo, running
from support.publishing import NAME, cli, environment, publish
from support.small import PEAK, emozoo, one_error, read, toy, train_words

from emozoo import EmozooError
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.hub.reference import parse
from emozoo.publishing.push import PUBLISHED
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running() as server:
        yield server


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    emozoo(*train_words(folder, epochs=1))
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture(scope="module")
def clip() -> Path:
    return next(toy().rglob("sentences/**/*.wav"))


def answers(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)["predictions"]


def test_a_pushed_run_answers_the_same_from_another_empty_cache_and_then_offline(
    hub: Hub, run: Path, clip: Path, tmp_path: Path
) -> None:
    pushed = cli(hub, tmp_path / "a", "push", run, NAME)
    assert pushed.stdout.strip() == f"{hub.url}/{NAME}"
    repo = hub.models[NAME]
    assert set(repo.files()) == {*PUBLISHED, ".gitattributes"} - {"model.onnx"} and not repo.private
    assert len(repo.history()) == 2  # the Hub's own first commit, and one push
    assert str(run).encode() not in b"".join(repo.files().values())
    here = cli(hub, tmp_path / "a", "predict", clip, "--model", run, "--json")
    hub.requests.clear()
    there = cli(hub, tmp_path / "b", "predict", clip, "--model", f"hub:{NAME}", "--json", token=None)
    assert answers(there) == answers(here) and json.loads(there.stdout)["model"] == f"hub:{NAME}"
    fetched = {path.rsplit("/", 1)[1] for path in hub.paths("HEAD")}
    assert fetched == {"config.json", "model.safetensors", "preprocessor_config.json"}
    hub.requests.clear()
    offline = cli(hub, tmp_path / "b", "predict", clip, "--model", f"hub:{NAME}", "--json", HF_HUB_OFFLINE="1")
    assert answers(offline) == answers(here) and hub.requests == [] and offline.stderr == ""
    cut = cli(
        hub, tmp_path / "b", "predict", clip, "--model", f"hub:{NAME}", "--json", HF_ENDPOINT="http://127.0.0.1:9"
    )
    assert answers(cut) == answers(here) and "going on with what was fetched before" in cut.stderr


def test_an_exported_model_is_published_and_runs_from_the_hub_without_its_weights(
    hub: Hub, run: Path, clip: Path, tmp_path: Path
) -> None:
    words = ("predict", clip, "--model", f"hub:{NAME}", "--backend", "onnx", "--json")
    cli(hub, tmp_path / "a", "push", run, NAME)
    assert "model.onnx: emozoo export" in one_error(cli(hub, tmp_path / "a", *words, check=2))
    cli(hub, tmp_path / "a", "export", run)
    cli(hub, tmp_path / "a", "push", run, NAME)
    found = json.loads(cli(hub, tmp_path / "b", *words).stdout)["predictions"][0]["probabilities"]
    wanted = json.loads(cli(hub, tmp_path / "a", "predict", clip, "--model", run, "--json").stdout)
    assert found == pytest.approx(wanted["predictions"][0]["probabilities"], abs=1e-3)
    assert not list((tmp_path / "b").rglob("model.safetensors"))
    assert (
        json.loads(cli(hub, tmp_path / "b", *words, HF_HUB_OFFLINE="1").stdout)["predictions"][0]["probabilities"]
        == found
    )
    (run / "model.onnx").write_bytes((run / "model.onnx").read_bytes()[:-100])
    assert "model.onnx" in one_error(cli(hub, tmp_path / "a", "push", run, NAME, check=2))


def test_a_graph_and_weights_that_disagree_are_not_published(hub: Hub, run: Path, tmp_path: Path) -> None:
    cli(hub, tmp_path / "a", "export", run)
    weights = load_file(run / "model.safetensors")
    weights["classifier.output.bias"][0] += 1
    save_file(weights, run / "model.safetensors")
    graph = onnx.load(run / "model.onnx")
    (note,) = [each for each in graph.metadata_props if each.key == "emozoo.weights"]
    note.value = hashlib.sha256((run / "model.safetensors").read_bytes()).hexdigest()
    (run / "model.onnx").write_bytes(graph.SerializeToString())
    done = cli(hub, tmp_path / "a", "push", run, NAME, check=2)
    assert "model.onnx does not answer as model.safetensors does" in one_error(done) and NAME not in hub.models


@pytest.mark.parametrize("file", ["model.safetensors", "README.md", "predictions.csv", "metrics.json", "config.json"])
@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_what_lies_outside_of_the_folder_is_not_published(
    file: str, dry: list[str], hub: Hub, run: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "home" / "secret"
    secret.parent.mkdir()
    if (run / file).exists():
        shutil.move(run / file, secret)
    else:
        secret.write_text("very secret")
    (run / file).symlink_to(secret)
    done = cli(hub, tmp_path / "a", "push", run, NAME, *dry, check=2)
    assert f"{run / file} is a link out of the folder" in one_error(done) and done.stdout == ""
    assert NAME not in hub.models


def test_links_inside_of_the_folder_and_a_folder_that_is_a_link_are_published(
    hub: Hub, run: Path, tmp_path: Path
) -> None:
    (run / "best.safetensors").write_bytes((run / "model.safetensors").read_bytes())
    (run / "model.safetensors").unlink()
    (run / "model.safetensors").symlink_to("best.safetensors")
    (tmp_path / "latest").symlink_to(run)
    cli(hub, tmp_path / "a", "push", tmp_path / "latest", NAME)
    assert hub.models[NAME].files()["model.safetensors"] == (run / "best.safetensors").read_bytes()


def test_a_folder_of_the_hubs_cache_can_be_published_again(hub: Hub, run: Path, clip: Path, tmp_path: Path) -> None:
    cli(hub, tmp_path / "a", "push", run, NAME)
    cli(hub, tmp_path / "b", "predict", clip, "--model", f"hub:{NAME}")
    (weights,) = (tmp_path / "b").rglob("model.safetensors")
    assert weights.is_symlink()
    cli(hub, tmp_path / "b", "push", weights.parent, "anna/again")
    assert hub.models["anna/again"].files()["model.safetensors"] == weights.read_bytes()
    blobs = weights.parents[2] / "blobs"
    blobs.rename(tmp_path / "elsewhere")
    blobs.symlink_to(tmp_path / "elsewhere")
    assert "is a link out of" in one_error(cli(hub, tmp_path / "b", "push", weights.parent, "anna/third", check=2))


def test_evaluate_and_info_take_a_reference(hub: Hub, run: Path, tmp_path: Path) -> None:
    publish(hub, run)
    line = one_error(cli(hub, tmp_path, "evaluate", f"hub:{NAME}", check=2))
    assert f"hub:{NAME} has no record of its training here: name the data" in line
    words = ["--dataset", "toy", "--data-dir", toy(), "--fold", "1", "--json"]
    there = json.loads(cli(hub, tmp_path, "evaluate", f"hub:{NAME}", *words).stdout)
    assert there["model"] == f"hub:{NAME}" and there["confusion"] == read(run / "metrics.json")["test"]["confusion"]
    assert there["note"] == "" and there["leak"]["unknown"] == [], "what it was trained on was published with it"
    shown = json.loads(cli(hub, tmp_path / "info", "info", f"hub:{NAME}", "--json").stdout)
    assert shown["architecture"] == "cnn" and shown["trained_on"].startswith("toy") and shown["test_results"]
    assert shown["commit"] == hub.models[NAME].refs["main"]
    assert not list((tmp_path / "info").rglob("model.safetensors"))  # only what is needed comes down


def test_a_dataset_of_the_hub_is_measured(hub: Hub, run: Path, clip: Path, tmp_path: Path) -> None:
    words = ("happy", "sad", "angry", "neutral")
    features = {"audio": {"_type": "Audio"}, "mood": {"_type": "ClassLabel", "names": [*words, "tired"]}}
    sounds = [{"bytes": clip.read_bytes(), "path": "../../x.wav"}] * 5
    table = pa.table({"audio": sounds, "mood": [0, 1, 2, 3, 4], "Speaker_Name": ["x"] * 5, "speaker_id": list("aabbb")})
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "part.parquet")
    repo = hub.datasets["anna/clips"] = Repo("anna/clips")
    repo.commit({"data/test-00000-of-00001.parquet": (tmp_path / "part.parquet").read_bytes()}, "first")
    words_of_it = ["evaluate", run, "--dataset", "manifest", "--data-dir", "hub:anna/clips", "--json"]
    done = cli(hub, tmp_path, *words_of_it, EMOZOO_CACHE=str(tmp_path / "cache"))
    document = json.loads(done.stdout)
    assert document["count"] == 4 and {each["speaker"] for each in document["per_speaker"]} == {"a", "b"}
    assert not (tmp_path / "x.wav").exists()
    named = ["/etc/passwd", "../../x.wav", "a/../../b.wav", "..\\..\\x.wav", "~/x.wav", "/gone.wav"]
    for number, path in enumerate(named):
        repo.commit({"metadata.csv": f"file,label\na.wav,sad\n{path},sad\n".encode()}, f"hostile {number}")
        said = one_error(cli(hub, tmp_path, *words_of_it, check=2))
        assert "hub:anna/clips is refused: " in said and f"line 3: it names {path}, which is no file of its own" in said


def test_a_model_of_the_hub_is_fine_tuned(hub: Hub, run: Path, tmp_path: Path) -> None:
    repo = publish(hub, run)
    words = ["--dataset", "toy", "--data-dir", toy(), "--device", "cpu", "--set", "batch_size=10"]
    frozen = ["--from", f"hub:{NAME}", "--epochs", "1", "--set", "learning_rate=1e-12", *words]
    cli(hub, tmp_path, "train", *frozen, "--output", tmp_path / "tuned")
    metrics = read(tmp_path / "tuned" / "metrics.json")
    assert metrics["training"]["start"] == f"hub:{NAME}@{repo.refs['main']}"
    assert metrics["test"]["confusion"] == read(run / "metrics.json")["test"]["confusion"]  # nothing was unlearnt
    assert metrics["data"]["leak"]["unknown"] == [] and metrics["data"]["speaker_disjoint"] is True
    fewer = cli(hub, tmp_path, "train", *frozen, "--labels", "sad,angry", "--output", tmp_path / "fewer")
    assert "start at random" in fewer.stderr and "classifier.output.weight" in fewer.stderr
    wrong = cli(hub, tmp_path, "train", "cnn_rnn", *frozen, "--output", tmp_path / "no", check=2)
    assert "is a cnn, not a cnn_rnn" in one_error(wrong)
    wrong = cli(hub, tmp_path, "train", *frozen, "--set", "linear=8", "--output", tmp_path / "no", check=2)
    assert "linear" in one_error(wrong) and not (tmp_path / "no").exists()


def test_a_revision_stays_what_it_was_when_something_newer_is_pushed(hub: Hub, run: Path, tmp_path: Path) -> None:
    cli(hub, tmp_path, "push", run, NAME, "--message", "the first")
    repo = hub.models[NAME]
    first = repo.refs["main"]
    repo.tags["v1"] = first
    config = read(run / "config.json")
    config["id2label"]["0"], old = "glad", config["id2label"]["0"]
    config["label2id"] = {word: int(number) for number, word in config["id2label"].items()}
    (run / "config.json").write_text(json.dumps(config))
    (run / "metrics.json").unlink()
    cli(hub, tmp_path, "push", run, NAME, "--message", "the second")
    assert repo.history()[1:] == ["the first", "the second"] and "metrics.json" not in repo.files()
    for revision, label in (("", "glad"), ("@main", "glad"), ("@v1", old), (f"@{first}", old)):
        shown = json.loads(cli(hub, tmp_path, "info", f"hub:{NAME}{revision}", "--json").stdout)
        assert shown["labels"][0] == label, revision
    cli(hub, tmp_path, "push", run, NAME, "--revision", "trial")
    assert repo.refs["trial"] != first and set(repo.files("trial")) == set(repo.files("main"))


def test_a_dry_run_sends_nothing_and_a_private_repository_is_private(hub: Hub, run: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    done = cli(hub, tmp_path, "push", run, NAME, "--dry-run")
    assert (
        "model.safetensors" in done.stdout and "library_name: emozoo" in done.stdout and "run.json" not in done.stdout
    )
    assert hub.models == {} and hub.paths("POST") == []
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    cli(hub, tmp_path, "push", run, NAME, "--private", "--token", "hf_writer", token=None)
    assert hub.models[NAME].private
    seen = cli(hub, tmp_path / "b", "info", f"hub:{NAME}", check=2, token=None)
    assert "is private, or there is no such repository" in one_error(seen)
    assert "may not see it" in one_error(cli(hub, tmp_path / "b", "info", f"hub:{NAME}", check=2, token="hf_reader"))


def test_what_a_person_wrote_into_the_card_survives(hub: Hub, run: Path, tmp_path: Path) -> None:
    cli(hub, tmp_path, "push", run, NAME)
    repo = hub.models[NAME]
    card = repo.files()["README.md"].decode()
    repo.commit({"README.md": (card + "\nRecorded with love in Graz.\n").encode()}, "edited on the web site")
    cli(hub, tmp_path, "push", run, NAME)
    assert "love in Graz" in repo.files()["README.md"].decode() and "love in Graz" in (run / "README.md").read_text()
    (run / "README.md").write_text((run / "README.md").read_text() + "\nAnd here at home.\n")
    cli(hub, tmp_path, "push", run, NAME)
    text = repo.files()["README.md"].decode()
    assert "love in Graz" in text and "here at home" in text and text.count("<!-- emozoo: begin -->") == 1


def test_a_card_that_was_edited_on_the_hub_is_merged_and_never_overwritten_in_silence(
    hub: Hub, run: Path, tmp_path: Path
) -> None:
    cli(hub, tmp_path, "push", run, NAME)
    repo = hub.models[NAME]

    def edited(**changes: tuple[str, str]) -> bytes:
        text = repo.files()["README.md"].decode()
        for old, new in changes.values():
            assert old in text
            text = text.replace(old, new, 1)
        return text.encode()

    def push() -> tuple[dict[str, Any], str, str]:
        done = cli(hub, tmp_path, "push", run, NAME)
        text = repo.files()["README.md"].decode()
        assert (run / "README.md").read_text() == text
        return yaml.safe_load(text.split("---\n", 2)[1]), text, done.stderr

    theirs = edited(
        front=("license: apache-2.0", "license: mit\nwidget: [{src: a.wav}]\ndoi: '10.1'"),
        text=("<!-- emozoo: begin", "First here.\n\nSecond here.\n\n<!-- emozoo: begin"),
    )
    repo.commit({"README.md": theirs}, "edited on the web site")
    data, text, said = push()  # nobody wrote anything here
    assert (data["license"], data["widget"], data["doi"]) == ("mit", [{"src": "a.wav"}], "10.1")
    assert "First here.\n\nSecond here." in text and "license stays" in said and "here and there" not in said

    (run / "README.md").write_text(text.replace("Second here.", "Second at home.").replace("'10.1'", "'10.2'"))
    data, text, said = push()  # only this one was changed since
    assert data["doi"] == "10.2" and "Second at home." in text and "Second here." not in text
    assert "here and there" not in said

    repo.commit({"README.md": edited(text=("First here.", "First there."), front=("'10.2'", "'10.3'"))}, "again")
    (run / "README.md").write_text(text.replace("Second at home.", "Second, anew.").replace("'10.2'", "'10.4'"))
    data, text, said = push()  # both were
    assert all(words in text for words in ("First there.", "Second, anew.")) and data["doi"] == "10.4"
    assert 'doi is "10.4" here and "10.3" there' in said and "all paragraphs of both are kept" in said
    data, text, said = push()
    assert "all paragraphs" not in said and "10.3" not in text


@pytest.mark.parametrize("existing", [True, False])
def test_a_push_that_is_killed_publishes_nothing_and_can_be_repeated(
    hub: Hub, run: Path, tmp_path: Path, existing: bool
) -> None:
    if existing:
        hub.models[NAME] = Repo(NAME)
        hub.models[NAME].commit({"config.json": b"{}"}, "older")
    with hub.hold() as reached:
        process = subprocess.Popen(
            [sys.executable, "-m", "emozoo", "push", str(run), NAME],
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment(hub, tmp_path)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert reached.wait(60)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    repo = hub.models[NAME]
    assert len(repo.history()) == 1 and "model.safetensors" not in repo.files()
    cli(hub, tmp_path, "push", run, NAME)
    assert len(repo.history()) == 2 and repo.files()["config.json"] == (run / "config.json").read_bytes()


def test_a_push_that_may_not_be_is_refused_with_the_reason(hub: Hub, run: Path, tmp_path: Path) -> None:
    def refused(*words: Any, **more: Any) -> str:
        return one_error(cli(hub, tmp_path, "push", *words, check=2, **more))

    assert "does not accept your token" in refused(run, NAME, token="hf_wrong")
    assert "needs a token" in refused(run, NAME, token=None)
    assert "blanks or characters that no token has" in refused(run, NAME, "--token", "hf_writer\nhf_wrong", token=None)
    assert "may not write there" in refused(run, "ben/emo-cnn")
    assert "HF_HUB_OFFLINE is set" in refused(run, NAME, HF_HUB_OFFLINE="1")
    for name in ("emo-cnn", "anna/emo/cnn", "anna/../x", "https://huggingface.co/anna/x"):
        assert "is no repository of the Hub" in refused(run, name)
    hub.renamed["anna/old"] = NAME
    publish(hub, run)
    assert f"has been renamed to {NAME}" in refused(run, "anna/old")
    hub.fail("POST .*/commit/", 412)
    assert "changed by someone else" in refused(run, NAME)
    (run / "model.safetensors").write_bytes(b"torn")
    assert "model.safetensors is damaged" in refused(run, NAME)
    assert hub.models.keys() == {NAME} and len(hub.models[NAME].history()) == 1


def test_each_trouble_has_a_sentence_of_its_own(hub: Hub, run: Path, tmp_path: Path) -> None:
    def refused(name: str = NAME, **more: Any) -> str:
        return one_error(cli(hub, tmp_path, "info", f"hub:{name}", check=2, **more))

    publish(hub, run)
    publish(hub, run, "anna/gated", gated=True)
    hub.models["anna/empty"] = Repo("anna/empty")
    hub.models["anna/empty"].commit({"README.md": b"soon"}, "first")
    sentences = [
        refused("anna/gone"),
        refused("anna/gone", token=None),
        refused("anna/gated", token="hf_reader"),
        refused(f"{NAME}@v9"),
        refused("anna/empty"),
        refused(token="hf_wrong"),
        refused(HF_HUB_OFFLINE="1"),
        refused(HF_ENDPOINT="http://127.0.0.1:9"),
    ]
    expected = (
        "no such repository, or it is private and your token", "is private, or there is no such repository",
        "is gated: ask for access at", "has no such branch, tag or commit", "it has no config.json",
        "does not accept your token", "is not in the cache, and HF_HUB_OFFLINE is set", "there is no network",
    )  # fmt: skip
    for sentence, words in zip(sentences, expected, strict=True):
        assert words in sentence
    assert len(set(sentences)) == len(sentences)
    asked = len(hub.paths("HEAD"))
    hub.fail("resolve", 403)
    assert "lacks the permission" in refused()
    assert len(hub.paths("HEAD")) == asked + 1  # asked again only where that may help
    hub.faults.clear()
    hub.fail("resolve", 429, ratelimit='"resolvers";r=0;t=271')
    assert "too many requests): try again in 271 seconds" in refused()
    hub.faults.clear()
    hub.fail("resolve", 503, times=2)
    cli(hub, tmp_path, "info", f"hub:{NAME}")
    hub.faults.clear()
    hub.fail("resolve", 500)
    assert "a problem of its own (status 500)" in refused("anna/gated", token="hf_writer")


def test_a_renamed_repository_still_answers_and_says_its_name(hub: Hub, run: Path, tmp_path: Path) -> None:
    publish(hub, run)
    hub.renamed["anna/old"] = NAME
    done = cli(hub, tmp_path, "info", "hub:anna/old", "--json")
    assert f"has been renamed: call it hub:{NAME} from now on" in done.stderr
    assert json.loads(done.stdout)["architecture"] == "cnn"


def test_list_finds_models_of_the_zoo(hub: Hub, run: Path, tmp_path: Path) -> None:
    cli(hub, tmp_path, "push", run, NAME)
    hub.models[NAME].downloads = 12345
    hub.models["ben/bert"] = Repo("ben/bert")
    hub.models["ben/bert"].commit({"README.md": b"---\ntags: [text]\n---\n"}, "first")
    (model,) = json.loads(cli(hub, tmp_path, "list", "--hub", "--json", token=None).stdout)["models"]
    test = read(run / "metrics.json")["test"]
    assert model["name"] == NAME and model["downloads"] == 12345
    assert model["architecture"] == "cnn" and model["labels"] == ["happy", "sad", "angry", "neutral"]
    assert model["wa"] == pytest.approx(test["wa"], abs=1e-4) and model["ua"] == pytest.approx(test["ua"], abs=1e-4)
    assert "12,345" in cli(hub, tmp_path, "list", "--hub", "emo").stdout
    assert "no emozoo model" in cli(hub, tmp_path, "list", "--hub", "nothing-like-it").stderr
    assert "needs --hub" in one_error(emozoo("list", "emo", check=2))


def test_what_cannot_be_trusted_is_refused_by_name(hub: Hub, run: Path, clip: Path, tmp_path: Path) -> None:
    def refused(name: str, changes: dict[str, bytes | None]) -> str:
        publish(hub, run, name).commit(changes, "changed")
        hub.requests.clear()
        return one_error(cli(hub, tmp_path, "predict", clip, "--model", f"hub:{name}", check=2))

    line = refused("ben/pickled", {"model.safetensors": None, "pytorch_model.bin": b"\x80\x04cos\nsystem\n."})
    assert "hub:ben/pickled is refused" in line and "pytorch_model.bin" in line
    assert not any("pytorch_model.bin" in path for path in hub.paths("GET"))
    whole = (run / "model.safetensors").read_bytes()
    line = refused("ben/torn", {"model.safetensors": whole[: len(whole) // 2]})
    assert "hub:ben/torn/model.safetensors is damaged" in line
    config = read(run / "config.json")
    hostile = {**config, "architecture_config": {**config["architecture_config"], "linear": "../../etc/passwd"}}
    line = refused("ben/path", {"config.json": json.dumps(hostile).encode()})
    assert "architecture_config.linear is '../../etc/passwd', which leads out" in line
    assert not any("model.safetensors" in path for path in hub.paths("HEAD"))  # refused before the weights came
    missing = {**config, "architecture": "far_net", "plugin": {"distribution": "emozoo-far", "version": "2.0"}}
    line = refused("ben/far", {"config.json": json.dumps(missing).encode(), "far_net.py": b"raise SystemExit"})
    assert "emozoo-far 2.0: pip install emozoo-far (installing a plugin runs its code)" in line
    assert not any("far_net.py" in line for line in hub.requests)
    line = refused("ben/bert", {"config.json": b'{"model_type": "bert"}', "model.safetensors": b"x"})
    assert "hub:ben/bert is not a checkpoint of emozoo: model_type is 'bert'" in line
    line = refused("ben/big", {"config.json": b" " * 2**21})
    assert "config.json has 2,097,152 bytes, more than emozoo fetches" in line


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    architecture = get_architecture("cnn_rnn")
    small = {"filters": "4,6,6", "kernels": "[[5,5],[5,5],[3,3]]", "linear": "16", "hidden": "8", "layers": "1"}
    EmotionModel(architecture, apply_settings(architecture, small)[0], ("sad", "angry", "glad")).save(tmp_path / "m")
    return tmp_path / "m"


HOSTILE = [
    None, [], {}, True, -1, 1e300, 10**12, 2**31, "x" * 5000, "/etc/passwd", "../secret", "C:\\x", "~/x", "http://x/y",
    "\x1b[2J", [[[]]], "; rm -rf ~",
]  # fmt: skip


def test_thirty_random_corruptions_of_the_config_are_each_an_emozoo_error(checkpoint: Path) -> None:
    path = checkpoint / "config.json"
    whole = json.loads(path.read_text())

    def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        if way:
            yield way
        for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
            yield from places(value[key], (*way, key))

    ways = list(places(whole))
    for seed in range(30):
        draw = random.Random(seed)
        config = json.loads(json.dumps(whole))
        *way, last = draw.choice(ways)
        holder = config
        for key in way:
            holder = holder[key]
        value = draw.choice([each for each in HOSTILE if each != holder[last]])
        holder[last] = value
        path.write_text(json.dumps(config))
        with pytest.raises(EmozooError) as caught:
            load(checkpoint, "cpu")
        assert "\n" not in str(caught.value) and "\x1b" not in str(caught.value), (way, last, value)


@pytest.mark.parametrize("field", ["hidden", "layers", "linear"])
def test_a_config_that_claims_a_huge_network_takes_no_memory(checkpoint: Path, field: str) -> None:
    config = read(checkpoint / "config.json")
    config["architecture_config"][field] = 10**9
    (checkpoint / "config.json").write_text(json.dumps(config))
    code = (
        "import sys; from emozoo.checkpoint.loading import load; import emozoo\n"
        "try: load(sys.argv[1], 'cpu')\n"
        f"except emozoo.EmozooError as error: print({PEAK}, error)"
    )
    done = subprocess.run([sys.executable, "-c", code, checkpoint], capture_output=True, text=True, timeout=120)
    assert "does not fit" in done.stdout, done.stderr
    assert int(done.stdout.split()[0]) < 2000  # MiB; torch itself takes about 400


def test_a_nested_config_is_refused(checkpoint: Path) -> None:
    for text in ("[" * 100_000, '{"a":' * 900 + "1" + "}" * 900, '{"model_type": "emozoo", "window": NaN}'):
        (checkpoint / "config.json").write_text(text)
        with pytest.raises(EmozooError):
            load(checkpoint, "cpu")


@pytest.mark.parametrize(
    "text",
    [
        "hub:", "hub:name", "hub:a/b/c", "hub:a/b@", "hub:a/b@../c", "hub:a/b@x y", "hub:../b", "hub:a/..", "hub:a/b@-x",
        "hub:a/b\n", "hub:/etc/passwd", "hub:a--b/c", "hub:a/b.git",
    ],
)  # fmt: skip
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(EmozooError, match="is no (repository|revision)"):
        parse(text)


def test_a_reference_comes_apart() -> None:
    assert (parse("hub:a/b").repo, parse("hub:a/b").revision) == ("a/b", None)
    assert parse("hub:a/b-c_d.e@refs/pr/1").revision == "refs/pr/1"
    assert str(parse("hub:a/b@v1.0")) == "hub:a/b@v1.0"


def test_the_small_server_tags_and_lists_trees_as_the_hub_does(hub: Hub, run: Path, tmp_path: Path) -> None:
    publish(hub, run)
    code = (
        f"from huggingface_hub import HfApi; api = HfApi(); api.create_tag({NAME!r}, tag='v1');"
        f"print(sorted(api.list_repo_files({NAME!r}, revision='v1')), api.model_info({NAME!r}, revision='v1').sha)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment(hub, tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "model.safetensors" in done.stdout and hub.models[NAME].tags["v1"] in done.stdout
