"""transformers' Auto classes and pipeline on a checkpoint folder: the same answers as `emozoo predict`."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from support import hub_server
from support.calibrated import calibrate_by_hand
from support.models import JOINT, LABELS, SEVERAL, VALUES, edit, small_model
from support.plugins import offer
from torch import nn
from transformers import AutoFeatureExtractor, AutoModelForAudioClassification, pipeline

import emozoo
import emozoo.integrations.transformers
from emozoo import EmozooError
from emozoo.architecture import Architecture
from emozoo.checkpoint.model import EmotionModel, Origin
from emozoo.media import read_audio
from emozoo.media.preparation import Preparation
from emozoo.registry.loading import get_architecture
from emozoo.target import Outputs

AUDIO = ["cnn", "cnn_rnn", "cnn_lstm"]


@pytest.fixture(scope="module", params=AUDIO)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models") / f"{request.param} ü"
    small_model(request.param).save(folder)
    return folder


@pytest.fixture
def cnn(tmp_path: Path) -> Path:
    small_model().save(tmp_path / "cnn")
    return tmp_path / "cnn"


def wav(path: Path, seconds: float, seed: int = 0) -> Path:
    rng = np.random.default_rng(seed)
    soundfile.write(path, rng.normal(0, 0.1, round(seconds * 16_000)).clip(-1, 1), 16_000)
    return path


def test_the_pipeline_answers_as_predict_does(run: Path, tmp_path: Path) -> None:
    own = emozoo.load(run, device="cpu")
    classify = pipeline("audio-classification", model=str(run), top_k=None, device="cpu")
    for seconds in (0.11, 1.7, 3, 3.01, 5.5, 40):  # 40 s: more windows than the model takes at a time
        path = wav(tmp_path / "clip.wav", seconds, seed=round(seconds))
        found = {answer["label"]: answer["score"] for answer in classify(read_audio(path))}
        assert found == pytest.approx(own.predict(path).probabilities, abs=2e-6), seconds


KINDS = {
    "single_label_classification": Outputs(LABELS, target="votes"),
    "multi_label_classification": SEVERAL,
    "regression": VALUES,
}


@pytest.mark.parametrize(("kind", "outputs"), [*KINDS.items(), ("regression", JOINT)])
def test_the_pipeline_answers_for_every_target_as_predict_does(kind: str, outputs: Outputs, tmp_path: Path) -> None:
    small_model("cnn", outputs).save(tmp_path / "model")
    if outputs.labels and not outputs.multi:
        calibrate_by_hand(tmp_path / "model")
    saved = AutoModelForAudioClassification.from_pretrained(tmp_path / "model")
    assert saved.config.problem_type == kind and saved.config.num_labels == len(outputs.names)
    saved.save_pretrained(tmp_path / "saved")
    AutoFeatureExtractor.from_pretrained(tmp_path / "model").save_pretrained(tmp_path / "saved")
    own = emozoo.load(tmp_path / "saved", device="cpu")
    assert own.outputs == outputs
    path = wav(tmp_path / "clip.wav", 7.5)
    classify = pipeline("audio-classification", model=str(tmp_path / "saved"), top_k=None, device="cpu")
    found = {answer["label"]: answer["score"] for answer in classify(read_audio(path))}
    assert found == pytest.approx(own.predict(path).scores, abs=2e-6)


def test_each_kind_has_the_loss_that_its_numbers_have(tmp_path: Path) -> None:
    sound = torch.randn(2, 48_000, generator=torch.Generator().manual_seed(0)) / 10
    wanted = {"multi_label_classification": torch.tensor([[0, 1, 1, 0], [1, 0, 0, 0]]), "regression": torch.rand(2, 3)}
    losses = {"multi_label_classification": nn.BCEWithLogitsLoss(), "regression": nn.MSELoss()}
    for kind, labels in wanted.items():
        small_model("cnn", KINDS[kind]).save(tmp_path / kind)
        model = AutoModelForAudioClassification.from_pretrained(tmp_path / kind).train()
        answered = model(sound, labels=labels)
        torch.testing.assert_close(answered.loss, losses[kind](answered.logits, labels.float()))
        answered.loss.backward()
        assert all(parameter.grad is not None for parameter in model.parameters())
    small_model("cnn", JOINT).save(tmp_path / "joint")
    with pytest.raises(EmozooError, match="emozoo train --from trains it"):
        AutoModelForAudioClassification.from_pretrained(tmp_path / "joint")(sound, labels=torch.rand(2, 7))


def test_the_auto_class_loads_weights_and_constants(run: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(run)
    expected = emozoo.load(run, device="cpu").network
    assert not model.training and model.config.id2label == dict(enumerate(LABELS))
    for kind in ("named_parameters", "named_buffers"):
        found = dict(getattr(model.network, kind)())
        assert found.keys() == dict(getattr(expected, kind)()).keys()
        for name, tensor in getattr(expected, kind)():
            torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    sound = torch.randn(2, 48_000) / 10
    with torch.inference_mode():
        torch.testing.assert_close(model(sound).logits.softmax(-1), expected(sound).softmax(-1))


def test_the_probabilities_of_a_calibrated_model_are_calibrated(cnn: Path, tmp_path: Path) -> None:
    sound = torch.randn(2, 48_000, generator=torch.Generator().manual_seed(0)) / 10
    plain = emozoo.load(cnn, device="cpu").answer(sound)
    calibration = calibrate_by_hand(cnn)
    model = AutoModelForAudioClassification.from_pretrained(cnn)
    with torch.inference_mode():
        found = model(sound).logits.softmax(-1).numpy()
    np.testing.assert_allclose(found, calibration.apply(plain), atol=1e-6)
    assert np.abs(found - plain).max() > 0.01
    model.save_pretrained(tmp_path / "saved")
    assert emozoo.load(tmp_path / "saved", device="cpu").calibration == calibration


def test_training_drops_a_calibration_that_was_fitted_to_other_weights(cnn: Path, tmp_path: Path) -> None:
    calibrate_by_hand(cnn)
    model = AutoModelForAudioClassification.from_pretrained(cnn).train()
    sound = torch.randn(2, 48_000) / 10
    trained = model(sound, labels=torch.tensor([0, 1]))
    torch.testing.assert_close(trained.loss, torch.nn.functional.cross_entropy(trained.logits, torch.tensor([0, 1])))
    model.save_pretrained(tmp_path / "saved")
    assert "calibration" not in json.loads((tmp_path / "saved" / "config.json").read_text())
    assert emozoo.load(tmp_path / "saved", device="cpu").calibration is None


def test_the_feature_extractor_hands_over_the_waveform(cnn: Path) -> None:
    sound = np.linspace(-0.3, 0.5, 5_000, dtype=np.float32)
    values = AutoFeatureExtractor.from_pretrained(cnn)(sound, sampling_rate=16_000, return_tensors="pt")
    assert list(values) == ["input_values", "attention_mask"]
    np.testing.assert_array_equal(values["input_values"].numpy(), sound[None])


@dataclass(frozen=True)
class OddConfig:
    size: int = 3


class Odd(nn.Module):
    """Constants of every kind, and one that must be looked at while the network is built."""

    def __init__(self, config: OddConfig, num_labels: int) -> None:
        super().__init__()
        self.register_buffer("scale", torch.linspace(1, 2, config.size), persistent=False)
        self.register_buffer("offset", torch.full((config.size,), 0.5))
        self.plain = torch.arange(config.size) + 1.0
        self.total = float(self.plain.sum())
        self.norm = nn.BatchNorm1d(config.size)
        self.out = nn.Linear(config.size, num_labels)

    def forward(self, input_values: torch.Tensor, pixel_values: torch.Tensor | None = None) -> torch.Tensor:
        level = input_values.std(1, keepdim=True)
        return self.out(self.norm(level * self.scale * self.plain / self.total + self.offset))


def test_a_third_partys_constants_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = Architecture(name="odd", modalities=("audio",), config=OddConfig, build=Odd)
    offer(monkeypatch, odd, "emozoo-odd", "2.0")
    model = EmotionModel(odd, OddConfig(), LABELS, Origin("emozoo-odd", "2.0"))
    sound = torch.randn(6, 48_000) * torch.linspace(0.1, 1, 6)[:, None]
    model.train()(sound)  # moves the means of the batch norm
    model.eval().save(tmp_path / "odd")
    loaded = AutoModelForAudioClassification.from_pretrained(tmp_path / "odd")
    torch.testing.assert_close(loaded(sound).logits, model(sound).log_softmax(-1))


def test_saved_again_both_load_it(cnn: Path, tmp_path: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(cnn)
    with torch.no_grad():
        model.network.classifier.output.bias += 1
        model.network.classifier.output.bias[0] += 2
    model.save_pretrained(tmp_path / "again")
    AutoFeatureExtractor.from_pretrained(cnn).save_pretrained(tmp_path / "again")
    sound = torch.randn(2, 48_000) / 10
    with torch.inference_mode():
        logits = model(sound).logits
        again = AutoModelForAudioClassification.from_pretrained(tmp_path / "again")
        torch.testing.assert_close(again(sound).logits, logits, rtol=0, atol=0)
        own = emozoo.load(tmp_path / "again", device="cpu")
        torch.testing.assert_close(own(sound).log_softmax(-1), logits)


def test_a_model_with_other_labels_learns_from_its_weights(cnn: Path, tmp_path: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(cnn, num_labels=2, ignore_mismatched_sizes=True)
    weights = load_file(cnn / "model.safetensors")
    torch.testing.assert_close(model.network.convs.conv1.weight.detach(), weights["convs.conv1.weight"])
    assert model(torch.randn(1, 48_000) / 10).logits.shape == (1, 2)
    model.save_pretrained(tmp_path / "two")
    assert emozoo.load(tmp_path / "two", device="cpu").labels == ("LABEL_0", "LABEL_1")
    torch.nn.init.zeros_(model.network.convs.conv1.weight)
    model.load_state_dict(load_file(tmp_path / "two" / "model.safetensors"))  # as transformers' Trainer does
    torch.testing.assert_close(model.network.convs.conv1.weight.detach(), weights["convs.conv1.weight"])


def test_padding_that_the_mask_names_changes_nothing(cnn: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(cnn)
    sounds = [np.random.default_rng(seed).normal(0, 0.1, samples) for seed, samples in enumerate((70_000, 20_000))]
    extractor = AutoFeatureExtractor.from_pretrained(cnn)
    batch = extractor(sounds, sampling_rate=16_000, padding=True, return_attention_mask=True, return_tensors="pt")
    with torch.inference_mode():
        together = model(**batch).logits
        for number, sound in enumerate(sounds):
            alone = model(torch.tensor(sound[None], dtype=torch.float32)).logits[0]
            torch.testing.assert_close(together[number], alone)


def test_a_clip_without_a_voice_is_an_error_and_silent_windows_do_not_count(cnn: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(cnn).eval()
    loud = torch.randn(1, 48_000) / 10
    for silent, words in ((torch.zeros(1, 48_000), "the clip is silent"), (loud[:, :800], "shorter than 0.1 s")):
        with pytest.raises(emozoo.EmozooError, match=words):
            model(silent)
    both = torch.cat([loud, torch.zeros(1, 48_000)])
    with pytest.raises(emozoo.EmozooError, match="clip 2 of the batch is silent"):
        model(both, attention_mask=torch.ones_like(both))
    assert model(both, attention_mask=torch.ones_like(both), labels=torch.tensor([0, 1])).loss.isfinite()


def test_labels_give_a_loss_to_learn_from(cnn: Path) -> None:
    model = AutoModelForAudioClassification.from_pretrained(cnn).train()
    output = model(torch.randn(3, 60_000) / 10, labels=torch.tensor([0, 1, 3]))
    assert output.logits.shape == (3, 4) and 0 < output.loss.item() < 10
    output.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert isinstance(model(torch.zeros(1, 100), return_dict=False), tuple)


def test_half_precision_is_not_for_these_networks(cnn: Path) -> None:
    sound = torch.randn(1, 48_000) / 10
    half = AutoModelForAudioClassification.from_pretrained(cnn, dtype=torch.float16)
    full = AutoModelForAudioClassification.from_pretrained(cnn)
    assert half.dtype == torch.float32
    with torch.inference_mode():
        torch.testing.assert_close(half(sound.half()).logits, full(sound.half().float()).logits)


def test_a_model_that_needs_video_is_refused_with_a_sentence(tmp_path: Path) -> None:
    small_model("cnn_rnn_3dcnn").save(tmp_path / "video")
    with pytest.raises(EmozooError, match="needs sound and video.*use emozoo predict"):
        AutoModelForAudioClassification.from_pretrained(tmp_path / "video")
    with pytest.raises(EmozooError, match="needs sound and video"):
        pipeline("audio-classification", model=str(tmp_path / "video"))


def test_a_model_that_can_do_without_video_is_heard_only_unless_noise_must_be_taken_out(
    tmp_path: Path,
) -> None:
    architecture = get_architecture("av_fusion")
    config = architecture.config(audio_filters=(4, 4, 4), audio_hidden=4, video_filters=(2, 2, 2), video_hidden=2)
    model = EmotionModel(architecture, config, LABELS).eval()
    model.save(tmp_path / "av")
    sound = torch.randn(1, 48_000) / 10
    heard = AutoModelForAudioClassification.from_pretrained(tmp_path / "av")
    with torch.inference_mode():
        torch.testing.assert_close(heard(sound).logits.softmax(-1), model(sound).softmax(-1))
    model.preparation = Preparation(denoise=True)
    model.save(tmp_path / "quiet")
    with pytest.raises(EmozooError, match="noise must be taken out.*use emozoo predict"):
        AutoModelForAudioClassification.from_pretrained(tmp_path / "quiet")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architecture": "nobodys"}, "'nobodys'.*pip install emozoo .*runs its code"),
        ({"architecture_config": {"linear": 2**30}}, "far larger than the weights"),
        ({"architecture_config": {"linear": -1}}, "linear"),
        ({"architecture_config": {"strange": 1}}, "strange"),
        ({"architecture_config": []}, "architecture_config"),
        ({"plugin": None}, "plugin"),
        ({"window": 5.0}, "other windows with this config"),
    ],
)
def test_a_config_that_does_not_fit_is_refused(cnn: Path, changes: dict[str, object], words: str) -> None:
    edit(cnn, **changes)
    with pytest.raises(EmozooError, match=words):
        AutoModelForAudioClassification.from_pretrained(cnn)


def test_weights_that_do_not_fit_are_refused(cnn: Path) -> None:
    weights = load_file(cnn / "model.safetensors")
    name = "classifier.output.bias"
    for changed, words in (
        ({key: value for key, value in weights.items() if key != name}, f"lacks tensor '{name}'"),
        ({**weights, "stray": torch.zeros(1)}, "stray"),
        ({**weights, name: torch.full((4,), float("nan"))}, "not finite"),
    ):
        save_file(changed, cnn / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(EmozooError, match=words):
            AutoModelForAudioClassification.from_pretrained(cnn)


def test_finite_weights_whose_answers_are_no_numbers_are_an_error_that_names_the_model(cnn: Path) -> None:
    weights = load_file(cnn / "model.safetensors")
    save_file({name: tensor * 1e25 for name, tensor in weights.items()}, cnn / "model.safetensors")
    model = AutoModelForAudioClassification.from_pretrained(cnn)
    sound = torch.randn(1, 48_000, generator=torch.Generator().manual_seed(0)) / 10
    with torch.inference_mode(), pytest.raises(EmozooError, match=f"{cnn} answers with values that are no numbers"):
        model(sound)


def test_a_pickle_is_never_opened(cnn: Path) -> None:
    torch.save(load_file(cnn / "model.safetensors"), cnn / "pytorch_model.bin")
    (cnn / "model.safetensors").unlink()
    with pytest.raises(EmozooError, match="no model.safetensors"):
        AutoModelForAudioClassification.from_pretrained(cnn)


PREDICT = """
import json, sys
import emozoo.integrations.transformers
from emozoo.media.reading import read_audio
from transformers import pipeline

classify = pipeline("audio-classification", model="anna/voices", revision=sys.argv[2], top_k=None, device="cpu")
print(json.dumps({answer["label"]: answer["score"] for answer in classify(read_audio(sys.argv[1]))}))
"""


def test_a_repository_of_the_hub_is_a_model_too(cnn: Path, tmp_path: Path) -> None:
    path = wav(tmp_path / "clip.wav", 4)
    with hub_server.running() as hub:
        repo = hub.models["anna/voices"] = hub_server.Repo("anna/voices")
        first = repo.commit({file.name: file.read_bytes() for file in cnn.iterdir()}, "a model")
        repo.commit({"config.json": b"{}"}, "a newer push that breaks it")

        def answer(**environment: str) -> dict[str, float]:
            hub.requests.clear()
            done = subprocess.run(
                [sys.executable, "-c", PREDICT, str(path), first.sha],
                env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), **environment},
                capture_output=True,
                text=True,
                timeout=300,
            )
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        expected = pytest.approx(emozoo.load(cnn, device="cpu").predict(path).probabilities, abs=2e-6)
        assert answer(HF_HUB_OFFLINE="0", HF_HUB_DISABLE_XET="1") == expected
        assert any("model.safetensors" in line for line in hub.requests)
        assert answer(HF_HUB_OFFLINE="1") == expected and not hub.requests


def test_nothing_in_the_folder_asks_for_remote_code(cnn: Path) -> None:
    for path in cnn.glob("*.json"):
        assert "auto_map" not in json.loads(path.read_text())


@pytest.mark.parametrize("name", ["dtype", "torch_dtype"])
def test_a_type_of_number_asked_for_is_never_that_of_other_threads(
    cnn: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.dtype] = []
    monkeypatch.setattr(torch, "set_default_dtype", seen.append)
    for dtype in (torch.float16, "bfloat16", "auto"):
        assert AutoModelForAudioClassification.from_pretrained(cnn, **{name: dtype}).dtype == torch.float32
    assert set(seen) <= {torch.float32}
