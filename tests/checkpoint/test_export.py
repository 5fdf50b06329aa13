"""model.onnx: each network is exported, answers as torch does without importing it, and a stranger's file is bounded."""

import itertools
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from safetensors.torch import load_file, save_file
from support.make_media import tone, write_sound, write_video
from support.plugins import offer
from support.small import emozoo, one_error, read
from torch import nn

import emozoo as package
from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.checkpoint import onnx_session
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_graph import OPERATORS
from emozoo.checkpoint.onnx_model import load, trial_window
from emozoo.media.window_shape import DEFAULT_WINDOW
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings

NAMES = ("cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn", "functionals")
LABELS = ("sad", "größer", "neutral")
KERNELS = {"filters": "4,4,4,4,4,4", "kernels": "[[5,5],[5,5],[3,3],[3,3],[3,3],[3,3]]", "linear": "16"}
RECURRENT = {"hidden": "8"}
SMALL = {
    "cnn": KERNELS,
    "cnn_rnn": KERNELS | RECURRENT,
    "cnn_lstm": KERNELS | RECURRENT,
    "cnn_rnn_3dcnn": KERNELS | RECURRENT | {"video_filters": "4,4", "video_linear": "8"},
    "functionals": {"window": "3"},
}


def save(name: str, folder: Path) -> Path:
    architecture = get_architecture(name)
    torch.manual_seed(3)
    EmotionModel(architecture, apply_settings(architecture, SMALL[name])[0], LABELS).eval().save(folder)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exported run of each network."""
    folder = tmp_path_factory.mktemp("exported runs")
    for name in NAMES:
        export_onnx(save(name, folder / name))
    return folder


@pytest.fixture
def run(runs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(runs / "cnn", tmp_path / "run"))


@pytest.mark.parametrize("name", NAMES)
def test_an_exported_network_answers_as_torch_does(name: str, runs: Path, tmp_path: Path) -> None:
    sound = np.concatenate([tone(2.0, 44_100, 2, hertz) for hertz in (220, 330, 770)])
    path = write_video(
        tmp_path / "clip.mp4",
        lambda number: np.full((60, 100, 3), 5 * number, np.uint8),
        count=50,
        sound=sound,
        rate=44_100,
    )
    network, exported = package.load(runs / name, "cpu"), load(runs / name)
    wanted, found = (each.predict(path, timeline=True, vad=False) for each in (network, exported))
    assert found.probabilities == pytest.approx(wanted.probabilities, abs=1e-3)
    assert len(found.windows) == len(wanted.windows) >= 4
    for ours, theirs in zip(found.windows, wanted.windows, strict=True):
        assert ours.probabilities == pytest.approx(theirs.probabilities, abs=1e-3)
    given = [trial_window(network.window, network.video)] * 3
    np.testing.assert_allclose(exported.embeddings(given), network.embeddings(given), rtol=1e-2, atol=1e-3)


def test_predict_with_the_onnx_backend_imports_no_torch(runs: Path, tmp_path: Path) -> None:
    write_sound(tmp_path / "a.wav", tone(4.0, 44_100), 44_100)
    write_sound(tmp_path / "b.flac", tone(1.0, 8_000, 2), 8_000)
    code = (
        "import sys; sys.argv = ['emozoo', *sys.argv[1:]]\nfrom emozoo.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('torch' in sys.modules or 'torchaudio' in sys.modules, file=sys.stderr)"
    )
    words = ["predict", str(tmp_path), "--no-vad", "--model", str(runs / "cnn_rnn"), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, "--backend", "onnx"], capture_output=True, text=True, timeout=120
    )
    assert done.stderr.strip() == "False"
    found, wanted = json.loads(done.stdout), json.loads(emozoo(*words, "--device", "cpu").stdout)
    assert found["labels"] == list(LABELS) and len(found["predictions"]) == 2
    for ours, theirs in zip(found["predictions"], wanted["predictions"], strict=True):
        assert ours["file"] == theirs["file"]
        assert ours["probabilities"] == pytest.approx(theirs["probabilities"], abs=1e-3)


def test_the_file_says_what_it_is_and_names_no_folder_of_this_machine(runs: Path) -> None:
    data = (runs / "cnn" / "model.onnx").read_bytes()
    notes = {prop.key: prop.value for prop in onnx.load_from_string(data).metadata_props}
    assert json.loads(notes["emozoo.labels"]) == list(LABELS)
    assert (notes["emozoo.architecture"], notes["emozoo.version"]) == ("cnn", package.__version__)
    for place in (Path(package.__file__).parent, Path(torch.__file__).parent, runs):
        assert str(place).encode() not in data


def test_export_writes_a_folder_that_predict_takes(tmp_path: Path) -> None:
    run, other = save("cnn", tmp_path / "run with ümläut"), tmp_path / "else where"
    document = json.loads(emozoo("export", run, "--output", other, "--json").stdout)
    assert document["file"] == str(other / "model.onnx") and document["difference"] <= 1e-3
    assert document["bytes"] == (other / "model.onnx").stat().st_size and document["opset"] >= 18
    assert not (run / "model.onnx").exists()
    assert sorted(path.name for path in other.iterdir()) == ["config.json", "model.onnx"]
    clip = write_sound(tmp_path / "clip.wav", tone(1.0, 16_000), 16_000)
    told = json.loads(emozoo("predict", clip, "--no-vad", "--model", other, "--backend", "onnx", "--json").stdout)
    assert told["predictions"][0]["file"] == str(clip) and told["predictions"][0]["emotion"]
    assert "no model.safetensors" in one_error(emozoo("predict", clip, "--model", other, check=2))


def test_what_cannot_be_done_is_said_in_one_line(runs: Path, run: Path, tmp_path: Path) -> None:
    clip = write_sound(tmp_path / "clip.wav", tone(1.0, 16_000), 16_000)
    (run / "model.onnx").unlink()
    words = ("predict", clip, "--no-vad", "--model", run, "--backend", "onnx")
    assert f"emozoo export {run} makes it" in one_error(emozoo(*words, check=2))
    assert "runs on the CPU" in one_error(emozoo(*words, "--device", "cuda", check=2))
    assert "does not exist" in one_error(emozoo("export", tmp_path / "none", check=2))
    assert "--output" in one_error(emozoo("export", "hub:anna/emo", check=2))
    with pytest.raises(EmozooError, match="holds another model"):
        export_onnx(run, runs / "cnn_rnn")
    with pytest.raises(EmozooError, match="is a file"):
        export_onnx(run, clip)


class Undecided(nn.Module):
    """Its way depends on what it hears, so there is no one graph of it."""

    def __init__(self, config: object, num_labels: int) -> None:
        super().__init__()
        self.linear = nn.Linear(48_000, num_labels)

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        if input_values.sum() > 0:
            return self.linear(input_values)
        return -self.linear(input_values)


class Restless(Undecided):
    """Draws at random, which no graph may."""

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        return self.linear(input_values) + 10 * torch.rand_like(self.linear(input_values))


class Growing(Undecided):
    """Answers otherwise each time, so that what is written cannot agree with it."""

    calls = 0

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        Growing.calls += 1
        return self.linear(input_values) + torch.tensor([1.0, 0.0, 0.0]) * Growing.calls


class Hearing(Undecided):
    """Answers loud sound otherwise from the second time on."""

    calls = 0

    def forward(self, input_values: torch.Tensor) -> torch.Tensor:
        Hearing.calls += 1
        loud = (input_values.abs().amax(1, keepdim=True) > 0.25).float()
        return self.linear(input_values) + torch.tensor([1.0, 0.0, 0.0]) * loud * Hearing.calls


@pytest.mark.parametrize(
    ("network", "reason"),
    [
        (Undecided, "torch finds no ONNX for it"),
        (Restless, "RandomUniformLike"),
        (Growing, "does not answer as"),
        (Hearing, "are off by"),
    ],
)
def test_a_network_that_cannot_be_exported_leaves_no_file(
    network: type[nn.Module],
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    cnn = get_architecture("cnn")
    plain = Architecture("cnn", ("audio",), cnn.config, network)
    offer(monkeypatch, plain, "emozoo", "1.0")
    EmotionModel(plain, cnn.config(), LABELS).save(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(EmozooError, match=f"cnn cannot be exported: .*{reason}") as caught:
        export_onnx(tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert sorted(tmp_path.iterdir()) == before
    assert capfd.readouterr().out == ""


def test_a_file_of_other_weights_is_refused(run: Path) -> None:
    weights = load_file(run / "model.safetensors")
    save_file({name: 2 * tensor for name, tensor in weights.items()}, run / "model.safetensors")
    with pytest.raises(EmozooError, match="exported from other weights"):
        load(run)


def test_a_file_of_another_checkpoint_is_refused(run: Path) -> None:
    config = read(run / "config.json")
    words = ["happy", *LABELS[1:]]
    config |= {"id2label": dict(enumerate(words)), "label2id": {word: number for number, word in enumerate(words)}}
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(EmozooError, match="does not fit config.json"):
        load(run)


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[3].domain = "com.microsoft"


def foreign_opset(model: onnx.ModelProto) -> None:
    model.opset_import.add(domain="evil", version=1)


def outside_data(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")


def hidden_outside_data(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="t", data_type=1, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="/etc/passwd")
    model.graph.node.append(helper.make_node("Constant", [], ["secret"], value=tensor))


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", [""], ["out"], body=body))


def function(model: onnx.ModelProto) -> None:
    model.functions.add(name="f", domain="")


def other_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "waveform"


def other_shape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 2**40


def fixed_batch(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def another_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(model.graph.input[0])


def other_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 7


def third_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(model.graph.output[1])


def other_second_output(model: onnx.ModelProto) -> None:
    model.graph.output[1].name = "secrets"


def endless_embeddings(model: onnx.ModelProto) -> None:
    model.graph.output[1].type.tensor_type.shape.dim[1].dim_value = 2**40


def embeddings_of_any_size(model: onnx.ModelProto) -> None:
    model.graph.output[1].type.tensor_type.shape.dim[1].ClearField("dim_value")


def no_notes(model: onnx.ModelProto) -> None:
    model.ClearField("metadata_props")


def note(model: onnx.ModelProto, key: str, value: str | None) -> None:
    kept = {prop.key: prop.value for prop in model.metadata_props} | {key: value}
    model.ClearField("metadata_props")
    helper.set_model_props(model, {name: text for name, text in kept.items() if text is not None})


def no_answer(model: onnx.ModelProto) -> None:
    note(model, "emozoo.answer", None)


def wrong_answer(model: onnx.ModelProto) -> None:
    note(model, "emozoo.answer", "[-0.1, -3, -3]")


def nan_answer(model: onnx.ModelProto) -> None:
    note(model, "emozoo.answer", "[NaN, NaN, NaN]")


def empty_loop(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Loop", [""], ["out"]))


def draw(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("RandomNormal", [], ["out"], shape=[2]))


def sparse(model: onnx.ModelProto) -> None:
    attribute = onnx.AttributeProto(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    model.graph.node.append(onnx.NodeProto(op_type="Constant", output=["out"], attribute=[attribute]))


def training(model: onnx.ModelProto) -> None:
    model.training_info.add()


def unknown_kind(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = 99


def bias(model: onnx.ModelProto) -> TensorProto:
    (tensor,) = [each for each in model.graph.initializer if each.name.endswith("classifier.output.bias")]
    return tensor


def damaged_weight(model: onnx.ModelProto) -> None:
    bias(model).dims[0] = 4


def cut_weight(model: onnx.ModelProto) -> None:
    bias(model).raw_data = bias(model).raw_data[:-1]


def other_weight(model: onnx.ModelProto) -> None:
    bias(model).raw_data = np.array([0.5, 0, 0], np.float32).tobytes()


def behind(model: onnx.ModelProto, operator: str, *inputs: str, **attributes: object) -> None:
    """One more operator, between the network and its logits."""
    for node in model.graph.node:
        node.output[:] = ["answer" if name == "logits" else name for name in node.output]
    model.graph.node.append(helper.make_node(operator, ["answer", *inputs], ["logits"], **attributes))


def other_labels(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([2, 0, 1]), "order"))
    behind(model, "Gather", "order", axis=1)


def used_often(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1000, 1000), np.float32), "square"))
    model.graph.node.extend(helper.make_node("MatMul", ["square", "square"], [f"out{n}"]) for n in range(600))


def many_nodes(model: onnx.ModelProto) -> None:
    model.graph.node.extend(helper.make_node("Abs", ["input_values"], [f"out{n}"]) for n in range(100_001))


def lying_shape(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 3]), "times"))
    behind(model, "Tile", "times")


def memory_bomb(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([2**45, 1, 3]), "shape"))
    behind(model, "Expand", "shape")
    model.graph.node[-1].output[0] = "large"
    model.graph.node.append(helper.make_node("ReduceMean", ["large"], ["mean"], keepdims=0))
    model.graph.node.append(helper.make_node("Add", ["answer", "mean"], ["logits"]))


def folded_memory_bomb(model: onnx.ModelProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array([2**45]), "shape"))
    behind(model, "Add", "mean")
    model.graph.node.insert(0, helper.make_node("ReduceMean", ["large"], ["mean"], keepdims=0))
    model.graph.node.insert(0, helper.make_node("ConstantOfShape", ["shape"], ["large"]))


def no_such_operator(model: onnx.ModelProto) -> None:
    model.graph.node[3].op_type = "Nonesuch"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (foreign_operator, "not one of ONNX's own"),
        (foreign_opset, "not ONNX's own"),
        (outside_data, "its weights are in another file"),
        (hidden_outside_data, "its weights are in another file"),
        (loop, "holds a graph of its own"),
        (empty_loop, "none of those that emozoo runs"),
        (draw, "none of those that emozoo runs"),
        (sparse, "what is no array"),
        (training, "does not write"),
        (function, "does not write"),
        (other_input, "its inputs are not input_values"),
        (other_shape, "its inputs are not input_values"),
        (fixed_batch, "its inputs are not input_values"),
        (another_input, "its inputs are not input_values"),
        (other_output, "its output is not logits for 3 labels"),
        (third_output, "its output is not embeddings"),
        (other_second_output, "its output is not embeddings"),
        (endless_embeddings, "its output is not embeddings of 1 to 65,536 features"),
        (embeddings_of_any_size, "its output is not embeddings"),
        (no_notes, "was not written by emozoo"),
        (no_such_operator, "none of those that emozoo runs"),
        (unknown_kind, "its inputs are not input_values"),
        (no_answer, "does not note how its network answers"),
        (wrong_answer, "does not answer as the network"),
        (nan_answer, "does not answer as the network"),
        (damaged_weight, "is damaged"),
        (cut_weight, "is damaged"),
        (other_weight, "does not answer as the network"),
        (other_labels, "does not answer as the network"),
        (used_often, "more than 4 GiB of weights"),
        (many_nodes, "it has 100,0.. operators"),
        (lying_shape, r"is damaged|shape \[1, 9\], not \[1, 3\]"),
        (memory_bomb, "cannot be run"),
        (folded_memory_bomb, "cannot be run"),
    ],
)
def test_a_strangers_graph_is_bounded(
    change: Callable[[onnx.ModelProto], None], reason: str, run: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    model = onnx.load(run / "model.onnx")
    change(model)
    (run / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(EmozooError, match=reason) as caught:
        load(run)
    assert str(caught.value).startswith(f"{run}/model.onnx") and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("data", [b"", b"no graph at all", b"\x08\x08" * 1000])
def test_a_file_that_is_no_graph_is_refused(data: bytes, run: Path) -> None:
    (run / "model.onnx").write_bytes(data)
    with pytest.raises(EmozooError, match="model.onnx"):
        load(run)


def test_answers_that_are_no_numbers_are_an_error_that_names_the_model(run: Path, tmp_path: Path) -> None:
    model = onnx.load(run / "model.onnx")
    bias(model).raw_data = np.full(3, np.nan, np.float32).tobytes()
    (run / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(
        EmozooError, match="run/model.onnx answers with values that are no numbers: its weights are damaged"
    ):
        load(run)


def test_a_graph_that_takes_too_long_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = onnx.load(run / "model.onnx")
    model.graph.initializer.append(numpy_helper.from_array(np.ones((1500, 1500), np.float32), "square"))
    behind(model, "Add", "mean")
    names = ["square", *(f"power{number}" for number in range(300))]
    for number, (one, next_one) in enumerate(itertools.pairwise(names)):
        model.graph.node.insert(number, helper.make_node("MatMul", [one, one], [next_one]))
    model.graph.node.insert(300, helper.make_node("ReduceMean", [names[-1]], ["mean"], keepdims=0))
    (run / "model.onnx").write_bytes(model.SerializeToString())
    monkeypatch.setattr(onnx_session, "LONGEST", 0.1)
    with pytest.raises(EmozooError, match="one window takes it more than 0.1 s"):
        load(run)


def test_a_graph_for_one_window_only_is_one_sentence_where_two_are_asked_for(run: Path) -> None:
    model = onnx.load(run / "model.onnx")
    model.graph.initializer.append(numpy_helper.from_array(np.array([1, 3]), "one"))
    behind(model, "Reshape", "one")
    (run / "model.onnx").write_bytes(model.SerializeToString())
    loaded = load(run)
    window = trial_window(DEFAULT_WINDOW, video=False)
    with pytest.raises(EmozooError, match="run/model.onnx is damaged: it cannot be run") as caught:
        loaded.probabilities([window, window])
    assert "\n" not in str(caught.value)


def test_every_network_in_the_box_is_made_of_operators_that_are_run(runs: Path) -> None:
    for name in NAMES:
        used = {node.op_type for node in onnx.load(runs / name / "model.onnx").graph.node}
        assert used <= OPERATORS, name
    assert OPERATORS <= {schema.name for schema in onnx.defs.get_all_schemas()}


def test_the_trial_window_is_the_same_everywhere() -> None:
    sound, frames = trial_window(DEFAULT_WINDOW, video=True)
    assert (sound.dtype, sound.shape, frames.dtype, frames.shape) == ("float32", (48_000,), "uint8", (20, 60, 100, 3))
    assert 0.1 < np.abs(sound).max() < 1
    assert sound[[0, 1, 47_999]] == pytest.approx([0.00505166, -0.00683364, -0.07200339], abs=1e-6)
    assert frames.reshape(-1)[:4].tolist() == [192, 39, 198, 135] and 120 < frames.mean() < 135
