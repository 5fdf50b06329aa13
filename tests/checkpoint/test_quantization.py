"""`emozoo export --quantize`: a smaller file that answers nearly as the network, fitted to dev clips or to recordings."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from support.make_media import write_sound
from support.models import DIMENSIONS, LABELS, VALUES, small_model
from support.small import emozoo, one_error, train_words

from emozoo import EmozooError
from emozoo.checkpoint import onnx_model
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.export_check import NEAR, alike
from emozoo.inference.model import Window
from emozoo.target import Outputs


def windows(count: int, seed: int = 0) -> list[Window]:
    """Tones over noise, each of another pitch and level."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(48_000) / 16_000
    found: list[Window] = []
    for _ in range(count):
        tone = sum(np.sin(2 * np.pi * rng.uniform(100, 300) * part * seconds) / part for part in range(1, 10))
        found.append(((rng.uniform(0.05, 0.2) * tone + rng.normal(0, 0.01, 48_000)).astype(np.float32), None))
    return found


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A checkpoint, and the folder of its export in 8 bits."""
    run, rounded = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("int8")
    small_model("cnn").save(run)
    done = export_onnx(run, rounded, windows(64))
    assert done.precision == "int8" and done.same_answers is not None and done.same_answers >= 0.9
    assert 0 < done.difference < 0.1
    return run, rounded


def test_the_convolutions_are_in_8_bits_and_all_else_is_not(folders: tuple[Path, Path]) -> None:
    graph = onnx.load(folders[1] / "model.onnx")
    made = {name: node for node in graph.graph.node for name in node.output}
    convolutions = [node for node in graph.graph.node if node.op_type == "Conv"]
    assert len(convolutions) == 3
    for node in convolutions:
        assert {made[name].op_type for name in node.input[:2]} == {"DequantizeLinear"}
    assert not any(
        made[name].op_type == "DequantizeLinear"
        for node in graph.graph.node
        if node.op_type in ("Gemm", "MatMul")
        for name in node.input
        if name in made
    )
    kinds = {each.name: each.data_type for each in graph.graph.initializer}
    weights = [name for name in kinds if "conv" in name and name.endswith("weight_quantized")]
    assert len(weights) == 3 and {kinds[name] for name in weights} == {onnx.TensorProto.INT8}


def test_it_answers_nearly_as_the_network_and_gives_embeddings(folders: tuple[Path, Path]) -> None:
    run, rounded = folders
    import emozoo as package

    network, found = package.load(run, "cpu"), onnx_model.load(rounded)
    given = windows(16, seed=1)
    exact = network.probabilities(given)
    assert not np.array_equal(found.probabilities(given), exact)
    np.testing.assert_allclose(found.probabilities(given), exact, atol=0.1)
    ours, theirs = network.embeddings(given), found.embeddings(given)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).mean() < 0.1 * np.abs(ours).max()


def test_models_of_dimensions_and_of_several_labels_are_judged_by_what_they_answer(tmp_path: Path) -> None:
    small_model("cnn", VALUES).save(tmp_path / "values")
    done = export_onnx(tmp_path / "values", tmp_path / "int8", windows(32))
    assert done.same_answers == 1 and done.difference <= NEAR
    ours = np.array([[0.6, 0.4, 0.2], [0.4, 0.6, 0.8]])
    for outputs, theirs, expected in (
        (Outputs.of(LABELS[:3]), [[0.5, 0.4, 0.3], [0.4, 0.7, 0.8]], [True, True]),
        (Outputs.of(LABELS[:3]), [[0.3, 0.4, 0.2], [0.4, 0.6, 0.9]], [False, True]),
        (Outputs(LABELS[:3], multi=True), [[0.9, 0.1, 0.4], [0.4, 0.4, 0.8]], [True, False]),
        (Outputs.of(DIMENSIONS, "dimensions"), [[0.62, 0.4, 0.2], [0.4, 0.5, 0.8]], [True, False]),
        (
            Outputs(LABELS[:2], ("valence",), "emotion,dimensions"),
            [[0.6, 0.4, 0.9], [0.4, 0.6, 0.78]],
            [False, True],
        ),
    ):
        assert alike(outputs, ours, np.array(theirs)).tolist() == expected


def test_other_weights_are_still_found(folders: tuple[Path, Path], tmp_path: Path) -> None:
    graph = onnx.load(folders[1] / "model.onnx")
    (bias,) = [each for each in graph.graph.initializer if each.name.endswith("classifier.output.bias")]
    bias.raw_data = np.array([2, 0, 0, 0], np.float32).tobytes()
    (tmp_path / "config.json").write_bytes((folders[1] / "config.json").read_bytes())
    (tmp_path / "model.onnx").write_bytes(graph.SerializeToString())
    with pytest.raises(EmozooError, match="does not answer as the network"):
        onnx_model.load(tmp_path)


def test_the_command_fits_it_to_dev_clips_or_to_recordings(tmp_path: Path) -> None:
    emozoo(*train_words(tmp_path / "run", epochs=1))
    done = emozoo("export", tmp_path / "run", "--output", tmp_path / "out", "--quantize", check=None)
    assert done.returncode == 0 or "are too few for int8" in one_error(done)  # the small corpus has few dev clips
    (tmp_path / "recordings").mkdir()
    for number, (sound, _) in enumerate(windows(40)):
        write_sound(tmp_path / "recordings" / f"{number}.wav", sound[:, None], 16_000)
    words = ("export", tmp_path / "run", "--output", tmp_path / "other", "--quantize", "--json")
    document = json.loads(emozoo(*words, "--calibration", tmp_path / "recordings").stdout)
    assert document["precision"] == "int8" and document["same_answers"] >= 0.9
    clip = tmp_path / "recordings" / "0.wav"
    told = json.loads(emozoo("predict", clip, "--model", tmp_path / "other", "--backend", "onnx", "--json").stdout)
    assert told["predictions"][0]["emotion"]


def test_what_cannot_be_is_one_sentence(folders: tuple[Path, Path], tmp_path: Path) -> None:
    run, _ = folders
    words = ("export", run, "--output", tmp_path / "out")
    done = emozoo(*words, "--quantize", check=2)
    assert "name some with --calibration" in one_error(done)
    clip = write_sound(tmp_path / "clip.wav", windows(1)[0][0][:, None], 16_000)
    assert "are too few for int8" in one_error(emozoo(*words, "--quantize", "--calibration", clip, check=2))
    assert "goes with --quantize" in one_error(emozoo(*words, "--calibration", clip, check=2))
    assert not (tmp_path / "out").exists()
