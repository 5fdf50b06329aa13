"""The four networks in the box against the publication's tables, and what any network must not do."""

import dataclasses
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from emozoo_singh_fang.cnn_rnn_3dcnn import contrastive_loss
from torch import nn
from torch.nn import functional as F

from emozoo.architecture import Architecture, Recipe, contract_problem
from emozoo.features.spectrogram import LogSpectrogram

NAMES = ("cnn", "cnn_rnn", "cnn_lstm", "cnn_rnn_3dcnn")
RECURRENT = NAMES[1:]
VARIANTS = [("cnn", {}), *((name, {"sequence": sequence}) for name in RECURRENT for sequence in ("time", "flat"))]
SMALL: dict[str, Any] = {"filters": (4, 4, 4), "kernels": ((3, 3), (3, 3), (3, 3))}
SMALL_VIDEO: dict[str, Any] = {"video_filters": (2, 4, 4, 8), "video_linear": 16}

CONVS = 16 * 12 * 16 + 16 + 24 * 16 * 8 * 12 + 24 + 24 * 24 * 5 * 7 + 24
LINEAR_64 = 256 * 64 + 64
OUTPUT = 64 * 4 + 4
TIME_LAYERS = 2 * 600 + 256 + 1  # layer norm and attention


def recurrent_parameters(step_features: int, gates: int) -> int:
    """Of 128x2, two directions: weights to and from the state, and two biases, for each gate."""
    first = 2 * (128 * step_features + 128 * 128 + 2 * 128)
    second = 2 * (128 * 256 + 128 * 128 + 2 * 128)
    return gates * (first + second)


VIDEO = sum(out * (into * 27 + 1) for into, out in ((3, 16), (16, 32), (32, 64), (64, 128)))
VIDEO += 128 * 12 * 2 * 7 * 256 + 256 + LINEAR_64
PARAMETERS = {
    ("cnn", ""): CONVS + 24 * 25 * 37 * 64 + 64 + OUTPUT,
    ("cnn_rnn", "time"): CONVS + TIME_LAYERS + recurrent_parameters(600, 1) + LINEAR_64 + OUTPUT,
    ("cnn_rnn", "flat"): CONVS + recurrent_parameters(22_200, 1) + LINEAR_64 + OUTPUT,
    ("cnn_lstm", "time"): CONVS + TIME_LAYERS + recurrent_parameters(600, 4) + LINEAR_64 + OUTPUT,
    ("cnn_lstm", "flat"): CONVS + recurrent_parameters(22_200, 4) + LINEAR_64 + OUTPUT,
}
for mode in ("time", "flat"):
    audio = PARAMETERS["cnn_rnn", mode] - OUTPUT
    PARAMETERS["cnn_rnn_3dcnn", mode] = audio + VIDEO + 128 * 64 + 64 + OUTPUT

CONV_SHAPES = {
    "spectrogram": (1, 200, 300),
    "convs.conv1": (16, 201, 301),
    "convs.pool1": (16, 100, 150),
    "convs.conv2": (24, 101, 151),
    "convs.pool2": (24, 50, 75),
    "convs.conv3": (24, 50, 75),
    "convs.pool3": (24, 25, 37),
}
CLASSIFIER_SHAPES = {"classifier.linear": (64,), "classifier.output": (4,)}
SUMMARY_SHAPES = {
    "time": {"summary.norm": (37, 600), "summary.recurrent": (37, 256), "summary.pooling": (256,), "summary": (256,)},
    "flat": {"summary.recurrent": (1, 256), "summary": (256,)},
}
VIDEO_SHAPES = {
    "video.scaling": (3, 20, 60, 100),
    "video.convs.conv1": (16, 18, 58, 98),
    "video.convs.pool1": (16, 18, 28, 48),
    "video.convs.conv2": (32, 16, 26, 46),
    "video.convs.pool2": (32, 16, 12, 22),
    "video.convs.conv3": (64, 14, 10, 20),
    "video.convs.pool3": (64, 14, 4, 9),
    "video.convs.conv4": (128, 12, 2, 7),
    "video.head.flatten": (21_504,),
    "video.head.linear": (256,),
    "video.head.embedding": (64,),
}


def expected_shapes(name: str, sequence: str) -> dict[str, tuple[int, ...]]:
    if name == "cnn":
        return CONV_SHAPES | {"classifier.flatten": (22_200,)} | CLASSIFIER_SHAPES
    if name != "cnn_rnn_3dcnn":
        return CONV_SHAPES | SUMMARY_SHAPES[sequence] | CLASSIFIER_SHAPES
    audio_shapes = CONV_SHAPES | SUMMARY_SHAPES[sequence] | {"embedding": (64,)}
    return {f"audio.{layer}": shape for layer, shape in audio_shapes.items()} | VIDEO_SHAPES | CLASSIFIER_SHAPES


def load(name: str) -> Architecture:
    return importlib.import_module(f"emozoo_singh_fang.{name}").architecture


def build(name: str, labels: int = 4, **fields: object) -> nn.Module:
    torch.manual_seed(0)
    architecture = load(name)
    return architecture.build(architecture.config(**fields), labels)


def build_small(name: str, labels: int = 4, **fields: object) -> nn.Module:
    """The same layers with few filters, where sizes do not matter."""
    return build(name, labels, **SMALL, **(SMALL_VIDEO if name == "cnn_rnn_3dcnn" else {}), **fields)


def inputs(batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    waveform = torch.randn(batch, 48_000, generator=generator) * 0.1
    return waveform, torch.randint(0, 256, (batch, 20, 60, 100, 3), dtype=torch.uint8, generator=generator)


@pytest.mark.parametrize("name", NAMES)
def test_each_keeps_the_contract_and_says_what_it_is(name):
    architecture = load(name)
    assert contract_problem(architecture, name) is None
    assert architecture.video == (name == "cnn_rnn_3dcnn")
    assert architecture.summary and "2006.08129" in architecture.citation
    assert architecture.published and all("Singh and Fang 2020" in line for line in architecture.published)
    module_file = importlib.import_module(f"emozoo_singh_fang.{name}").__file__
    assert module_file and (Path(module_file).parent / architecture.card).read_text().strip()


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_that_a_card_names_are_fields_and_give_the_published_recipe(name):
    architecture = load(name)
    card = (
        Path(str(importlib.import_module(f"emozoo_singh_fang.{name}").__file__)).parent / architecture.card
    ).read_text()
    recipe_fields = {field.name for field in dataclasses.fields(architecture.recipe)}
    config_fields = {field.name for field in dataclasses.fields(architecture.config)}
    settings = re.findall(r"--set (\w+)=", card)
    assert settings and set(settings) <= recipe_fields | config_fields
    published = dict(re.findall(r"--set (\w+)=([^ `]+)", card[card.index("`--set learning_rate") :]))
    assert float(published["learning_rate"]) == 1e-4 and int(published["batch_size"]) == 64
    assert architecture.recipe.weight_decay == 0.01
    ours = {field for field in recipe_fields if getattr(architecture.recipe, field) != getattr(Recipe(), field)}
    assert ours - {"epochs"} <= set(published)  # how many epochs it trained is not published


def test_the_family_imports_of_emozoo_only_the_contract_and_the_features():
    for path in Path(str(importlib.import_module("emozoo_singh_fang").__file__)).parent.glob("*.py"):
        lines = path.read_text(encoding="utf-8").splitlines()
        imports = {line.split()[1] for line in lines if line.startswith(("import ", "from "))}
        others = {module for module in imports if module.startswith("emozoo") and "singh_fang" not in module}
        assert others <= {"emozoo.architecture", "emozoo.features"}, path


@pytest.mark.parametrize(("name", "fields"), VARIANTS)
def test_every_layer_has_the_published_size(name, fields):
    network, shapes = build(name, **fields).eval(), {}

    def note(layer_name):
        def hook(_, __, output):
            output = output[0] if isinstance(output, tuple) else output
            shapes[layer_name] = tuple(output.shape)

        return hook

    for layer_name, layer in network.named_modules():
        layer.register_forward_hook(note(layer_name))
    with torch.inference_mode():
        logits = network(*inputs(batch=3))
    assert logits.shape == (3, 4) and logits.dtype == torch.float32
    expected = expected_shapes(name, fields.get("sequence", ""))
    assert {layer: shapes.get(layer) for layer in expected} == {layer: (3, *shape) for layer, shape in expected.items()}


@pytest.mark.parametrize(("name", "fields"), VARIANTS)
def test_the_number_of_parameters_is_the_one_computed_by_hand(name, fields):
    counted = sum(parameter.numel() for parameter in build(name, **fields).parameters())
    assert counted == PARAMETERS[name, fields.get("sequence", "")]


def test_the_hand_computed_numbers_are_these():
    assert PARAMETERS == {
        ("cnn", ""): 1_481_284,
        ("cnn_rnn", "time"): 364_021,
        ("cnn_rnn", "flat"): 5_892_164,
        ("cnn_lstm", "time"): 1_221_109,
        ("cnn_lstm", "flat"): 23_338_052,
        ("cnn_rnn_3dcnn", "time"): 6_185_845,
        ("cnn_rnn_3dcnn", "flat"): 11_713_988,
    }


@pytest.mark.parametrize("name", NAMES)
def test_a_checkpoint_holds_parameters_only(name):
    network = build_small(name)
    assert set(network.state_dict()) == {parameter for parameter, _ in network.named_parameters()}


def tuples(value: object) -> object:
    """What loading a checkpoint's config makes of JSON's lists."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("name", NAMES)
def test_a_config_survives_json(name):
    config = load(name).config(filters=(8, 16), kernels=((5, 4), (3, 3)), linear=32)
    fields = json.loads(json.dumps(dataclasses.asdict(config)))
    assert load(name).config(**{field: tuples(value) for field, value in fields.items()}) == config
    assert config != load(name).config()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("cnn", "filters", (16, 0, 24)),
        ("cnn", "filters", (16, 24)),
        ("cnn", "kernels", ((12, 16), (8, 12), (5, -7))),
        ("cnn", "linear", 1.5),
        ("cnn", "linear", True),
        ("cnn", "dropout", 1.0),
        ("cnn_rnn", "sequence", "sideways"),
        ("cnn_lstm", "hidden", 0),
        ("cnn_rnn", "recurrent_dropout", -0.1),
        ("cnn_rnn_3dcnn", "video_filters", (1, 2, 3, 4, 5)),
        ("cnn_rnn_3dcnn", "video_filters", ()),
        ("cnn_rnn_3dcnn", "contrastive_margin", 0.0),
    ],
)
def test_a_config_that_cannot_be_is_refused_by_its_name(name, field, value):
    with pytest.raises(ValueError, match=field):
        load(name).config(**{field: value})


@pytest.mark.parametrize("count", [0, 8])
def test_the_spectrogram_can_be_halved_one_to_seven_times(count):
    with pytest.raises(ValueError, match="1 to 7"):
        load("cnn").config(filters=(2,) * count, kernels=((3, 3),) * count)


def test_other_sizes_build_networks_that_run():
    small = {"filters": (2, 3), "kernels": ((3, 4), (5, 2)), "linear": 7}
    for name in NAMES:
        fields = dict(small) if name == "cnn" else {**small, "hidden": 5, "layers": 1}
        if name == "cnn_rnn_3dcnn":
            fields |= {"video_filters": (2, 3), "video_linear": 6, "embedding": 4}
        assert build(name, labels=3, **fields)(*inputs()).shape == (2, 3)


def unreached(network: nn.Module) -> set[str]:
    """The parameters without a gradient."""
    return {key for key, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()}


@pytest.mark.parametrize(("name", "fields"), VARIANTS)
def test_gradients_reach_every_parameter(name, fields):
    network = build_small(name, **fields)
    F.cross_entropy(network(*inputs(batch=4)), torch.arange(4)).backward()
    missed = unreached(network)
    if fields.get("sequence") == "flat":  # a single step has no step before it: nothing recurs
        assert missed == {key for key, _ in network.named_parameters() if ".weight_hh_" in key}
    else:
        # A softmax does not see what all its scores share, so the bias of the score has no slope.
        assert {key for key in missed if not key.endswith("pooling.score.bias")} == set()


@pytest.mark.parametrize(("name", "fields"), VARIANTS)
def test_in_eval_mode_a_clips_answer_does_not_depend_on_its_neighbours(name, fields):
    network = build_small(name, **fields).eval()
    waveform, frames = inputs(batch=3)
    with torch.inference_mode():
        together = network(waveform, frames)
        apart = torch.cat([network(waveform[i : i + 1], frames[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(together, apart, atol=1e-5, rtol=1e-4)
    assert (together[0] - together[1]).abs().max() > 1e-4


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("level", [0.0, 1e6])
def test_silence_and_loud_noise_give_finite_answers_and_gradients(name, level):
    network = build_small(name)
    waveform, frames = inputs()
    logits = network(waveform * level, frames)
    F.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert torch.isfinite(logits).all()
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())


@pytest.mark.parametrize(("name", "fields"), VARIANTS[1:])
def test_recurrent_layers_stay_in_float32_under_autocast(name, fields):
    network, seen = build_small(name, **fields).eval(), []
    summary = (network.audio if name == "cnn_rnn_3dcnn" else network).summary
    summary.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
    summary.recurrent.register_forward_hook(lambda _, given, output: seen.extend([given[0].dtype, output[0].dtype]))
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        logits = network(*inputs())
    assert seen == [torch.bfloat16, torch.float32, torch.float32]
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("name", NAMES)
def test_each_learns_to_tell_two_sounds_apart(name):
    network = build_small(name, labels=2)
    time = torch.arange(48_000) / 16_000
    waveform, frames = inputs(batch=8)
    labels = torch.arange(8) % 2
    waveform = waveform + torch.sin(2 * torch.pi * (400 + 1600 * labels[:, None]) * time)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    for _ in range(15):
        loss = F.cross_entropy(network(waveform, frames), labels)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
    assert network.eval()(waveform, frames).argmax(1).tolist() == labels.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_the_training_loop_finds_the_front_end(name):
    assert sum(isinstance(module, LogSpectrogram) for module in build_small(name).modules()) == 1


# --- CNN+RNN+3DCNN: both modalities, and the contrastive loss


def test_without_frames_the_audio_video_network_says_what_is_missing():
    with pytest.raises(ValueError, match="needs video"):
        build_small("cnn_rnn_3dcnn")(inputs()[0])


def test_the_audio_video_network_uses_both_sound_and_frames():
    network = build_small("cnn_rnn_3dcnn").eval()
    (waveform, frames), (other_waveform, other_frames) = inputs(seed=0), inputs(seed=1)
    with torch.inference_mode():
        logits = network(waveform, frames)
        assert (network(other_waveform, frames) - logits).abs().max() > 1e-4
        assert (network(waveform, other_frames) - logits).abs().max() > 1e-4


def test_the_contrastive_loss_is_its_formula():
    audio = torch.tensor([[2.0, 0.0], [0.0, 1.0], [0.6, 0.8]])  # unit length after scaling
    video = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.0, 5.0]])
    labels = torch.tensor([0, 0, 1])
    unit_audio, unit_video = audio / audio.norm(dim=1, keepdim=True), video / video.norm(dim=1, keepdim=True)
    same, hard, super_hard = [], [], []
    for i in range(3):
        for j in range(3):
            distance = (unit_audio[i] - unit_video[j]).norm().item()
            if i == j:
                same.append(distance**2)
            else:
                (super_hard if labels[i] == labels[j] else hard).append(max(1.2 - distance, 0) ** 2)
    expected = sum(same) / 3 + (sum(hard) / 4 + sum(super_hard) / 2) / 2
    assert contrastive_loss(audio, video, labels, margin=1.2).item() == pytest.approx(expected, abs=1e-3)


def test_matching_pairs_cost_less_than_shuffled_ones():
    torch.manual_seed(0)
    features, labels = torch.randn(8, 16), torch.arange(8) % 4
    matching = contrastive_loss(features, features + 0.1 * torch.randn(8, 16), labels, margin=1.0)
    shuffled = contrastive_loss(features, features.roll(1, 0), labels, margin=1.0)
    assert matching < 0.1 < shuffled


@pytest.mark.parametrize("labels", [[0], [0, 0], [0, 1]])
def test_a_batch_without_some_kind_of_pair_still_has_a_finite_loss(labels):
    features = torch.ones(len(labels), 4, requires_grad=True)  # identical: a distance of 0
    loss = contrastive_loss(features, features, torch.tensor(labels), margin=1.0)
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(features.grad).all()


def test_pretraining_reaches_both_branches_and_leaves_the_classifier_alone():
    network = build_small("cnn_rnn_3dcnn")
    loss = network.pretrain_loss(*inputs(batch=4), torch.tensor([0, 0, 1, 2]))
    assert loss.shape == ()
    loss.backward()
    missed = {key for key in unreached(network) if not key.endswith("pooling.score.bias")}
    assert missed == {key for key, _ in network.named_parameters() if key.startswith("classifier.")}


def test_pretraining_brings_sound_and_frames_of_a_clip_together():
    network = build_small("cnn_rnn_3dcnn")
    waveform, frames = inputs(batch=4)
    waveform = waveform + torch.sin(torch.arange(4)[:, None] * torch.arange(48_000) * 0.3)
    frames[:] = torch.arange(4, dtype=torch.uint8)[:, None, None, None, None] * 80
    labels = torch.tensor([0, 0, 1, 1])
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        losses.append(network.pretrain_loss(waveform, frames, labels))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("branch", ["audio", "video"])
def test_a_single_branch_reads_its_own_input_only(branch):
    network = build_small("cnn_rnn_3dcnn", branches=branch).eval()
    sound, frames = inputs()
    other_sound, other_frames = inputs(seed=1)
    torch.testing.assert_close(
        network(sound, frames), network(*((sound, other_frames) if branch == "audio" else (other_sound, frames)))
    )
    assert not torch.allclose(network(sound, frames), network(other_sound, other_frames))
    with pytest.raises(ValueError, match="needs both branches"):
        network.pretrain_loss(sound, frames, torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="branches must be both, audio or video"):
        build_small("cnn_rnn_3dcnn", branches="neither")
