"""The network that hears and sees, and does with one of the two: batches, files and datasets that lack one."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from emozoo_av_fusion import KineticsScaling, architecture
from support.av_fusion import LABELS, SMALL, small_model
from support.make_media import grey, tone, write_sound, write_video
from support.small import emozoo, one_error, read
from torch import nn
from torch.nn import functional as F

from emozoo import EmozooError
from emozoo.architecture import contract_problem
from emozoo.checkpoint.export import export_onnx
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.onnx_model import load as load_onnx
from emozoo.checkpoint.run import RunOptions
from emozoo.data import load_dataset
from emozoo.data.resident import ResidentClips
from emozoo.data.store import ClipStore
from emozoo.evaluation.evaluate import evaluate
from emozoo.features.batches import to_batch
from emozoo.features.checks import heard, seen
from emozoo.inference.files import predict_file, predict_files
from emozoo.inference.options import PredictOptions
from emozoo.media.window import DARK, SAMPLING_RATE, SILENT, modalities_of
from emozoo.media.window_shape import DEFAULT_WINDOW, WindowShape
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.testing import ArchitectureConformance
from emozoo.training.train import train


class TestConformance(ArchitectureConformance):
    architecture = "av_fusion"
    settings = SMALL
    without = ("trains",)


def hearing_only() -> EmotionModel:
    cnn = get_architecture("cnn")
    return EmotionModel(cnn, cnn.config(filters=(2,), kernels=((3, 3),), linear=2), LABELS).eval()


def inputs(batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    sound = torch.randn(batch, DEFAULT_WINDOW.samples, generator=generator) / 10
    return sound, torch.randint(0, 256, (batch, 20, 60, 100, 3), dtype=torch.uint8, generator=generator)


# --- the network


def test_it_says_what_it_is_and_does_without() -> None:
    assert contract_problem(architecture, "av_fusion") is None
    assert architecture.optional_modalities == ("audio", "video")
    network = architecture.build(architecture.config(), 4)
    assert sum(parameter.numel() for parameter in network.parameters()) < 1_200_000


def test_a_missing_picture_is_none_or_black_and_a_missing_sound_silence() -> None:
    network = small_model().network
    sound, frames = inputs()
    with torch.inference_mode():
        both = network(sound, frames)
        alone = network(sound)
        mixed = network(sound, torch.stack([frames[0], torch.zeros_like(frames[1]), frames[2]]))
        silent = network(torch.zeros_like(sound), frames)
        other = network(torch.zeros_like(sound), frames.flip(0)).flip(0)
    torch.testing.assert_close(network(sound, torch.zeros_like(frames)), alone)
    torch.testing.assert_close(mixed, torch.stack([both[0], alone[1], both[2]]), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(silent, other, atol=1e-5, rtol=1e-4)
    assert min((both - alone).abs().max(), (both - silent).abs().max(), (alone - silent).abs().max()) > 1e-4


@pytest.mark.parametrize("chance", [0.0, 0.9])
def test_modality_dropout_takes_one_of_the_two_and_never_both(chance: float) -> None:
    network: Any = architecture.build(architecture.config(modality_dropout=chance), 2)
    torch.manual_seed(0)
    everything = torch.ones(4000, dtype=torch.bool)
    hears, sees = network._drop(everything, everything)
    assert (hears | sees).all()
    for lost in (~hears, ~sees):
        assert lost.float().mean().item() == pytest.approx(chance / 2, abs=0.03)
    hears, sees = network._drop(everything, ~everything)  # what has one only keeps it
    assert hears.all() and not sees.any()


def test_only_training_drops() -> None:
    network = small_model().network
    network.modality_dropout = 0.99
    clips = inputs(8)
    torch.manual_seed(0)
    with torch.no_grad():
        assert torch.equal(network(*clips), network(*clips))
        network.train()
        for module in network.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        assert not torch.equal(network(*clips), network(*clips))


def test_each_trunk_learns_to_stand_alone() -> None:
    model = small_model()
    network, labels = model.network.train(), torch.arange(8) % 2
    sound, frames = inputs(8)
    time = torch.arange(DEFAULT_WINDOW.samples) / SAMPLING_RATE
    sound = sound + torch.sin(2 * torch.pi * (400 + 1600 * labels[:, None]) * time)
    frames = (frames / 4 + 128 * labels[:, None, None, None, None]).to(torch.uint8) + 20
    optimizer = torch.optim.AdamW(network.parameters(), 1e-2)
    torch.manual_seed(0)
    for _ in range(30):
        loss = F.cross_entropy(network(sound, frames), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    for clips in ((sound, frames), (sound, None), (torch.zeros_like(sound), frames)):
        assert network(*clips).argmax(1).tolist() == labels.tolist()


@pytest.mark.parametrize("backbone", ["mc3_18"])
def test_torchvisions_backbones_read_the_frames(backbone: str) -> None:
    config, _ = apply_settings(architecture, {**SMALL, "video_backbone": backbone})
    network = architecture.build(config, 3).eval()
    sound, frames = inputs(1)
    with torch.inference_mode():
        assert (network(sound, frames) - network(sound)).abs().max() > 0
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in architecture.build(config, 3).state_dict().items()}
    assert shapes == {name: value.shape for name, value in network.state_dict().items()}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("video_backbone", "large"),
        ("video_filters", (2, 2, 2, 2, 2)),
        ("audio_filters", ()),
        ("modality_dropout", 1.0),
        ("embedding", 0),
    ],
)
def test_a_config_that_cannot_be_is_refused_by_its_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=field):
        architecture.config(**{field: value})


def test_what_is_silent_or_black_is_the_same_for_torch_and_numpy() -> None:
    rng = np.random.default_rng(0)
    quiet = (np.ones(DEFAULT_WINDOW.samples) * SILENT / 2).astype(np.float32)
    loud = np.zeros(DEFAULT_WINDOW.samples, np.int16)
    loud[5] = -32768
    dark = rng.integers(0, DARK, (20, 60, 100, 3), np.uint8)
    bright = dark.copy()
    bright[3, 2, 1, 0] = DARK + 1
    for sound, hears in ((quiet, False), (loud, True), (np.zeros_like(loud), False)):
        for frames, sees in ((dark, False), (bright, True), (None, False)):
            found = modalities_of(sound, frames)
            assert ("audio" in found, "video" in found) == (hears, sees)
            waveform, pictures, _ = to_batch([(sound, frames)], torch.device("cpu"))
            assert heard(waveform).tolist() == [hears]
            assert pictures is None or seen(pictures).tolist() == [sees]


@pytest.mark.parametrize("backbone", ["small", "r3d_18"])
def test_frames_may_have_the_size_that_torchvisions_networks_were_trained_on(backbone: str) -> None:
    settings = {**SMALL, "frames": "[16,112,112]", "window": "1.6", "video_backbone": backbone}
    model = EmotionModel(architecture, apply_settings(architecture, settings)[0], LABELS).eval()
    assert model.window == WindowShape(1.6, 1.0, (16, 112, 112)) and model.window.samples_per_frame == 1600
    rng = np.random.default_rng(0)
    sound = rng.normal(0, 0.1, 25_600).astype(np.float32)
    one, other = (rng.integers(20, 255, (16, 112, 112, 3), np.uint8) for _ in range(2))
    answers = model.probabilities([(sound, one), (sound, other), (sound, None)])
    assert len({tuple(row) for row in answers.round(9).tolist()}) == 3


def test_kinetics_scaling_is_torchvisions_own() -> None:
    from torchvision.models.video import R3D_18_Weights

    own = R3D_18_Weights.KINETICS400_V1.transforms()
    frames = torch.randint(0, 256, (2, 16, 112, 112, 3), dtype=torch.uint8)
    wanted = ((frames.permute(0, 1, 4, 2, 3) / 255 - mean(own.mean)) / mean(own.std)).transpose(1, 2)
    torch.testing.assert_close(KineticsScaling()(frames), wanted, atol=1e-5, rtol=1e-5)
    network = architecture.build(architecture.config(video_backbone="r3d_18", video_scaling="kinetics"), 2)
    assert isinstance(network.video.scaling, KineticsScaling)
    assert not [name for name in network.state_dict() if "scaling" in name]
    with pytest.raises(ValueError, match="video_scaling is for torchvision's networks"):
        architecture.config(video_scaling="kinetics")


def mean(values: list[float]) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]


# --- files


def film(path: Path, seconds: float, *, sound: np.ndarray | None = None) -> Path:
    """A film whose pictures change, silent where its `sound` is zeros, without a sound track where there is none."""
    return write_video(
        path, lambda number: grey(64, 48, 40 + number % 200), count=round(25 * seconds), sound=sound, rate=16_000
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("mixed files")
    film(folder / "both.mp4", 4.0, sound=tone(4.0, 16_000))
    film(folder / "mute.mp4", 2.0)
    film(folder / "silent.mp4", 2.0, sound=np.zeros((32_000, 1), np.float32))
    write_sound(folder / "heard.wav", tone(5.0, 16_000), 16_000)
    (folder / "text.mp4").write_text("no film at all")
    return folder


MODALITIES = {
    "both.mp4": ("audio", "video"),
    "mute.mp4": ("video",),
    "silent.mp4": ("video",),
    "heard.wav": ("audio",),
}


def test_files_that_lack_sound_or_picture_are_answered_and_say_so(files: Path) -> None:
    model = small_model()
    for name, wanted in MODALITIES.items():
        answer = predict_file(model, files / name)
        assert answer.modalities == wanted and answer.to_dict()["modalities"] == list(wanted)
    names = [str(files / name) for name in [*MODALITIES, "text.mp4", *MODALITIES]]
    for answer in predict_files(model, names, PredictOptions(timeline=True)):
        if Path(answer.file).name == "text.mp4":
            assert answer.error is not None and "modalities" not in answer.to_dict()
            continue
        assert answer.modalities == MODALITIES[Path(answer.file).name]
        assert answer.probabilities == pytest.approx(predict_file(model, answer.file).probabilities, abs=1e-5)
    with pytest.raises(EmozooError, match="no sound track"):
        predict_file(hearing_only(), files / "mute.mp4")


def test_the_command_line_tells_what_an_answer_rests_on(files: Path, tmp_path: Path) -> None:
    small_model().save(tmp_path / "run")
    assert read(tmp_path / "run" / "config.json")["optional_modalities"] == ["audio", "video"]
    words = ["predict", *(str(files / name) for name in MODALITIES), "--model", str(tmp_path / "run")]
    document = json.loads(emozoo(*words, "--json").stdout)
    assert [tuple(each["modalities"]) for each in document["predictions"]] == list(MODALITIES.values())
    rows = list(csv.DictReader(io.StringIO(emozoo(*words, "--csv").stdout)))
    assert [row["modalities"] for row in rows] == ["audio video", "video", "video", "audio"]
    table = emozoo(*words, COLUMNS="300").stdout
    assert "sound only, because there is no video: " in table and "heard.wav" in table.splitlines()[-2]
    assert "video only, because there is no sound: " in table.splitlines()[-1] and "mute.mp4" in table.splitlines()[-1]


def test_exported_it_does_without_as_well(files: Path, tmp_path: Path) -> None:
    small_model().save(tmp_path)
    export_onnx(tmp_path)
    onnx, model = load_onnx(tmp_path), load(tmp_path, "cpu")
    names = [str(files / name) for name in MODALITIES]
    for name, answer in zip(names, predict_files(onnx, names), strict=True):
        wanted = predict_file(model, name)
        assert answer.modalities == wanted.modalities
        assert answer.probabilities == pytest.approx(wanted.probabilities, abs=1e-3)


# --- datasets


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips of both kinds: films, a sound file, a film without sound, an MP4 without pictures."""
    folder = tmp_path_factory.mktemp("mixed clips")
    lines = ["file,label,speaker"]
    for number in range(12):
        name, sound = f"{number}.mp4", tone(1.0 + number / 10, 16_000, hertz=200 + 40 * number)
        if number % 4 == 1:
            name = f"{number}.wav"
            write_sound(folder / name, sound, 16_000)
        else:
            film(folder / name, 1.0 + number / 10, sound=None if number % 4 == 2 else sound)
        lines.append(f"{name},{LABELS[number // 3 % 2]},{'abcd'[number // 3]}")
    (folder / "all.csv").write_text("\n".join(lines))
    (folder / "sound.csv").write_text("\n".join(line for line in lines if ".mp4" not in line))
    return folder


def test_a_dataset_may_mix_clips_with_and_without(manifest: Path) -> None:
    rows = load_dataset("manifest", manifest / "all.csv", video=True, optional=("audio", "video"))
    store = ClipStore(rows)
    lacking = [row["audio_path"].endswith(".wav") for row in rows]
    assert len(store) == 12 and sum(lacking) == 3
    for row in range(12):
        assert (store.frames(row) is None) == lacking[row]
        mute = int(Path(rows[row]["audio_path"]).stem) % 4 == 2
        assert (not store.waveform(row).any()) == mute
        if not lacking[row]:
            assert len(store.frames(row)) == -(-store.length(row) // DEFAULT_WINDOW.samples_per_frame)
    starts = np.zeros(12, np.int64)
    sound, frames, lengths = store.batch(np.arange(12), starts, torch.device("cpu"))
    assert frames is not None and (~seen(frames)).tolist() == lacking
    there = ResidentClips(store, torch.device("cpu")).windows(np.arange(12), starts)
    assert torch.equal(there[0], sound) and torch.equal(there[1], frames) and torch.equal(there[2], lengths)
    strict = load_dataset("manifest", manifest / "all.csv", video=True)
    assert len(strict) == 6


def test_it_trains_measures_and_answers_on_frames_of_another_size(manifest: Path, tmp_path: Path) -> None:
    run, settings = tmp_path / "run", {**SMALL, "frames": "6,40,30", "window": "1.5", "epochs": "1"}
    known = {"dataset": "manifest", "data_dir": str(manifest / "all.csv"), "protocol": "random"}
    train(RunOptions(architecture="av_fusion", settings=settings, **known), run, device="cpu")
    assert (read(run / "config.json")["frames"], read(run / "config.json")["window"]) == ([6, 40, 30], 1.5)
    assert evaluate(run, device="cpu").metrics.count == read(run / "metrics.json")["test"]["count"]
    model, path = load(run, "cpu"), film(tmp_path / "film.mp4", 4, sound=tone(4.0, SAMPLING_RATE))
    cuts = []
    answer = predict_file(model, path, PredictOptions(vad=False, timeline=True), seen=cuts.append)
    assert [each.start for each in answer.windows] == pytest.approx([0, 1, 2, 2.5], abs=0.05)
    assert {cut.window[1].shape for cut in cuts} == {(6, 40, 30, 3)}
    export_onnx(run)
    assert load_onnx(run).predict(path, vad=False).probabilities == pytest.approx(answer.probabilities, abs=1e-3)


def test_it_trains_on_a_mixture_and_is_evaluated_on_sound_alone(manifest: Path, tmp_path: Path) -> None:
    small = [word for key, value in SMALL.items() for word in ("--set", f"{key}={value}")]
    run = tmp_path / "run"
    words = ["--dataset", "manifest", "--data-dir", str(manifest / "all.csv"), "--protocol", "random", "--epochs", "1"]
    done = emozoo("train", "av_fusion", *words, "--output", str(run), "--device", "cpu", *small)
    assert "3 of the 12 clips of manifest have no video: their audio is used" in done.stderr
    sound_only = ["--dataset", "manifest", "--data-dir", str(manifest / "sound.csv")]
    document = json.loads(emozoo("evaluate", str(run), *sound_only, "--json").stdout)
    assert document["count"] == 3 and "3 of 3 clips have no video" in document["note"]
    document = json.loads(emozoo("evaluate", str(run), "--modality", "audio", "--json").stdout)
    assert "audio alone" in document["part"]


def test_one_modality_is_asked_only_of_a_model_that_can_do_without_the_other(tmp_path: Path) -> None:
    hearing_only().save(tmp_path)
    words = ["evaluate", str(tmp_path), "--dataset", "toy", "--modality", "video"]
    assert "cannot do without audio" in one_error(emozoo(*words, check=2))


def test_the_modality_that_a_model_reads_anyway_changes_nothing(tmp_path: Path) -> None:
    hearing_only().save(tmp_path)
    whole, alone = (evaluate(tmp_path, dataset="toy", fold=1, modality=modality) for modality in (None, "audio"))
    assert alone.metrics == whole.metrics
