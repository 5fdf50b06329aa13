"""Embeddings: what the last linear layer takes, or what a network's own `embed` gives; by torch and ONNX, in any thread."""

import dataclasses
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from support.models import LABELS, small_model
from support.plugins import offer
from torch import Tensor, nn

from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.model import EmotionModel, Origin
from emozoo.inference.model import Window
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings


def windows(count: int, video: bool, seed: int = 0) -> list[Window]:
    rng = np.random.default_rng(seed)
    sound = rng.normal(0, 0.1, (count, 48_000)).astype(np.float32)
    frames = rng.integers(0, 256, (count, 20, 60, 100, 3), np.uint8)
    return [(one, other if video else None) for one, other in zip(sound, frames, strict=True)]


def members(count: int) -> EmotionModel:
    architecture = get_architecture("resnet_gru")
    words = {"channels": "4,6", "features": "8", "hidden": "4", "members": str(count)}
    torch.manual_seed(3)
    return EmotionModel(architecture, apply_settings(architecture, words)[0], LABELS).eval()


def fusion() -> EmotionModel:
    architecture = get_architecture("av_fusion")
    words = {"audio_filters": "4,4", "video_filters": "4,4", "audio_hidden": "4", "video_hidden": "4", "linear": "5"}
    torch.manual_seed(3)
    return EmotionModel(architecture, apply_settings(architecture, words)[0], LABELS).eval()


def taken_by(layer: nn.Module, model: EmotionModel, given: Sequence[Window]) -> Tensor:
    """What a layer takes while the model answers."""
    taken: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    model.probabilities(given)
    hook.remove()
    return taken[-1]


@pytest.mark.parametrize("name", ["cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn", "av_fusion"])
def test_the_features_are_what_the_last_linear_layer_takes(name: str) -> None:
    model = fusion() if name == "av_fusion" else small_model(name)
    given = windows(3, model.video)
    before = model.probabilities(given)
    found = model.embeddings(given)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, taken_by(model.network.classifier.output, model, given).numpy())
    np.testing.assert_array_equal(model.probabilities(given), before)


def test_the_features_of_an_ensemble_are_its_members_side_by_side() -> None:
    model = members(3)
    given = windows(2, video=False)
    layers = [member.classifier.output for member in model.network.members]
    wanted = np.hstack([taken_by(layer, model, given).numpy() for layer in layers])
    np.testing.assert_allclose(model.embeddings(given), wanted, rtol=1e-5, atol=1e-6)
    assert model.embeddings(given).shape == (2, 3 * 4 * 4)


def test_a_window_has_the_same_features_alone_and_in_a_batch() -> None:
    for model in (small_model("cnn_rnn"), members(2)):
        given = windows(4, video=False)
        alone = np.concatenate([model.embeddings([window]) for window in given])
        np.testing.assert_allclose(model.embeddings(given), alone, rtol=1e-4, atol=1e-5)


def test_many_threads_get_the_features_that_one_gets() -> None:
    model = small_model()
    batches = [windows(2, video=False, seed=seed) for seed in range(24)]
    wanted = [model.embeddings(batch) for batch in batches]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.embeddings, batches))
        list(pool.map(model.probabilities, batches))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


@dataclasses.dataclass(frozen=True)
class Nothing:
    size: int = 3


class Plain(nn.Module):
    """Without a linear layer."""

    def __init__(self, config: Nothing, num_labels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(num_labels))

    def forward(self, input_values: Tensor) -> Tensor:
        return input_values[:, : len(self.scale)] * self.scale


class Named(nn.Module):
    """A layer bears the name of the method, and the last linear layer takes a sequence."""

    def __init__(self, config: Nothing, num_labels: int) -> None:
        super().__init__()
        self.embed = nn.Linear(480, config.size)
        self.last = nn.Linear(config.size, num_labels)

    def forward(self, input_values: Tensor) -> Tensor:
        return self.last(self.embed(input_values.unflatten(1, (-1, 480)))).mean(1)


class Wrong(Plain):
    def embed(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return input_values.sum()


class Broken(Plain):
    def embed(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return input_values[:, :2] / 0 * 0


class Own(Plain):
    def embed(self, input_values: Tensor, pixel_values: Tensor | None = None) -> Tensor:
        return input_values[:, :2].double()


def of(network: type[nn.Module]) -> EmotionModel:
    architecture = Architecture("own", ("audio",), Nothing, network)
    return EmotionModel(architecture, Nothing(), LABELS, Origin("own", "1.0")).eval()


def test_a_networks_own_embed_is_asked_and_a_layer_of_this_name_is_not() -> None:
    given = windows(2, video=False)
    sound = np.stack([waveform for waveform, _ in given])
    found = of(Own).embeddings(given)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, sound[:, :2])
    model = of(Named)
    with torch.inference_mode():
        wanted = model.network.embed(torch.from_numpy(sound).unflatten(1, (-1, 480))).mean(1)
    np.testing.assert_allclose(model.embeddings(given), wanted.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (Plain, "own gives no embeddings: its network has no linear layer, and no method embed of its own"),
        (Wrong, r"own gives no embeddings: its network's features are \[\] for a batch of 1"),
        (Broken, "own answers with values that are no numbers"),
    ],
)
def test_what_gives_no_features_is_one_sentence(network: type[nn.Module], words: str) -> None:
    with pytest.raises(EmozooError, match=words) as caught:
        of(network).embeddings(windows(1, video=False))
    assert "\n" not in str(caught.value)


def test_sound_that_is_no_number_is_told_from_a_damaged_network() -> None:
    sound = np.full(48_000, np.nan, np.float32)
    with pytest.raises(EmozooError, match="the sound holds samples that are no numbers"):
        small_model().embeddings([(sound, None)])


@pytest.fixture(scope="module", params=["cnn", "ensemble"])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[EmotionModel, Path]:
    """A model and its checkpoint's folder, with model.onnx."""
    model = {"cnn": small_model, "ensemble": lambda: members(2)}[request.param]()
    folder = tmp_path_factory.mktemp("exported")
    model.save(folder)
    assert export_onnx(folder).features == model.embeddings(windows(1, model.video)).shape[1]
    return model, folder


def test_an_exported_model_gives_the_features_of_the_network(exported: tuple[EmotionModel, Path]) -> None:
    model, folder = exported
    found = onnx_model.load(folder)
    for count in (1, 3, 8):
        given = windows(count, model.video, seed=count)
        np.testing.assert_allclose(found.embeddings(given), model.embeddings(given), rtol=1e-3, atol=1e-4)


def test_what_embed_shares_with_the_answer_is_computed_once(exported: tuple[EmotionModel, Path]) -> None:
    model, folder = exported
    graph = onnx.load(folder / "model.onnx").graph
    assert [output.name for output in graph.output] == ["logits", "embeddings"]
    for operator, layer in (("GRU", nn.GRU), ("Conv", nn.Conv2d)):
        wanted = sum(isinstance(module, layer) for module in model.modules())
        assert sum(node.op_type == operator for node in graph.node) == wanted, operator


def test_a_file_from_before_there_were_embeddings_still_answers(
    exported: tuple[EmotionModel, Path], tmp_path: Path
) -> None:
    model, folder = exported
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    graph = onnx.load(tmp_path / "model.onnx")
    del graph.graph.output[1]
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    older, given = onnx_model.load(tmp_path), windows(2, model.video)
    np.testing.assert_allclose(older.probabilities(given), model.probabilities(given), atol=1e-3)
    with pytest.raises(EmozooError, match="model.onnx gives no embeddings: emozoo export, run again, adds"):
        older.embeddings(given)


def test_a_network_without_features_is_exported_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = of(Plain)
    offer(monkeypatch, model.architecture, "own", "1.0")
    model.save(tmp_path)
    assert export_onnx(tmp_path).features is None
    assert onnx_model.load(tmp_path).probabilities(windows(2, video=False)).shape == (2, len(LABELS))
