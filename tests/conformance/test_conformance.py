"""The conformance kit: the plugins in the box keep the contract, and each way to break it is found and named."""

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import plugins, small
from support.distributions import GOOD, distribution
from support.masked import Masked
from support.masked import architecture as masked
from support.schemas import validate
from support.small import NETWORK, one_error, toy
from torch import Tensor, nn

import emozoo.testing
from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.conformance import corpus as conformance_corpus
from emozoo.conformance import network as conformance_network
from emozoo.conformance.check import check
from emozoo.conformance.corpus import CorpusSubject
from emozoo.conformance.network_machine import luck
from emozoo.conformance.network_subject import NetworkSubject
from emozoo.conformance.points import Finding, find
from emozoo.data.corpora.ravdess import corpus as ravdess

# --- the plugins in the box


SMALL = {**NETWORK, "hidden": "8", "layers": "1"}


class TestCnn(emozoo.testing.ArchitectureConformance):
    architecture = "cnn"
    settings = {"window": "1"}


# Training is the same loop for all, and takes the recurrent networks and 3-D convolutions minutes; test_networks has each
# learn to tell two sounds apart.
class TestCnnRnn(emozoo.testing.ArchitectureConformance):
    architecture = "cnn_rnn"
    settings = SMALL
    without = ("trains",)


class TestCnnLstm(emozoo.testing.ArchitectureConformance):
    architecture = "cnn_lstm"
    settings = SMALL
    without = ("trains",)


class TestCnnRnn3dCnn(emozoo.testing.ArchitectureConformance):
    architecture = "cnn_rnn_3dcnn"
    settings = {**SMALL, "video_filters": "2,4", "video_linear": "8"}
    without = ("trains",)


class TestToy(emozoo.testing.DatasetConformance):
    dataset = "toy"


class TestIemocap(emozoo.testing.DatasetConformance):
    dataset = "iemocap"

    @pytest.fixture
    def data_dir(self) -> Path:
        return toy()


class TestRavdess(emozoo.testing.DatasetConformance):
    dataset = "ravdess"

    @pytest.fixture
    def data_dir(self, tmp_path: Path) -> Path:
        return ravdess_folder(tmp_path)


class TestManifest(emozoo.testing.DatasetConformance):
    dataset = "manifest"

    @pytest.fixture
    def data_dir(self, tmp_path: Path) -> Path:
        folder = ravdess_folder(tmp_path)
        files = sorted(folder.rglob("*.wav"))
        lines = [f"{file},{('sad', 'angry')[n % 2]},{file.parent.name}\n" for n, file in enumerate(files)]
        (folder / "metadata.csv").write_text("file,label,speaker\n" + "".join(lines))
        return folder


def ravdess_folder(folder: Path) -> Path:
    sounds = iter(sorted(toy().rglob("sentences/**/*.wav")))
    for actor in range(1, 6):
        (folder / f"Actor_{actor:02d}").mkdir()
        for emotion in (1, 3, 4, 5):
            shutil.copy(next(sounds), folder / f"Actor_{actor:02d}" / f"03-01-{emotion:02d}-01-01-01-{actor:02d}.wav")
    return folder


# --- architectures that break it


@dataclass(frozen=True)
class Config:
    parts: int = 50


class Plain(nn.Module):
    """The loudness of each part of the sound, and a linear layer."""

    def __init__(self, config: Any, num_labels: int) -> None:
        super().__init__()
        self.parts = config.parts
        self.linear = nn.Linear(self.parts, num_labels)

    def loudness(self, sound: Tensor) -> Tensor:
        return sound.unflatten(1, (self.parts, -1)).abs().mean(2)

    def forward(self, input_values: Tensor) -> Tensor:
        return self.linear(self.loudness(input_values))


def made(forward: Callable[..., Any] | None = None, **inside: Callable[[], Any]) -> Callable[[Any, int], nn.Module]:
    """A `build` for Plain with another forward, and more modules or attributes."""

    def build(config: Any, num_labels: int) -> nn.Module:
        network = Plain(config, num_labels)
        for name, value in inside.items():
            setattr(network, name, value())
        if forward is not None:
            network.__class__ = type("Odd", (Plain,), {"forward": forward})
        return network

    return build


def offer(build: Callable[[Any, int], nn.Module] = Plain, **fields: Any) -> Architecture:
    return Architecture(**{"name": "odd", "modalities": ("audio",), "config": Config, "build": build, **fields})


def look(point: str, architecture: Architecture, **settings: str) -> Finding:
    points = {point.name: point for point in conformance_network.POINTS}
    return find(points[point], NetworkSubject(architecture, settings, "cpu"))


def branching(self: Any, sound: Tensor) -> Tensor:
    return Plain.forward(self, sound) if sound.sum() > 0 else -Plain.forward(self, sound)


def taken(value: Any) -> Callable[[], Any]:
    return lambda: value


def numpy_weights() -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(np.random.rand(3).astype("float32")))


@dataclass(frozen=True)
class ListConfig(Config):
    sizes: list[int] = dataclasses.field(default_factory=lambda: [1, 2])


@dataclass(frozen=True)
class PathConfig(Config):
    place: Any = Path("here")


@dataclass(frozen=True)
class WrongConfig(Config):
    size: int = 0.5  # type: ignore[assignment]


def by(forward: Callable[..., Any]) -> Architecture:
    return offer(made(forward))


def embedding(embed: Callable[..., Any]) -> Architecture:
    kind = type("Embedding", (Plain,), {"embed": embed})
    return offer(lambda config, labels: kind(config, labels))


def masking(**methods: Callable[..., Any]) -> Architecture:
    """A network that takes lengths, with other methods."""
    kind = type("Odd", (Masked,), methods)
    return dataclasses.replace(masked, build=kind)


def mean_of_all(self: Any, sound: Tensor, lengths: Tensor | None = None) -> Tensor:
    return Masked.embed(self, sound)


def cut_short(self: Any, sound: Tensor, lengths: Tensor | None = None) -> Tensor:
    return Masked.embed(self, sound, None if lengths is None else lengths // 2)


def counting_padding(self: Any, sound: Tensor, lengths: Tensor | None = None) -> Tensor:
    ends = torch.full((len(sound),), sound.shape[1]) if lengths is None else lengths
    return Masked.embed(self, sound, lengths) * ends[:, None] / sound.shape[1]


def fixed_size(self: Any, config: Any, num_labels: int) -> None:
    Masked.__init__(self, config, num_labels)
    if config.window != 3.0:
        raise ValueError("the window is 3 s")


def fixed_sound(self: Any, sound: Tensor, lengths: Tensor | None = None) -> Tensor:
    return Masked.forward(self, sound.unflatten(1, (48_000, -1))[:, :, 0], lengths)


plain = Plain.forward
BROKEN = {
    "forward: a batch of one is squeezed": (by(lambda self, x: plain(self, x).squeeze()), "[2] for a batch of 1"),
    "forward: the labels are fixed": (offer(lambda config, labels: Plain(config, 4)), "[1, 4] for a batch of 1 and 2"),
    "forward: double": (by(lambda self, x: plain(self, x).double()), "torch.float64"),
    "forward: a tuple": (by(lambda self, x: (plain(self, x),)), "returned a tuple"),
    "forward: it raises": (by(lambda self, x: self.nothing), "AttributeError"),
    "independent: mean": (by(lambda self, x: plain(self, x - x.mean(0))), "of the clips alone"),
    "independent: order": (by(lambda self, x: plain(self, x) + torch.arange(len(x))[:, None]), "of the clips alone"),
    "independent: dropout": (by(lambda self, x: nn.functional.dropout(plain(self, x))), "asked again"),
    "embed: double": (embedding(lambda self, x: self.loudness(x).double()), "embed gives torch.float64"),
    "embed: a list": (embedding(lambda self, x: [0.0]), "returned a list"),
    "embed: one row": (embedding(lambda self, x: self.loudness(x).mean(0, keepdim=True)), "[1, 50] for a batch of 3"),
    "embed: a mean": (embedding(lambda self, x: self.loudness(x - x.mean(0))), "of the clips alone"),
    "embed: infinite": (embedding(lambda self, x: self.loudness(x) / 0), "not finite"),
    "listens: constant": (by(lambda self, x: self.linear(torch.ones(len(x), self.parts))), "two different clips"),
    "lengths: all of it": (masking(embed=mean_of_all), "with noise behind a clip's end"),
    "lengths: half of it": (masking(embed=cut_short), "where lengths are those of whole windows"),
    "lengths: padding counts": (masking(embed=counting_padding), "of the clips alone"),
    "lengths: not taken": (offer(lengths=True), "TypeError"),
    "window: refused": (masking(__init__=fixed_size), "the window is 3 s; the window is 3 s"),
    "window: fixed": (masking(forward=fixed_sound), "RuntimeError"),
    "gradients: unused": (offer(made(spare=lambda: nn.Linear(2, 2))), "spare.bias, spare.weight"),
    "gradients: detached": (by(lambda self, x: plain(self, x).detach()), "RuntimeError"),
    "gradients: zero": (by(lambda self, x: plain(self, x) * 0), "all zero"),
    "seed: numpy": (offer(made(more=numpy_weights)), "other values in more"),
    "extremes: logarithm": (by(lambda self, x: self.linear(self.loudness(x).log())), "not finite"),
    "bf16: numpy": (by(lambda self, x: plain(self, x) + float(plain(self, x).detach().numpy().sum())), "BFloat16"),
    "dimensions: squeezed": (by(lambda self, x: plain(self, x).squeeze(1)), "outputs [6] of one dimension"),
    "dimensions: softmax": (by(lambda self, x: plain(self, x).softmax(1)), "a CCC of 0.00 after"),
    "config: list": (offer(config=ListConfig), "another sizes"),
    "config: path": (offer(config=PathConfig), "JSON"),
    "config: type": (offer(config=WrongConfig), "size is 0.5, not of type int"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_promise_is_found_and_says_where_to_look(case: str) -> None:
    point, (architecture, words) = case.partition(":")[0], BROKEN[case]
    finding = look(point, architecture)
    assert finding.fails and words in finding.found
    assert (
        finding.point.promise in str(finding) and finding.point.look in str(finding) and finding.found in str(finding)
    )
    assert not look(point, masked if point in ("lengths", "window") else offer()).fails


def test_a_network_without_lengths_or_windows_of_its_own_need_not_keep_their_points() -> None:
    assert (look("lengths", offer()).state, look("window", offer()).state) == ("skipped", "skipped")
    assert look("window", masked).found == "windows of 4.5 s as well as of 3 s"


def test_a_network_may_refuse_longer_windows_where_it_takes_shorter_ones() -> None:
    def most(self: Any, config: Any, num_labels: int) -> None:
        Masked.__init__(self, config, num_labels)
        if config.window > 3:
            raise ValueError("3 s at most")

    assert look("window", masking(__init__=most)).found == "windows of 2 s as well as of 3 s"


@pytest.mark.parametrize("point", [each.name for each in conformance_network.POINTS])
def test_a_network_that_takes_lengths_keeps_the_contract(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if point == "trains":
        pytest.skip("it is the same loop for all")
    plugins.offer(monkeypatch, masked, "emozoo", "1.0")
    assert not look(point, masked).fails
    if point in ("lengths", "window", "export"):
        assert look(point, masked).state == "ok"


@pytest.mark.parametrize("point", ["compile", "export"])
def test_what_is_not_required_is_reported(point: str) -> None:
    finding = look(point, offer(made(branching)))
    assert finding.state == "broken" and not finding.fails
    assert look(point, offer()).state == "ok"


def test_frozen_parameters_need_no_gradient_but_some_must_be_trained() -> None:
    frozen = look("gradients", offer(made(spare=lambda: nn.Linear(2, 2).requires_grad_(False))))
    assert not frozen.fails and "2 frozen" in frozen.found
    assert (
        "no parameter that can be trained" in look("gradients", offer(lambda *_: Plain(*_).requires_grad_(False))).found
    )


def test_a_layer_that_is_dropped_at_random_is_reached_all_the_same() -> None:
    def forward(self: Any, sound: Tensor) -> Tensor:
        logits = Plain.forward(self, sound)
        self.calls += 1
        return logits if self.calls % 2 else self.spare(logits)

    assert not look("gradients", offer(made(forward, spare=lambda: nn.Linear(4, 4), calls=taken(0)))).fails


def test_a_network_that_ignores_sound_or_video_is_found() -> None:
    def seen(frames: Tensor) -> Tensor:
        return frames.float().mean((1, 2, 3, 4))[:, None] / 255

    cases = {
        "ok": lambda self, sound, frames: Plain.forward(self, sound) + seen(frames),
        "for any video": lambda self, sound, frames: Plain.forward(self, sound),
        "for any sound": lambda self, sound, frames: self.linear(torch.ones(len(sound), 50)) + seen(frames),
    }
    for words, forward in cases.items():
        finding = look("listens", offer(made(forward), modalities=("audio", "video")))
        assert finding.fails == (words != "ok") and (words == "ok" or words in finding.found)


def test_features_are_by_embed_or_by_the_last_linear_layer_and_a_network_may_have_none() -> None:
    assert look("embed", offer()).found == "50 features, what its last linear layer takes"
    found = look("embed", embedding(lambda self, x: self.loudness(x)[:, :2]))
    assert (found.state, found.found) == ("ok", "2 features, by embed")
    found = look("embed", by(lambda self, x: self.loudness(x)[:, :4] + self.linear.weight.sum()))
    assert found.state == "skipped" and "odd gives no embeddings" in found.found


def test_cost_counts_by_hand() -> None:
    assert look("cost", offer()).found == "204 parameters, 4e-07 GFLOPs a window"


def test_guessing_is_luck() -> None:
    assert luck(0, 20, 2) == pytest.approx(1)
    assert luck(15, 20, 2) == pytest.approx(0.0207, abs=1e-4)
    assert luck(2, 2, 4) == pytest.approx(1 / 16)


# --- a third party's distribution, as a user checks it

NET = """
    from dataclasses import dataclass
    from torch import nn
    from emozoo.architecture import Architecture, Recipe

    @dataclass(frozen=True)
    class Config:
        size: int = 50

    class Net(nn.Module):
        def __init__(self, config, num_labels):
            super().__init__()
            self.linear = nn.Linear(config.size, num_labels)
            self.size, self.mean = config.size, 0.0

        def forward(self, input_values, pixel_values=None):
            print("CHATTER")
            if self.training:
                self.mean = {remembered}
            return self.linear(input_values.unflatten(1, (self.size, -1)).abs().mean(2)) + self.mean

    architecture = Architecture(
        name="{name}", modalities=("audio",), config=Config, build=Net, summary="small", recipe=Recipe(epochs=1), {more}
    )
"""


def net(name: str, remembered: str = "0.0", more: str = "") -> str:
    return NET.replace("{name}", name).replace("{remembered}", remembered).replace("{more}", more)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = tmp_path_factory.mktemp("site")
    forgetful = net("forgetful", "input_values.mean().item()", 'card="gone.md"')
    distribution(site, "forgetful-net", {"forgetful": "forgetful_net:architecture"}, forgetful)
    distribution(site, "raising-net", {"raising": "raising_net:architecture"}, "raise RuntimeError('boom')")
    distribution(site, "exiting-net", {"exiting": "exiting_net:architecture"}, "import os; os._exit(3)")
    distribution(site, "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    return site


def test_a_plugin_that_breaks_the_contract_costs_status_1_and_every_point_is_told(site: Path) -> None:
    words = ["check", "forgetful", "--json", "--set", "epochs=1", "--device", "cpu"]
    done = run(*words, site=site, check=1)
    report = json.loads(done.stdout)  # the network's chatter is not in it
    assert "CHATTER" in done.stderr
    states = {point["point"]: point["state"] for point in report["points"]}
    assert (
        report["holds"] is False and report["distribution"] == "forgetful-net 1.2" and report["kind"] == "architecture"
    )
    assert list(states) == ["loads", *(point.name for point in conformance_network.POINTS)]
    broken = {name for name, state in states.items() if state == "broken"}
    assert {"save", "metadata", "trains"} <= broken and not broken & {
        "loads",
        "forward",
        "independent",
        "seed",
        "config",
    }
    found = {point["point"]: point["found"] for point in report["points"]}
    assert "after loading" in found["save"] and "gone.md" in found["metadata"]
    assert "guessing gives half" in found["trains"]


def run(*words: str, site: Path, check: int) -> Any:
    return small.emozoo(*words, check=check, PYTHONPATH=str(site))


@pytest.mark.parametrize(("name", "words"), [("raising", "RuntimeError: boom"), ("exiting", "exit status 3")])
def test_a_plugin_that_cannot_be_imported_is_told_so(name: str, words: str, site: Path) -> None:
    done = run("check", name, site=site, check=1)
    assert words in done.stdout and f"{name} breaks the contract" in done.stdout and "expected:" in done.stdout


@pytest.mark.parametrize(
    ("expected", "name", "options"),
    [
        ("did you mean cnn", "cmn", {}),
        ("nor is it a dataset", "xyzzy", {}),
        ("has no setting 'x'", "cnn", {"settings": {"x": "1"}}),
        ("leave --set out", "toy", {"settings": {"x": "1"}}),
        ("leave --data-dir out", "cnn", {"data_dir": "."}),
        ("there is no such folder or file", "ravdess", {"data_dir": "gone"}),
        ("no speech of RAVDESS in", "ravdess", {"data_dir": "."}),
        ("the device 'gpu9' cannot be used", "cnn", {"device": "gpu9"}),
    ],
)
def test_a_users_mistake_is_none_of_the_plugins(
    expected: str, name: str, options: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EmozooError, match=expected):
        check(name, **options)


def test_a_users_mistake_costs_one_line_and_status_2() -> None:
    assert "did you mean cnn" in one_error(small.emozoo("check", "cmn", check=2))


# --- datasets


def test_without_data_a_dataset_is_checked_as_far_as_it_goes() -> None:
    report = json.loads(small.emozoo("check", "ravdess", "--json").stdout)
    validate(report, "check")
    assert [point["state"] for point in report["points"]] == ["ok", "ok", *["skipped"] * 6]
    assert "as far as it was looked at: not rows, again," in small.emozoo("check", "ravdess").stdout
    assert "--data-dir" in report["points"][-1]["found"]


def look_at(point: str, rows: list[dict[str, Any]], folder: Path, **fields: Any) -> Finding:
    """A point of a corpus whose builder gives `rows`."""
    import datasets

    from emozoo.data.corpus import FEATURES, row

    class Builder(datasets.GeneratorBasedBuilder):
        VERSION = datasets.Version("1.0.0")

        def _info(self) -> datasets.DatasetInfo:
            return datasets.DatasetInfo(features=FEATURES)

        def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
            return [datasets.SplitGenerator(name="train", gen_kwargs={"rows": rows})]

        def _generate_examples(self, rows: Any) -> Any:
            for number, values in enumerate(rows):
                yield number, row(**values)

    corpus = dataclasses.replace(ravdess, builder=Builder, labels=(), scale=(1, 7), **fields)
    points = {point.name: point for point in conformance_corpus.POINTS}
    return find(points[point], CorpusSubject(corpus, folder))


@pytest.fixture
def rows(tmp_path: Path) -> list[dict[str, Any]]:
    files = sorted(ravdess_folder(tmp_path).rglob("*.wav"))
    return [
        {
            "utterance_id": file.stem,
            "emotion": ("sad", "angry")[n % 2],
            "speaker": file.parent.name,
            "audio_path": str(file),
        }
        for n, file in enumerate(files)
    ]


CORPORA = {
    "rows: an id twice": ("rows", {"utterance_id": "same"}, "the utterance_id same more than once"),
    "rows: no id": ("rows", {"utterance_id": ""}, "no utterance_id in 20 of 20"),
    "rows: no file": ("rows", {"audio_path": ""}, "neither audio_path nor video_path"),
    "rows: the end first": ("rows", {"start": 2.0, "end": 1.0}, "before it starts"),
    "rows: side": ("rows", {"side": "top"}, "side is 'top'"),
    "rows: split": ("rows", {"split": "trial"}, "split is 'trial'"),
    "rows: votes": ("rows", {"votes": '{"sad": "many"}'}, "no JSON object of words and numbers, in "),
    "rows: votes of 0": ("rows", {"votes": "{}"}, "which add up to 0, in "),
    "rows: off the scale": ("rows", {"arousal": 7.5}, "activation is 7.5 in "),
    "labels: one": ("labels", {"emotion": "sad"}, "the labels sad"),
    "labels: capitals": ("labels", {"emotion": "Sad"}, "the labels Sad"),
    "files: missing": ("files", {"audio_path": "/no/such.wav"}, "1 of 1 files do not exist"),
    "files: relative": ("files", {"audio_path": "such.wav"}, "not absolute"),
    "decodes: no sound": ("decodes", {"audio_path": __file__}, "none of the 20 clips can be decoded"),
    "folds: no speaker": ("folds", {"speaker": ""}, "needs the column speaker"),
}


@pytest.mark.parametrize("case", CORPORA)
def test_a_dataset_that_breaks_its_contract_is_told_how(case: str, rows: list[dict[str, Any]], tmp_path: Path) -> None:
    point, changes, words = CORPORA[case]
    changed = look_at(point, [{**values, **changes} for values in rows], tmp_path)
    assert changed.fails and words in changed.found
    assert not look_at(point, rows, tmp_path).fails


def test_a_dataset_that_leaves_speakers_on_both_sides_is_told_so(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    assert "leaves speakers on both sides" in look_at("folds", rows, tmp_path, protocol="random").found


def test_a_builder_that_raises_is_a_finding(tmp_path: Path) -> None:
    finding = look_at("rows", [{"utterance_id": "a", "start": "no number"}], tmp_path)
    assert finding.fails and "no number" in finding.found


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"obtain": ""}, "obtain is empty"),
        ({"summary": ""}, "summary is ''"),
        ({"labels": ("sad", "sad")}, "twice"),
        ({"environment": "my corpus"}, "environment is"),
    ],
)
def test_what_a_dataset_says_of_itself_is_checked(fields: dict[str, Any], words: str) -> None:
    subject = CorpusSubject(dataclasses.replace(ravdess, **fields))
    finding = find(conformance_corpus.POINTS[0], subject)
    assert finding.fails and words in finding.found
