"""A stranger's checkpoint folder, whatever its files hold, is read or refused with one EmozooError."""

import json
import shutil
import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from support import hub_server
from support.models import small_model
from support.small import emozoo, one_error, read

from emozoo import EmozooError
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.weights import read_shapes
from emozoo.cli.tables import show_hub, show_info
from emozoo.hub import search as hub_search
from emozoo.hub.search import HubModel, search
from emozoo.inspection.describe import describe, describe_checkpoint
from emozoo.text import json_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("NaN")
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner))
FUZZ = settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
METRICS = {
    "data": {
        "dataset": "toy",
        "protocol": "group-5",
        "fold": 1,
        "folds": 5,
        "fold_name": "ann, bob",
        "note": "",
    },
    "test": {"wa": 0.5, "ua": 0.25, "macro_f1": 0.125, "count": 8, "confusion": [[1]]},
    "training": {
        "start": None,
        "recipe": {"epochs": 2, "learning_rate": 0.001, "schedule": "cosine", "clip": [[1, 2]]},
    },
}
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strangers") / "run"
    small_model().save(folder)
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    return folder


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def changed(document: Any, path: list[str], value: Any) -> Any:
    """The document with another value at a place."""
    if not path:
        return value
    return {**document, path[0]: changed(document[path[0]], path[1:], value)}


def places(document: Any, path: tuple[str, ...] = ()) -> list[list[str]]:
    inner = document.items() if isinstance(document, dict) else ()
    return [list(path)] + [place for key, value in inner for place in places(value, (*path, key))]


def told(run: Path) -> None:
    """All that info says of a run, as a table and as JSON."""
    document = describe_checkpoint(run, "run")
    json_text(document)
    show_info(document)


def test_info_tells_what_metrics_json_says(run: Path) -> None:
    document = describe(str(run))
    assert document["trained_on"] == "toy, group-5 fold 1 of 5, test: ann, bob"
    assert document["test_results"] == {"wa": 0.5, "ua": 0.25, "macro_f1": 0.125, "clips": 8}
    assert document["recipe"] == METRICS["training"]["recipe"]


@FUZZ
@given(st.sampled_from(places(METRICS)), JSON)
@example(["test", "wa"], float("nan"))
@example(["test", "wa"], 10**400)
@example(["test", "count"], True)
@example(["training", "recipe"], {"a": float("inf")})
@example(["data", "dataset"], "\ud800")
@example(["data", "note"], "x" * 100_000)
def test_metrics_of_any_kind_are_told_or_refused(run: Path, place: list[str], value: Any) -> None:
    (run / "metrics.json").write_text(json.dumps(changed(METRICS, place, value)))
    try:
        told(run)
    except EmozooError as error:
        assert "metrics.json is damaged" in str(error)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", DEEP, '{"test": 1e999}', "9" * 5000, "\ufeff{}", "\x00"])
def test_files_that_are_no_results_are_refused_in_one_line(text: str, run: Path) -> None:
    (run / "metrics.json").write_text(text)
    for words in ([], ["--json"]):
        assert "metrics.json is damaged" in one_error(emozoo("info", run, *words, check=2))


@pytest.mark.parametrize("value", ['"0.5"', "NaN", "Infinity", "1e999", "-1", "2", "true", "null", "{}", "9" * 400])
def test_a_score_that_is_no_share_is_refused(value: str, run: Path) -> None:
    text = json.dumps(METRICS).replace('"ua": 0.25', f'"ua": {value}')
    (run / "metrics.json").write_text(text)
    with pytest.raises(EmozooError, match="metrics.json is damaged"):
        told(run)


CONFIG_PLACES = [
    ["architecture"], ["architecture_config"], ["architecture_config", "filters"], ["architecture_config", "linear"],
    ["plugin"], ["plugin", "version"], ["modalities"], ["id2label"], ["id2label", "0"], ["label2id"],
    ["label2id", "happy"], ["sampling_rate"], ["window"], ["model_type"], [],
]  # fmt: skip


@FUZZ
@given(st.sampled_from(CONFIG_PLACES), JSON)
@example(["architecture_config", "linear"], [10**30])
@example(["label2id"], {"happy": 0.0, "sad": 1, "angry": 2, "neutral": 3})
@example(["plugin"], {"distribution": "a\x1b", "version": "1"})
def test_a_config_of_any_kind_is_loaded_or_refused(whole: Path, run: Path, place: list[str], value: Any) -> None:
    (run / "config.json").write_text(json.dumps(changed(read(whole / "config.json"), place, value)))
    try:
        load(run, "cpu")
        told(run)
    except EmozooError as error:
        assert str(run) in str(error) or "run/config.json" in str(error)


@pytest.mark.parametrize("text", ["", "[]", DEEP, '{"a":' * 5000 + "1" + "}" * 5000, "\x00", '"emozoo"', "1e999"])
def test_a_config_that_is_none_is_refused(text: str, run: Path) -> None:
    (run / "config.json").write_text(text)
    with pytest.raises(EmozooError, match="config.json is damaged|not a checkpoint of emozoo"):
        read_config(run)


@FUZZ
@given(JSON | st.binary(max_size=200))
def test_what_transformers_needs_is_not_read_here(run: Path, value: Any) -> None:
    path = run / "preprocessor_config.json"
    path.write_bytes(value) if isinstance(value, bytes) else path.write_text(json.dumps(value))
    load(run, "cpu")


def with_header(run: Path, text: str | bytes, size: int | None = None) -> None:
    """The weights behind another header."""
    path = run / "model.safetensors"
    data = path.read_bytes()
    tensors = data[8 + struct.unpack("<Q", data[:8])[0] :]
    header = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    path.write_bytes(struct.pack("<Q", len(header) if size is None else size) + header + tensors)


def header_of(run: Path) -> dict[str, Any]:
    data = (run / "model.safetensors").read_bytes()
    return json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])


BIAS = "classifier.output.bias"


@FUZZ
@given(st.sampled_from([[], [BIAS], [BIAS, "dtype"], [BIAS, "shape"], [BIAS, "data_offsets"], ["__metadata__"]]), JSON)
@example([BIAS, "shape"], [2**62, 2**62])
@example([BIAS, "shape"], [-4])
@example([BIAS, "data_offsets"], [0, 16])
@example([BIAS, "data_offsets"], [2**63, 2**64])
@example([BIAS, "dtype"], "F8_E4M3")
@example([BIAS, "dtype"], "C64")
def test_a_header_of_any_kind_is_loaded_or_refused(whole: Path, tmp_path: Path, place: list[str], value: Any) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run", dirs_exist_ok=True))
    with_header(run, json.dumps(changed(header_of(run), place, value)))
    try:
        load(run, "cpu")
    except EmozooError as error:
        assert "model.safetensors" in str(error)


@pytest.mark.parametrize(
    ("text", "size", "words"),
    [
        (b"{}", 2**40, "its header has 1,099,511,627,776 bytes, more than"),
        (b"{}", 2**63, "more than"),
        (b'{"a": ' * 10_000 + b"1" + b"}" * 10_000, None, "its header is not readable as JSON"),
        (b"\xff\xfe", None, "its header is not readable as JSON"),
        (b"", None, "is damaged"),
        (b"{}", 2**23, "is damaged"),
    ],
)
def test_a_header_that_claims_too_much_is_refused(text: bytes, size: int | None, words: str, run: Path) -> None:
    with_header(run, text, size)
    with pytest.raises(EmozooError, match=words):
        read_shapes(run)


def test_a_tensor_that_stands_twice_in_the_header_is_refused(run: Path) -> None:
    header = json.dumps(header_of(run))
    bias = json.dumps({BIAS: header_of(run)[BIAS]})[1:-1]
    with_header(run, f"{header[:-1]}, {bias}}}")
    with pytest.raises(EmozooError, match="names something twice"):
        load(run, "cpu")


@pytest.mark.parametrize("kind", [torch.float8_e4m3fn, torch.float8_e5m2, torch.complex64])
def test_numbers_of_a_kind_that_weights_are_not_made_of_are_refused(kind: torch.dtype, run: Path) -> None:
    weights = load_file(run / "model.safetensors")
    save_file({**weights, BIAS: weights[BIAS].to(kind)}, run / "model.safetensors")
    with pytest.raises(EmozooError, match=f"'{BIAS}' holds .* numbers, which emozoo does not write"):
        load(run, "cpu")


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_floats_of_any_usual_size_are_read(kind: torch.dtype, run: Path) -> None:
    weights = load_file(run / "model.safetensors")
    save_file({**weights, BIAS: weights[BIAS].to(kind)}, run / "model.safetensors")
    assert load(run, "cpu").network.state_dict()[BIAS].dtype == torch.float32


def entry(**card: Any) -> dict[str, Any]:
    return {"id": "anna/emo", "downloads": 3, "tags": ["emozoo"], "cardData": card}


GOOD = {
    "emozoo": {"architecture": "cnn", "labels": ["a", "b"]},
    "model-index": [{"results": [{"metrics": [{"name": "WA", "value": 0.5}, {"name": "UA", "value": 0.25}]}]}],
}


def searched(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[HubModel]:
    """What a search makes of the Hub's answer, also printed in each form."""
    monkeypatch.setattr(hub_search, "_ask_for_models", lambda query: json.loads(json.dumps(answer)))
    found = search()
    json_text([vars(model) for model in found])
    show_hub(found)
    return found


def test_a_card_of_a_stranger_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = [
        entry(tags=5), entry(**{"model-index": [{"results": [{"task": None}]}]}), entry(ignore_metadata_errors=1),
        {"id": "ben/odd", "cardData": [1]}, {"id": 5}, "text", {"id": "ben/x", "downloads": "many"},
        entry(**{**GOOD, "model-index": [{"results": [{"metrics": [{"name": "WA", "value": float("nan")}]}]}]}),
    ]  # fmt: skip
    found = searched(monkeypatch, [*odd, entry(**GOOD)])
    assert len(found) == 7 and found[-1] == HubModel("anna/emo", "cnn", ("a", "b"), 0.5, 0.25, 3)
    assert found[-2].wa is None


@FUZZ
@given(
    JSON, st.sampled_from([["cardData"], ["id"], ["downloads"], ["cardData", "emozoo"], ["cardData", "model-index"]])
)
def test_a_card_of_any_kind_is_listed(value: Any, place: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        searched(patch, [changed(entry(**GOOD), place, value), entry(**GOOD)])


def test_an_answer_that_is_no_list_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmozooError, match="the Hub gave an answer that cannot be understood"):
        searched(monkeypatch, {"error": "odd"})


def test_a_real_search_goes_on_beside_an_odd_card(tmp_path: Path) -> None:
    with hub_server.running() as server:
        for name, card in (
            ("ben/odd", "tags: [emozoo]\nbase_model: {a: 1}\nmodel-index: 5"),
            ("anna/emo", "tags: [emozoo]"),
        ):
            server.models[name] = hub_server.Repo(name)
            server.models[name].commit({"README.md": f"---\n{card}\n---\n".encode()}, "first")
        done = emozoo("list", "--hub", "--json", HF_ENDPOINT=server.url, HF_HUB_OFFLINE="0", HF_HOME=str(tmp_path))
    assert {model["name"] for model in json.loads(done.stdout)["models"]} == {"ben/odd", "anna/emo"}
