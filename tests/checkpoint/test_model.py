"""Checkpoints: what is saved loads with the same answers; what is damaged or foreign is refused with a reason."""

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from support.make_media import tone, write_sound
from support.models import LABELS, edit, small_model
from support.small import emozoo as emozoo_command
from support.small import one_error

import emozoo
from emozoo import EmozooError
from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.device import pick_device
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.registry.loading import get_architecture


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    small_model().save(tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.parametrize("name", ["cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn"])
def test_a_saved_model_loads_and_gives_the_same_answers(name: str, tmp_path: Path) -> None:
    model = small_model(name)
    model.save(tmp_path)
    loaded = emozoo.load(tmp_path, device="cpu")
    assert (loaded.labels, loaded.config, loaded.origin) == (LABELS, model.config, model.origin)
    assert not loaded.training
    sound = torch.randn(2, 48_000) / 10
    frames = torch.randint(256, (2, 20, 60, 100, 3), dtype=torch.uint8) if model.video else None
    with torch.inference_mode():
        torch.testing.assert_close(loaded(sound, frames), model(sound, frames), rtol=0, atol=0)


def test_the_folder_holds_plain_files_only(checkpoint: Path) -> None:
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "config.json",
        "model.safetensors",
        "preprocessor_config.json",
    ]
    config = json.loads((checkpoint / "config.json").read_text())
    assert config["model_type"] == "emozoo" and config["architecture"] == "cnn"
    assert config["plugin"] == {"distribution": "emozoo", "version": emozoo.__version__}
    assert config["id2label"] == {"0": "happy", "1": "sad", "2": "angry", "3": "neutral"}
    assert (config["sampling_rate"], config["window"]) == (16_000, 3.0)


def test_saving_over_another_model_never_leaves_a_wrong_pair(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = small_model("cnn_rnn")
    monkeypatch.setattr("emozoo.checkpoint.model.write_text", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):  # after the weights, before the config
        other.save(checkpoint)
    with pytest.raises(EmozooError, match="has no config.json"):
        load(checkpoint)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"architecture": "gone_net", "plugin": {"distribution": "gone-net", "version": "3.1"}},
            "pip install gone-net",
        ),
        ({"architecture": 5}, "architecture is not a name"),
        ({"architecture_config": []}, "architecture_config is not an object"),
        ({"architecture_config": {"colour": 1}}, "has no setting colour"),
        ({"architecture_config": {"linear": "many"}}, "linear must be made of whole numbers"),
        ({"architecture_config": {"filters": [0]}}, "filters"),
        ({"plugin": None}, "plugin does not name"),
        ({"id2label": {"0": "happy", "2": "sad"}}, "id2label"),
        ({"id2label": {"0": "happy", "1": "happy"}}, "two or more different labels"),
        ({"label2id": {"happy": 1}}, "label2id does not agree"),
        ({"sampling_rate": 8000}, "sampling_rate is 8000"),
        ({"model_type": "wav2vec2"}, "model_type is 'wav2vec2'"),
        ({"model_type": None}, "not a checkpoint of emozoo"),
    ],
)
def test_a_config_that_does_not_fit_is_refused_with_the_reason(checkpoint: Path, changes: dict, words: str) -> None:
    edit(checkpoint, **changes)
    with pytest.raises(EmozooError, match=words):
        load(checkpoint)


def test_the_config_alone_names_the_missing_plugin(checkpoint: Path) -> None:
    edit(checkpoint, architecture="gone_net", plugin={"distribution": "gone-net", "version": "3.1"})
    (checkpoint / "model.safetensors").unlink()
    with pytest.raises(EmozooError, match="gone-net 3.1: pip install gone-net .installing a plugin runs its code"):
        load(checkpoint)


def test_weights_that_do_not_fit_are_refused_with_the_reason(checkpoint: Path) -> None:
    path = checkpoint / "model.safetensors"
    good = load_file(path)
    name = "classifier.output.weight"

    def refuses(weights: dict[str, torch.Tensor], words: str) -> None:
        save_file(weights, path)
        with pytest.raises(EmozooError, match=words):
            load(checkpoint)

    refuses({key: value for key, value in good.items() if key != name}, f"lacks tensor '{name}'")
    refuses({**good, "extra": torch.zeros(1)}, "has a stray tensor 'extra'")
    refuses({**good, name: torch.zeros(2, 16)}, rf"'{name}' is \[2, 16\], not \[4, 16\]")
    refuses({**good, name: torch.full((4, 16), torch.nan)}, "not finite")
    save_file(good, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EmozooError, match="is damaged"):
        load(checkpoint)
    path.unlink()
    (checkpoint / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(EmozooError, match="weights are read from safetensors only"):
        load(checkpoint)


def test_what_is_not_a_checkpoint_is_refused_with_the_reason(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(EmozooError, match="does not exist"):
        load(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(EmozooError, match="is a file"):
        load(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EmozooError, match="has no config.json"):
        load(tmp_path / "empty")
    shutil.copytree(checkpoint, tmp_path / "all" / "fold2")
    with pytest.raises(EmozooError, match="name one of its folds, such as .*fold2"):
        load(tmp_path / "all")
    (checkpoint / "config.json").write_text("{not json")
    with pytest.raises(EmozooError, match="not readable as JSON"):
        load(checkpoint)
    (checkpoint / "config.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EmozooError, match="not readable as JSON"):
        load(checkpoint)


def test_random_damage_to_the_config_is_an_emozoo_error_or_harmless(checkpoint: Path) -> None:
    path = checkpoint / "config.json"
    whole = path.read_bytes()
    for seed in range(60):
        draw = random.Random(seed)
        damaged = bytearray(whole)
        for _ in range(draw.randint(1, 4)):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(bytes(damaged))
        try:
            read_config(checkpoint)
        except EmozooError as error:
            assert str(path) in str(error) or str(checkpoint) in str(error)


def test_a_model_needs_different_labels() -> None:
    architecture = get_architecture("cnn")
    for labels in ((), ("sad",), ("sad", "sad")):
        with pytest.raises(EmozooError, match="two or more different labels"):
            EmotionModel(architecture, architecture.config(), labels)


def test_a_device_that_is_not_there_is_named() -> None:
    for name in ("cuda:77", "toaster"):
        with pytest.raises(EmozooError, match=f"device '{name}' cannot be used"):
            pick_device(name)
    assert pick_device("cpu") == torch.device("cpu")


def test_a_model_in_train_mode_or_of_another_precision_is_not_asked(checkpoint: Path) -> None:
    clip = (tone(3.0, 16_000)[:, 0], 16_000)
    model = load(checkpoint, "cpu")
    right = model.predict(clip, vad=False).probabilities
    before = {name: value.clone() for name, value in model.state_dict().items()}
    for spoil, words in ((model.train, "train mode"), (model.half, "torch.float16"), (model.double, "torch.float64")):
        spoil()
        with pytest.raises(EmozooError, match=words):
            model.predict(clip, vad=False)
        model.float().eval()
    assert all(
        torch.equal(value.half().float(), before[name].half().float()) for name, value in model.state_dict().items()
    )
    assert model.predict(clip, vad=False).probabilities == pytest.approx(right, abs=0.01)


def test_the_default_type_of_numbers_is_that_of_the_user(checkpoint: Path) -> None:
    for path in (checkpoint, "speech"):
        model, clip = load(path, "cpu"), (tone(3.0, 16_000)[:, 0], 16_000)
        right = model.predict(clip, vad=False).probabilities
        torch.set_default_dtype(torch.float64)
        try:
            assert model.predict(clip, vad=False).probabilities == pytest.approx(right, abs=1e-6)
            with pytest.raises(EmozooError, match="default type of numbers is torch.float64"):
                load(path, "cpu")
        finally:
            torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda run: emozoo.load(5), "named by a text or a path, not by 5"),  # type: ignore[arg-type]
        (lambda run: emozoo.load(run, device=None), "the device None cannot be used"),  # type: ignore[arg-type]
        (lambda run: emozoo.load("speach"), "did you mean speech"),
        (lambda run: emozoo.load("Speech"), "did you mean speech"),
    ],
)
def test_what_names_no_model_or_device_is_one_sentence(ask: Any, words: str, checkpoint: Path) -> None:
    with pytest.raises(EmozooError, match=words) as error:
        ask(checkpoint)
    assert len(str(error.value)) < 400 and "\n" not in str(error.value)


def test_tied_weights_are_saved_and_loaded(tmp_path: Path) -> None:
    model = small_model()
    model.network.classifier.output.bias = model.network.convs.conv1.bias  # 4 filters, 4 labels
    model.save(tmp_path)
    torch.testing.assert_close(load(tmp_path, "cpu").network.state_dict(), model.network.state_dict())


@pytest.mark.parametrize("scale", [1e25, -1e25])
def test_finite_weights_whose_answers_are_no_numbers_are_an_error_that_names_the_model(
    scale: float, checkpoint: Path, tmp_path: Path
) -> None:
    weights = load_file(checkpoint / "model.safetensors")
    save_file({name: tensor * scale for name, tensor in weights.items()}, checkpoint / "model.safetensors")
    model = load(checkpoint, "cpu")
    clip = write_sound(tmp_path / "clip.wav", tone(3.0, 16_000), 16_000)
    wanted = f"{checkpoint} answers with values that are no numbers: its weights are damaged"
    with pytest.raises(EmozooError) as caught:
        model.predict(clip)
    assert wanted in str(caught.value)
    done = emozoo_command("predict", clip, "--model", checkpoint, check=2)
    assert wanted in one_error(done) and done.stdout == ""


def test_sound_that_is_no_number_is_not_blamed_on_the_weights() -> None:
    with pytest.raises(EmozooError, match="the sound holds samples that are no numbers"):
        small_model().answer(torch.full((1, 48_000), torch.nan))


def test_a_network_that_answers_in_another_shape_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    model = small_model()
    monkeypatch.setattr(model.network, "forward", lambda sound: sound[:, :3])
    with pytest.raises(EmozooError, match=r"cnn answers with numbers of shape \[1, 3\], not \[1, 4\]"):
        model.answer(torch.zeros(1, 48_000))
