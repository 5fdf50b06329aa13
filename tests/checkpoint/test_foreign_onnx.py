"""ONNX files that other libraries wrote answer as onnxruntime itself, or are refused by their reason."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from support.onnx_files import CHANNELS, answered, softmax, sound_graph, voice

from emozoo import EmozooError
from emozoo.checkpoint import onnx_session
from emozoo.checkpoint.foreign_onnx import ForeignOnnx, load_foreign_onnx
from emozoo.reader import OnnxGraph
from emozoo.target import Outputs

EMOTIONS = ("angry", "happy", "sad")
DIMENSIONS = ("arousal", "dominance", "valence")
SOUNDS = [voice(160_000), voice(40_001, 1), voice(160_000, 2), voice(3200, 3)]


def load(folder: Path, model: onnx.ModelProto, target: str = "emotion", **fields: object) -> ForeignOnnx:
    onnx.save(model, folder / "model.onnx")
    labels = EMOTIONS if target == "emotion" else DIMENSIONS
    return load_foreign_onnx(folder, OnnxGraph("model.onnx", **fields), Outputs.of(labels, target), "hub:a/b")  # type: ignore[arg-type]


def windows(sounds: list[np.ndarray]) -> list[tuple[np.ndarray, None]]:
    return [(sound, None) for sound in sounds]


@pytest.mark.parametrize("batch", [1, "batch"])
def test_windows_of_any_length_are_answered_as_each_alone(batch: int | str, tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3, batch=batch), window=10.0, hop=5.0)
    expected = [softmax(answered(tmp_path / "model.onnx", sound)) for sound in SOUNDS]
    np.testing.assert_allclose(model.probabilities(windows(SOUNDS)), expected, atol=1e-6)
    assert (model.labels, model.target, model.window.seconds, model.window.hop) == (EMOTIONS, "emotion", 10.0, 5.0)


def test_sound_in_whole_numbers_is_the_same_sound(tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3))
    whole = [np.round(sound * 32768).astype(np.int16) for sound in SOUNDS]
    floats = [sound.astype(np.float32) / 32768 for sound in whole]
    np.testing.assert_allclose(model.probabilities(windows(whole)), model.probabilities(windows(floats)), atol=1e-12)


def test_dimensions_are_given_as_they_are_and_a_batch_of_one_is_the_graphs_own(tmp_path: Path) -> None:
    """As audonnx writes it: a batch of one only, and the hidden states beside the outputs."""
    graph = sound_graph(3, batch=1, sound="signal", hidden="hidden_states")
    model = load(tmp_path, graph, "dimensions", embedding="hidden_states")
    expected = [answered(tmp_path / "model.onnx", sound) for sound in SOUNDS]
    np.testing.assert_allclose(model.probabilities(windows(SOUNDS)), expected, atol=1e-6)
    hidden = [answered(tmp_path / "model.onnx", sound, "hidden_states") for sound in SOUNDS]
    np.testing.assert_allclose(model.embeddings(windows(SOUNDS)), hidden, atol=1e-6)
    assert model.embeddings(windows(SOUNDS)).shape == (4, CHANNELS) and model.has_embeddings


@pytest.mark.parametrize("last", ["Softmax", "LogSoftmax"])
def test_what_are_probabilities_already_stay_as_they_are(last: str, tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3, last=last))
    raw = answered(tmp_path / "model.onnx", SOUNDS[0])
    expected = raw if last == "Softmax" else np.exp(raw)
    np.testing.assert_allclose(model.probabilities(windows(SOUNDS[:1]))[0], expected, atol=1e-6)


def test_sound_is_normalized_where_the_feature_extractor_was(tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3), normalize=True)
    normal = [(sound - sound.mean()) / np.sqrt(sound.var() + 1e-7) for sound in SOUNDS]
    expected = [softmax(answered(tmp_path / "model.onnx", sound)) for sound in normal]
    np.testing.assert_allclose(model.probabilities(windows(SOUNDS)), expected, atol=1e-5)


def test_a_graph_of_a_fixed_length_has_windows_of_it_and_silence_behind_shorter_ones(tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3, samples=64_000), normalize=True)
    assert (model.window.seconds, model.window.hop) == (4.0, 4.0)
    short = voice(40_000)
    normal = (short - short.mean()) / np.sqrt(short.var() + 1e-7)
    padded = np.concatenate([normal, np.zeros(24_000, np.float32)])
    np.testing.assert_allclose(
        model.probabilities(windows([short]))[0], softmax(answered(tmp_path / "model.onnx", padded)), atol=1e-5
    )


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lengths=st.lists(st.sampled_from([1600, 1601, 4000, 16_000]), min_size=1, max_size=6))
def test_an_answer_does_not_depend_on_what_is_asked_beside_it(lengths: list[int], tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3))
    sounds = [voice(length, row) for row, length in enumerate(lengths)]
    together = model.probabilities(windows(sounds))
    alone = [model.probabilities(windows([sound]))[0] for sound in sounds]
    np.testing.assert_allclose(together, alone, atol=1e-6)


def test_a_clip_of_any_length_is_predicted(tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3), window=10.0, hop=5.0)
    sound = voice(16_000)
    answer = model.predict(sound, vad=False)
    expected = softmax(answered(tmp_path / "model.onnx", sound))
    assert list(answer.probabilities.values()) == pytest.approx(expected, abs=1e-6)
    assert len(model.predict(voice(16_000 * 31), vad=False, timeline=True).windows) == 6  # 0 s, 5 s, ... 20 s, and 21 s


@pytest.mark.parametrize("samples", ["samples", 64_000])
def test_a_graph_that_asks_which_samples_are_sound_is_told(samples: int | str, tmp_path: Path) -> None:
    (tmp_path / "masked").mkdir()
    plain, masked = (
        load(folder, sound_graph(3, samples=samples, mask=mask), sound="input_values")
        for folder, mask in ((tmp_path, False), (tmp_path / "masked", True))
    )
    for sound in (voice(40_000), voice(64_000)):
        np.testing.assert_allclose(
            masked.probabilities(windows([sound])), plain.probabilities(windows([sound])), atol=1e-9
        )


def test_an_input_that_nobody_gives_is_told(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="beside sound it takes 'text', which emozoo does not give"):
        load(tmp_path, edited(another_input), sound="input_values")


def test_a_graph_without_embeddings_says_so(tmp_path: Path) -> None:
    model = load(tmp_path, sound_graph(3), embedding="hidden_states")
    assert not model.has_embeddings
    with pytest.raises(EmozooError, match="hub:a/b/model.onnx gives no embeddings"):
        model.embeddings(windows(SOUNDS[:1]))


# --- refused


def edited(edit: Callable[[onnx.ModelProto], None], **sizes: object) -> onnx.ModelProto:
    model = sound_graph(3, **sizes)  # type: ignore[arg-type]
    edit(model)
    return model


def another_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("text", TensorProto.INT64, ["batch", "words"]))


def float_mask(model: onnx.ModelProto) -> None:
    model.graph.input[1].type.tensor_type.elem_type = TensorProto.FLOAT


def whole_numbers(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT16


def foreign_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.microsoft"


def loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["a", "b"], ["c"], body=body))


def outside(model: onnx.ModelProto) -> None:
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def not_a_number(model: onnx.ModelProto) -> None:
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "linear.bias")
    bias.raw_data = np.full(3, np.nan, np.float32).tobytes()


def two_outputs(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "pooled"
    model.graph.output.append(helper.make_tensor_value_info("linear", TensorProto.FLOAT, ["batch", 3]))


REFUSED: dict[str, tuple[onnx.ModelProto, str]] = {
    "labels": (sound_graph(4), "does not fit its 3 labels: its output 'logits' gives 4 numbers"),
    "input": (edited(another_input), "which of its inputs is meant is not known: 'input_values', 'text'"),
    "mask": (edited(float_mask, mask=True), "its attention_mask is no int64 [batch, samples]"),
    "whole": (edited(whole_numbers), "does not take sound as float32"),
    "batch": (sound_graph(3, batch=2), "does not take sound as float32"),
    "too short": (sound_graph(3, samples=400), "takes 400 samples at once"),
    "too long": (sound_graph(3, samples=16_000 * 61), "takes 976,000 samples at once"),
    "sigmoid": (sound_graph(3, last="Sigmoid"), "ends in a sigmoid"),
    "operator": (edited(foreign_operator), "'Unsqueeze' is not one of ONNX's own"),
    "loop": (edited(loop), "holds a graph of its own"),
    "outside": (edited(outside), "its weights are in another file"),
    "nan": (edited(not_a_number), "no numbers: its weights are damaged"),
    "outputs": (edited(two_outputs), "which of its outputs is meant is not known: 'pooled', 'linear'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_answered_honestly_is_refused(case: str, tmp_path: Path) -> None:
    model, reason = REFUSED[case]
    with pytest.raises(EmozooError) as caught:
        load(tmp_path, model)
    assert reason in str(caught.value) and str(caught.value).startswith("hub:a/b/model.onnx ")
    assert "\n" not in str(caught.value)


def test_a_wrong_softmax_is_found(tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match="do not add up to 1"):
        load(tmp_path, sound_graph(3), softmax=False)


@pytest.mark.parametrize(
    ("field", "reason"),
    [("sound", "has no input 'nothing', but 'input_values'"), ("output", "has no output 'nothing'")],
)
def test_a_name_that_the_graph_lacks_is_told(field: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(EmozooError, match=reason):
        load(tmp_path, sound_graph(3), **{field: "nothing"})


@pytest.mark.parametrize("content", [None, b"", b"no protobuf at all", b"\x08\x08"])
def test_a_file_that_is_no_graph_is_an_error(content: bytes | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(EmozooError, match="hub:a/b/model.onnx is "):
        load_foreign_onnx(tmp_path, OnnxGraph("model.onnx"), Outputs.of(EMOTIONS), "hub:a/b")


def test_a_graph_that_takes_too_long_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_session, "LONGEST", 0.05)
    model = sound_graph(3, samples=16_000 * 60)
    model.graph.initializer[0].CopyFrom(
        onnx.numpy_helper.from_array(np.ones((CHANNELS, 1, 200_001), np.float32), "conv.weight")
    )
    model.graph.node[1].attribute[0].CopyFrom(helper.make_attribute("strides", [1]))
    with pytest.raises(EmozooError, match="one window takes it more than"):
        load(tmp_path, model)
