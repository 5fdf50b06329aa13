"""The points of a reader: each way to break the contract is found and named, by a test and by `emozoo check`."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from support import small
from support.distributions import distribution
from support.schemas import validate
from torch import Tensor, nn

from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.conformance import reader as conformance_reader
from emozoo.conformance.check import check
from emozoo.conformance.documents import RANDOM_DOCUMENTS, damaged, nonsense, strangers
from emozoo.conformance.points import Finding, find
from emozoo.conformance.reader_subject import ReaderSubject
from emozoo.reader import OnnxGraph, Reader, Reading
from emozoo.registry import entry_points
from emozoo.registry.entry_points import ARCHITECTURES

TENSORS = {"w": "linear.weight", "b": "linear.bias"}
SWAPPED = {"w": "linear.bias", "b": "linear.weight"}


@dataclass(frozen=True)
class Config:
    parts: int = 20
    place: str = ""


class Net(nn.Module):
    """The loudness of each part of the sound, and a linear layer."""

    def __init__(self, config: Config, outputs: int) -> None:
        super().__init__()
        self.parts = config.parts
        self.linear = nn.Linear(config.parts, outputs)

    def forward(self, sound: Tensor, lengths: Tensor | None = None) -> Tensor:
        return self.linear(sound.unflatten(1, (self.parts, -1)).abs().mean(2))


architecture = Architecture(name="loudness", modalities=("audio",), config=Config, build=Net, lengths=True)


def matches(document: Any) -> bool:
    return isinstance(document, dict) and document.get("library") == "mine"


def read(folder: Path, document: Any) -> Reading:
    labels = document.get("labels")
    if not isinstance(labels, list) or len(labels) < 2 or not all(isinstance(each, str) and each for each in labels):
        raise EmozooError("its config.json names no labels")
    if len(set(labels)) < len(labels):
        raise EmozooError("its config.json names a label twice")
    return Reading(labels=tuple(labels), architecture="loudness", config=Config(), tensors=TENSORS)


GOOD = Reader(name="mine", summary="checkpoints of mine", matches=matches, read=read)


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The architecture that the readers name, and another that does not take lengths."""
    short = dataclasses.replace(architecture, name="short", lengths=False)
    monkeypatch.setitem(sys.modules, "offered_to_readers", SimpleNamespace(loudness=architecture, short=short))  # type: ignore[arg-type]
    found = [
        SimpleNamespace(name=name, value=f"offered_to_readers:{name}", dist=SimpleNamespace(name="loud", version="1"))
        for name in ("loudness", "short")
    ]
    monkeypatch.setattr(entry_points, "_entry_points", lambda group: found if group == ARCHITECTURES else [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "checkpoint"
    place.mkdir()
    save_file({"w": torch.ones(3, 20), "b": torch.zeros(3)}, place / "model.safetensors")
    (place / "config.json").write_text(json.dumps({"library": "mine", "labels": ["angry", "calm", "sad"]}))
    return place


def look(point: str, folder: Path | None, **changes: Any) -> Finding:
    points = {point.name: point for point in conformance_reader.POINTS}
    return find(points[point], ReaderSubject(dataclasses.replace(GOOD, **changes), folder))


def reading(**changes: Any) -> Callable[[Path, Any], Reading]:
    return lambda folder, document: dataclasses.replace(read(folder, document), **changes)


def raising(folder: Path, document: Any) -> Reading:
    raise KeyError("labels")


def writing(folder: Path, document: Any) -> Reading:
    (folder / "config.json").write_text("{}")
    return read(folder, document)


def careless_of_files(folder: Path, document: Any) -> Reading:
    assert len((folder / "model.safetensors").read_bytes()) > 100
    return read(folder, document)


def silent(folder: Path, document: Any) -> Reading:
    try:
        return read(folder, document)
    except EmozooError as error:
        raise EmozooError("") from error


def careless_of_fields(folder: Path, document: Any) -> Reading:
    return reading(labels=tuple(label.lower() for label in document["labels"]))(folder, {"labels": ["a", "b"]})


def by_its_text(document: Any) -> bool:
    return isinstance(document, dict) and '"library": "mine"' in json.dumps(document)


def by_chance(folder: Path, document: Any) -> Reading:
    return reading(labels=("a", str(next(counter))))(folder, document)


counter = iter(range(1000))
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "metadata: no summary": ({"summary": ""}, "summary is ''"),
    "metadata: a path": ({"weights": ("../model.safetensors",)}, "weights is"),
    "metadata: a text": ({"optional": "a.json"}, "not names of files"),
    "metadata: a pickle": ({"weights": ("model.bin",)}, "safetensors or ONNX only"),
    "matches: everything": ({"matches": lambda document: True}, "True for null"),
    "matches: nothing": ({"matches": lambda document: False}, "False for {"),
    "matches: raises": ({"matches": lambda document: document["library"] == "mine"}, "TypeError for null"),
    "matches: deep": ({"matches": by_its_text}, "RecursionError for a document of lists deep"),
    "matches: no bool": ({"matches": lambda document: document and matches(document)}, "not True or False"),
    "reads: a dict": ({"read": lambda folder, document: {}}, "read returned a dict"),
    "reads: raises": ({"read": raising}, "KeyError"),
    "reads: target": ({"read": reading(target="votes")}, "target is 'votes'"),
    "reads: a list of labels": ({"read": reading(labels=["a", "b"])}, "different words in a tuple"),
    "reads: a label twice": ({"read": reading(labels=("a", "a"))}, "labels are"),
    "reads: one label": ({"read": reading(labels=("a",))}, "not 2 or more"),
    "reads: nothing": ({"read": reading(architecture="")}, "neither an architecture nor a graph"),
    "reads: both": ({"read": reading(graph=OnnxGraph("model.onnx"))}, "names both"),
    "reads: not installed": ({"read": reading(architecture="gone")}, "no architecture is named 'gone'"),
    "reads: no lengths": ({"read": reading(architecture="short")}, "does not take lengths"),
    "reads: config": ({"read": reading(config={"parts": 20})}, "config is a dict"),
    "reads: JSON": ({"read": reading(config=Config(parts=float("nan")))}, "cannot be written as JSON"),  # type: ignore[arg-type]
    "reads: a path": ({"read": reading(config=Config(place="/home/ann/model"))}, "a path or an address"),
    "reads: an address": ({"read": reading(config=Config(place="https://x.org/y"))}, "a path or an address"),
    "reads: writes": ({"read": writing}, "changes the checkpoint's files"),
    "reads: chance": ({"read": by_chance}, "another answer, asked again"),
    "tensors: one is left out": ({"read": reading(tensors={"w": "linear.weight"})}, "leaves out the file's b"),
    "tensors: one too many": ({"read": reading(tensors={**TENSORS, "x": "linear.x"})}, "but the file lacks, x"),
    "tensors: one is not filled": ({"read": reading(tensors=TENSORS | {"b": "b"})}, "not fill the network's linear.bias"),
    "tensors: one twice": ({"read": reading(tensors=TENSORS | {"b": "linear.weight"})}, "not fill"),
    "tensors: the wrong way round": ({"read": reading(tensors=SWAPPED)}, "w is [3, 20], and linear.bias is [3]"),
    "damage: fields": ({"read": careless_of_fields}, "not EmozooError, with {"),
    "damage: files": ({"read": careless_of_files}, "FileNotFoundError, not EmozooError, with no model.safetensors"),
    "damage: silence": ({"read": silent}, "an error that says nothing"),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_a_reader_that_breaks_its_contract_is_told_how(case: str, folder: Path) -> None:
    point, (changes, words) = case.partition(":")[0], BROKEN[case]
    good = look(point, folder)
    assert good.state == "ok", good
    finding = look(point, folder, **changes)
    assert finding.fails and words in finding.found, finding
    assert finding.point.promise in str(finding) and finding.point.look in str(finding)


def test_without_a_checkpoint_a_reader_is_checked_as_far_as_it_goes() -> None:
    states = {point.name: look(point.name, None).state for point in conformance_reader.POINTS}
    assert states == dict.fromkeys(states, "skipped") | {"metadata": "ok", "matches": "ok"}
    assert look("matches", None, matches=lambda document: True).fails


def test_a_graph_has_no_tensors(folder: Path) -> None:
    made = reading(architecture="", config=None, tensors={}, graph=OnnxGraph("model.onnx"))
    assert look("reads", folder, read=made).found == "3 labels of model.onnx"
    assert look("tensors", folder, read=made).state == "skipped"


def test_the_documents_are_the_same_each_time_and_of_every_kind() -> None:
    once, again = (list(nonsense())[:RANDOM_DOCUMENTS] for _ in range(2))  # the others are too deep to be compared
    assert once == again
    kinds = {type(document) for document in [*strangers(), *nonsense()]}
    assert {dict, list, str, int, float, bool, type(None)} <= kinds
    variants = damaged({"a": {"b": [1, 2]}, "c": "d"}, 100)
    assert {"c": "d"} in variants and {"a": {"b": [2]}, "c": "d"} in variants
    assert len(damaged({str(number): number for number in range(500)}, 40)) == 40
    assert (
        all(variant != {"a": {"b": [1, 2]}, "c": "d"} for variant in variants if isinstance(variant, dict)) or variants
    )


# --- as a user checks a third party's

SOURCE = """
    import {heavy}
    from pathlib import Path
    from emozoo.reader import Reader, Reading

    def matches(document):
        print("CHATTER")
        return isinstance(document, dict) and document.get("library") == "mine"

    def read(folder, document):
        raise ValueError("never")

    reader = Reader(name="{name}", summary="small", matches=matches, read=read)
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    for name, heavy in (("heavy", "torch"), ("light", "json")):
        source = SOURCE.replace("{heavy}", heavy).replace("{name}", name)
        distribution(site, f"{name}-reader", {name: f"{name}_reader:reader"}, source, "emozoo.readers")
    return site


def test_what_a_look_at_a_config_imports_is_told(site: Path, folder: Path) -> None:
    words = ["check", "heavy", "--json", "--data-dir", str(folder)]
    report = json.loads(small.emozoo(*words, check=1, PYTHONPATH=str(site)).stdout)  # its chatter is not in it
    validate(report, "check")
    assert (report["kind"], report["distribution"], report["holds"]) == ("reader", "heavy-reader 1.2", False)
    found = {point["point"]: (point["state"], point["found"]) for point in report["points"]}
    assert list(found) == ["loads", *(point.name for point in conformance_reader.POINTS)]
    assert found["light"] == ("broken", "the import of torch")
    assert "ValueError: never" in found["reads"][1] and found["reads"][0] == "broken" and found["damage"][0] == "broken"


def test_a_light_one_without_a_checkpoint_keeps_it_as_far_as_it_was_looked_at(site: Path) -> None:
    done = small.emozoo("check", "light", PYTHONPATH=str(site))
    assert "light keeps the contract, as far as it was looked at: not reads, tensors, damage" in done.stdout
    listed = json.loads(small.emozoo("list", "--json", PYTHONPATH=str(site)).stdout)
    validate(listed, "list")
    (light,) = [each for each in listed["readers"] if each["name"] == "light"]
    assert (light["distribution"], light["version"], light["state"]) == ("light-reader", "1.2", "ok")
    assert light["problem"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"settings": {"x": "1"}}, "odyssey is a reader and has no settings: leave --set out"),
        ({"data_dir": "."}, "has no config.json: name a folder with a checkpoint that odyssey opens"),
    ],
)
def test_a_users_mistake_is_none_of_the_readers(
    options: dict[str, Any], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # the readers that are installed
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmozooError, match=words):
        check("odyssey", **options)
