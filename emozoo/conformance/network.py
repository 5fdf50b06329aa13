"""The points of an architecture's contract: what its network does with sound, frames, seeds and files.

Each is checked on the CPU with random weights, at the network's real size. The points that depend on the machine are in
`emozoo.conformance.network_machine`.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo.checkpoint.config import Origin
from emozoo.checkpoint.config_file import NAME
from emozoo.checkpoint.embedding import features_of, has_embed
from emozoo.checkpoint.loading import config_value, load
from emozoo.checkpoint.model import EmotionModel
from emozoo.conformance.network_machine import bf16, compile, cost, dimensions, export, gpu, trains
from emozoo.conformance.network_subject import LABELS, Clips, NetworkSubject, answer, close, finite, same, some
from emozoo.conformance.network_windows import lengths, window
from emozoo.conformance.points import Broken, LeftOut, Point
from emozoo.errors import EmozooError
from emozoo.hints import type_problem
from emozoo.registry.entry_points import ARCHITECTURES, find
from emozoo.text import listed


def _checked(logits: Any, batch: int, labels: int) -> Tensor:
    if not isinstance(logits, Tensor):
        raise Broken(f"forward returned a {type(logits).__name__}")
    if logits.dtype != torch.float32 or logits.shape != (batch, labels):
        raise Broken(f"{logits.dtype} {list(logits.shape)} for a batch of {batch} and {labels} labels")
    return logits


def _metadata(subject: NetworkSubject) -> str:
    architecture = subject.architecture
    plugin = find(ARCHITECTURES, architecture.name)
    for what, name in (("architecture", architecture.name), ("distribution", plugin.distribution)):
        if not NAME.fullmatch(name):
            raise Broken(f"the {what} is named {name!r}, which no checkpoint can hold")
    if not architecture.summary or "\n" in architecture.summary:
        raise Broken(f"summary is {architecture.summary!r}")
    if architecture.card:
        spec = importlib.util.find_spec(plugin.target.partition(":")[0].strip())
        card = Path(spec.origin).parent / architecture.card if spec and spec.origin else None
        if card is None or not card.is_file() or not card.read_text(encoding="utf-8").strip():
            raise Broken(f"no text in {architecture.card} beside the module")
    lacking = [name for name in ("citation", "card") if not getattr(architecture, name)]
    return f"{plugin.origin}" + (f"; without {' and '.join(lacking)}" if lacking else "")


def _config(subject: NetworkSubject) -> str:
    kind = subject.architecture.config
    fields = dataclasses.asdict(subject.config)
    try:
        text = json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Broken(f"JSON cannot hold it: {error}") from None
    again = kind(**{name: config_value(value) for name, value in json.loads(text).items()})
    if again != subject.config:
        changed = [name for name in fields if getattr(again, name) != getattr(subject.config, name)]
        raise Broken(f"another {listed(changed)} after it was written and read")
    if problem := type_problem(again, kind):
        raise Broken(problem)
    return f"{len(fields)} fields"


def _forward(subject: NetworkSubject) -> str:
    for labels in (2, 4, 7):
        network = subject.build(labels).eval()
        with torch.inference_mode():
            for batch in (1, 3):
                finite("logits", _checked(answer(network, subject.clips(batch)), batch, labels))
    return "batches of 1 and 3, for 2, 4 and 7 labels"


def _independent(subject: NetworkSubject) -> str:
    network = subject.build().eval()
    clips = subject.clips(3)
    with torch.inference_mode():
        together = answer(network, clips)
        if not torch.equal(together, answer(network, clips)):
            raise Broken("another answer when asked again")
        alone = torch.cat([answer(network, some(clips, slice(row, row + 1))) for row in range(3)])
        turned = answer(network, some(clips, [2, 0, 1]))[[1, 2, 0]]
    for what, other in (("alone", alone), ("in another order", turned)):
        if not close(together, other):
            raise Broken(f"logits that differ by {(together - other).abs().max():.2g} from those of the clips {what}")
    return "the same alone, in a batch, and in another order"


def _embed(subject: NetworkSubject) -> str:
    network: Any = subject.build().eval()
    own = has_embed(network)
    clips = subject.clips(3)
    with torch.inference_mode():
        if own and (kind := _own_features(network, clips).dtype) != torch.float32:
            raise Broken(f"embed gives {kind}")
        try:
            together = features_of(network, clips, subject.architecture.name)
        except EmozooError as error:
            raise (Broken if own else LeftOut)(str(error)) from error
        finite("features", together)
        each = [some(clips, slice(row, row + 1)) for row in range(3)]
        alone = torch.cat([features_of(network, one, subject.architecture.name) for one in each])
    if not close(together, alone):
        raise Broken(f"features that differ by {(together - alone).abs().max():.2g} from those of the clips alone")
    return f"{together.shape[1]} features, {'by embed' if own else 'what its last linear layer takes'}"


def _own_features(network: Any, clips: Clips) -> Tensor:
    features = network.embed(*(each for each in clips if each is not None))
    if not isinstance(features, Tensor):
        raise Broken(f"embed returned a {type(features).__name__}")
    return features


def _listens(subject: NetworkSubject) -> str:
    network = subject.build().eval()
    clips = subject.clips(2)
    others = subject.clips(2, seed=1)
    with torch.inference_mode():
        logits = answer(network, clips)
        if same(logits[0], logits[1]):
            raise Broken("the same logits for two different clips")
        if clips[1] is None:
            return "different clips, different logits"
        ignores_sound = same(logits, answer(network, (others[0], clips[1])))
        ignores_frames = same(logits, answer(network, (clips[0], others[1])))
    if ignores_sound or ignores_frames:
        raise Broken(f"the same logits for any {'sound' if ignores_sound else 'video'}")
    return "different sounds and videos, different logits"


def _optional(subject: NetworkSubject) -> str:
    optional = subject.architecture.optional_modalities
    if not optional:
        return f"it needs {' and '.join(subject.architecture.modalities)}"
    network = subject.build().eval()
    clips = subject.clips(3)
    others = subject.clips(3, seed=1)
    with torch.inference_mode():
        if "video" in optional:
            _without_video(network, clips, others)
        if "audio" in optional:
            silence = torch.zeros_like(clips[0])
            if same(_answered(network, silence, clips[1]), _answered(network, silence, others[1])):
                raise Broken("without sound, the same logits for any video")
    return f"it does without {' or '.join(optional)}"


def _without_video(network: nn.Module, clips: Clips, others: Clips) -> None:
    sound, frames = clips
    if frames is None:
        return
    alone = _answered(network, sound, None)
    black = torch.zeros_like(frames)
    if not close(alone, _answered(network, sound, black)):
        raise Broken("other logits for black frames than for pixel_values=None")
    mixed = _answered(network, sound, torch.cat([frames[:1], black[1:]]))
    if not close(alone[1:], mixed[1:]):
        raise Broken("other logits for a clip without video beside one that has video")
    if same(alone, network(others[0])):
        raise Broken("without video, the same logits for any sound")


def _answered(network: nn.Module, sound: Tensor, frames: Tensor | None) -> Tensor:
    """Logits, which must be finite, of a network that takes video."""
    logits = network(sound, frames)
    finite("logits without sound or video", logits)
    return logits


def _gradients(subject: NetworkSubject) -> str:
    network = subject.build().train()
    wanted = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    frozen = len(list(network.parameters())) - len(wanted)
    if not wanted:
        raise Broken("no parameter that can be trained")
    missed = set(wanted)  # without a gradient so far
    still = set(wanted)  # with none but zero gradients so far
    for seed in range(4):  # a step does not reach layers that it drops or masks
        F.cross_entropy(answer(network, subject.clips(4, seed)), torch.arange(4) % len(LABELS)).backward()
        gradients = {name: each.grad for name, each in network.named_parameters() if each.grad is not None}
        missed -= gradients.keys()
        still -= {name for name, gradient in gradients.items() if gradient.any()}
        if not still:
            break
    if missed:
        raise Broken(f"no gradient in {listed(sorted(missed))}")
    if len(still) == len(wanted):
        raise Broken("gradients that are all zero")
    words = [f"{len(wanted)} parameter tensors"]
    if still:
        words.append(f"zero in {listed(sorted(still))}")
    if frozen:
        words.append(f"{frozen} frozen")
    return "; ".join(words)


def _seed(subject: NetworkSubject) -> str:
    one = subject.build(seed=5).state_dict()
    other = subject.build(seed=5).state_dict()
    if differ := sorted(name for name in one if not torch.equal(one[name], other[name])):
        raise Broken(f"other values in {listed(differ)}")
    return f"{len(one)} tensors are equal"


def _save(subject: NetworkSubject) -> str:
    plugin = find(ARCHITECTURES, subject.architecture.name)
    torch.manual_seed(0)
    model = EmotionModel(subject.architecture, subject.config, LABELS, Origin(plugin.distribution, plugin.version))
    clips = subject.clips(4)
    # A step of training also changes state beside the weights, such as running means, which has to be saved.
    F.cross_entropy(answer(model.train(), clips), torch.arange(4)).backward()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    torch.optim.SGD(trained, 1e-3).step()
    with tempfile.TemporaryDirectory(prefix="emozoo-check-") as folder, torch.inference_mode():
        model.save(folder)
        loaded = load(folder, "cpu")
        before, after = answer(model.eval(), clips), answer(loaded, clips)
        size = sum(path.stat().st_size for path in Path(folder).iterdir())
    if loaded.config != model.config or loaded.labels != LABELS:
        raise Broken("another config or other labels after loading")
    here, there = model.network.state_dict(), loaded.network.state_dict()
    if differ := sorted(name for name in here if not torch.equal(here[name], there[name])):
        raise Broken(f"other values in {listed(differ)} after loading")
    if not same(before, after):
        raise Broken(f"logits that differ by {(before - after).abs().max():.2g} after loading")
    return f"the same weights and logits from {size / 2**20:.1f} MiB on disk"


def _extremes(subject: NetworkSubject) -> str:
    generator = torch.Generator().manual_seed(0)
    samples = subject.window.samples
    noise = torch.rand(2, samples, generator=generator) * 2 - 1
    short = torch.zeros(2, samples)
    short[:, :1600] = noise[:, :1600] / 10
    sounds = {"silence": torch.zeros(2, samples), "noise at full scale": noise.sign(), "a clip of 0.1 s": short}
    for name, sound in sounds.items():
        network = subject.build().train()
        logits = answer(network, (sound, subject.frames(2, generator)))
        F.cross_entropy(logits, torch.tensor([0, 1])).backward()
        finite(f"logits on {name}", logits)
        for key, parameter in network.named_parameters():
            if parameter.grad is not None:
                finite(f"gradients of {key} on {name}", parameter.grad)
    return f"logits and gradients on {', '.join(sounds)}"


POINTS: tuple[Point[NetworkSubject], ...] = (
    Point(
        "metadata",
        "a summary of one line, names that a checkpoint can hold, and the file that card names",
        "the fields of Architecture, and whether the wheel contains the card",
        _metadata,
    ),
    Point(
        "config",
        "the config goes through JSON and comes back equal, each field of its annotated type",
        "the config's fields: numbers, switches, text and tuples of them; tuples instead of lists",
        _config,
    ),
    Point(
        "forward",
        "float32 logits [batch, labels], finite, for any batch and any number of labels",
        "what forward returns, what squeezes a batch of one, and whether num_labels is used",
        _forward,
    ),
    Point(
        "independent",
        "in eval mode a clip's logits depend on that clip alone, whatever else is in the batch",
        "dropout or noise that is on in eval mode; a batch norm or a mean over the batch; reshapes that mix clips",
        _independent,
    ),
    Point(
        "embed",
        "float32 features [batch, features], finite, each clip's its own: by embed, or what the last linear layer takes",
        "what embed returns, a row for each clip; a network that gives its outputs by several linear layers needs one",
        _embed,
    ),
    Point(
        "listens",
        "the logits depend on the sound, and on the frames where the network takes video",
        "an input that forward does not use; a nonlinearity that is saturated with fresh weights",
        _listens,
    ),
    Point(
        "optional",
        "what optional_modalities names may be missing; no pixel_values and black frames give the same logits",
        "how forward finds missing video (emozoo.features.seen) or sound (heard), and what it puts in its place",
        _optional,
    ),
    Point(
        "lengths",
        "where the architecture takes lengths, what stands behind a clip's end changes neither its logits nor its features",
        "sums, means, norms and attention over time that take in what is behind lengths, and convolutions that reach there",
        lengths,
    ),
    Point(
        "window",
        "where the config has a field window, the network also takes windows of another length",
        "sizes that are fixed where they should follow from the config's window",
        window,
    ),
    Point(
        "gradients",
        "the loss has a gradient for each parameter that is not frozen",
        "layers that forward does not use, detach() and no_grad(); requires_grad_(False) for what is frozen on purpose",
        _gradients,
    ),
    Point(
        "seed",
        "torch.manual_seed decides the weights",
        "weights from numpy or random, or from tensors that are never filled (torch.empty)",
        _seed,
    ),
    Point(
        "save",
        "a saved model loads, with the same config, bit for bit the same weights, and the same logits",
        "state outside of parameters and persistent buffers, tied weights, and what build does beside making layers",
        _save,
    ),
    Point(
        "extremes",
        "finite logits and gradients on silence, loud noise and very short clips",
        "logarithms, divisions and square roots of what can be 0: add a small constant inside",
        _extremes,
    ),
    Point(
        "gpu",
        "the same logits on the GPU as on the CPU",
        "tensors that forward makes without device=, and those that are no buffers",
        gpu,
    ),
    Point(
        "bf16",
        "finite logits and gradients in mixed precision with bfloat16",
        "operations that need float32: put them under torch.autocast(..., enabled=False)",
        bf16,
    ),
    Point(
        "compile",
        "torch.compile captures the network in one graph",
        "Python in forward that depends on a tensor's values; this is optional",
        compile,
        required=False,
    ),
    Point(
        "export",
        "torch.export captures the network for batches of any size, or one that takes lengths for clips of any length",
        "the same, and sizes that forward takes for fixed; this is optional",
        export,
        required=False,
    ),
    Point("cost", "parameters and operations can be counted", "what forward calls", cost, required=False),
    Point(
        "trains",
        "a short training on the toy corpus, angry against sad, beats chance on unseen speakers",
        "the recipe's learning rate first, then forward; --set epochs=30 trains for longer",
        trains,
    ),
    Point(
        "dimensions",
        "with one output, trained by 1 - CCC on a few clips whose ratings rise, the network halves that loss",
        "forward with num_labels of 1: what squeezes or normalises over the outputs, and what turns them into probabilities",
        dimensions,
    ),
)
