"""The points of an architecture's contract: what its network does with sound, frames, seeds, files and a short training.

Each is looked at on fresh weights of the network's real size. All but the last few run on the CPU.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from emozoo import registry
from emozoo.architecture import Architecture
from emozoo.checkpoint import NAME, type_problem
from emozoo.conformance import Broken, LeftOut, Point, listed
from emozoo.model import EmotionModel, Origin, config_value, load, pick_device
from emozoo.settings import apply_settings

SAMPLES, FRAMES = 48_000, (20, 60, 100, 3)
LABELS = ("happy", "sad", "angry", "neutral")
APART = ("angry", "sad")
"""The two emotions that the toy corpus tells apart best."""
EPOCHS = (3, 12)
"""Of the short training; the second where the first did not do."""
BATCH = 8
LUCK = 0.05
"""A result that guessing gives at least so often does not beat chance."""

Clips = tuple[Tensor, Tensor | None]


class NetworkSubject:
    """An architecture with the settings under which it is looked at.

    Raises EmozooError for an unknown name, and for settings that do not fit.
    """

    def __init__(
        self, architecture: str | Architecture, settings: Mapping[str, str] | None = None, device: str = "auto"
    ) -> None:
        named = isinstance(architecture, str)
        self.architecture: Architecture = registry.get_architecture(architecture) if named else architecture  # type: ignore
        self.settings = dict(settings or {})
        self.config, self.recipe = apply_settings(self.architecture, self.settings)
        self.device = pick_device(device)

    def build(self, labels: int = len(LABELS), seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return self.architecture.build(self.config, labels)

    def clips(self, batch: int, seed: int = 0) -> Clips:
        """Different noises, each louder than the one before, and, for video, random pictures."""
        generator = torch.Generator().manual_seed(seed)
        levels = torch.linspace(0.05, 0.3, batch)[:, None]
        sound = (torch.randn(batch, SAMPLES, generator=generator) * levels).clamp(-1, 1)
        # Sounds of one spectrum would look alike to a network that does not see the level.
        tone = torch.sin(2 * math.pi * 200 * (1 + torch.arange(batch))[:, None] * torch.arange(SAMPLES) / 16_000)
        return (sound + 0.2 * tone).clamp(-1, 1), self.pictures(batch, generator)

    def pictures(self, batch: int, generator: torch.Generator | None = None) -> Tensor | None:
        if not self.architecture.video:
            return None
        levels = torch.linspace(60, 255, batch).long()[:, None, None, None, None]
        return (torch.rand((batch, *FRAMES), generator=generator) * levels).to(torch.uint8)


def answer(network: nn.Module, clips: Clips) -> Tensor:
    """Logits, as emozoo asks for them: frames only where there are some."""
    sound, frames = clips
    return network(sound) if frames is None else network(sound, frames)


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether logits are equal but for the order of additions."""
    return torch.allclose(one, other, atol=1e-4, rtol=1e-3)


def _same(one: Tensor, other: Tensor) -> bool:
    """Whether logits come from equal inputs: to within the last digits."""
    return torch.allclose(one, other, atol=1e-6, rtol=1e-6)


def some(clips: Clips, rows: Any) -> Clips:
    return clips[0][rows], None if clips[1] is None else clips[1][rows]


def _checked(logits: Any, batch: int, labels: int) -> Tensor:
    if not isinstance(logits, Tensor):
        raise Broken(f"forward returned a {type(logits).__name__}")
    if logits.dtype != torch.float32 or logits.shape != (batch, labels):
        raise Broken(f"{logits.dtype} {list(logits.shape)} for a batch of {batch} and {labels} labels")
    return logits


def _finite(name: str, values: Tensor) -> None:
    if not torch.isfinite(values).all():
        raise Broken(f"{name} that are not finite")


def _metadata(subject: NetworkSubject) -> str:
    architecture = subject.architecture
    plugin = registry.find(registry.ARCHITECTURES, architecture.name)
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
                _finite("logits", _checked(answer(network, subject.clips(batch)), batch, labels))
    return "batches of 1 and 3, for 2, 4 and 7 labels"


def _independent(subject: NetworkSubject) -> str:
    network, clips = subject.build().eval(), subject.clips(3)
    with torch.inference_mode():
        together = answer(network, clips)
        if not torch.equal(together, answer(network, clips)):
            raise Broken("another answer when asked again")
        alone = torch.cat([answer(network, some(clips, slice(row, row + 1))) for row in range(3)])
        turned = answer(network, some(clips, [2, 0, 1]))[[1, 2, 0]]
    for what, other in (("alone", alone), ("in another order", turned)):
        if not _close(together, other):
            raise Broken(f"logits that differ by {(together - other).abs().max():.2g} from those of the clips {what}")
    return "the same alone, in a batch, and in another order"


def _listens(subject: NetworkSubject) -> str:
    network, clips, others = subject.build().eval(), subject.clips(2), subject.clips(2, seed=1)
    with torch.inference_mode():
        logits = answer(network, clips)
        if _same(logits[0], logits[1]):
            raise Broken("the same logits for two different clips")
        if clips[1] is None:
            return "different clips, different logits"
        deaf = _same(logits, answer(network, (others[0], clips[1])))
        blind = _same(logits, answer(network, (clips[0], others[1])))
    if deaf or blind:
        raise Broken(f"the same logits whatever {'the sound' if deaf else 'the picture'} is")
    return "different sounds and pictures, different logits"


def _gradients(subject: NetworkSubject) -> str:
    network = subject.build().train()
    wanted = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    frozen = len(list(network.parameters())) - len(wanted)
    if not wanted:
        raise Broken("no parameter that can be trained")
    missed, still = set(wanted), set(wanted)
    for seed in range(4):  # dropped layers and masks are not there in every step
        F.cross_entropy(answer(network, subject.clips(4, seed)), torch.arange(4) % len(LABELS)).backward()
        for name, parameter in network.named_parameters():
            if parameter.grad is not None:
                missed.discard(name)
                if parameter.grad.any():
                    still.discard(name)
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
    one, other = subject.build(seed=5).state_dict(), subject.build(seed=5).state_dict()
    if differ := sorted(name for name in one if not torch.equal(one[name], other[name])):
        raise Broken(f"other values in {listed(differ)}")
    return f"{len(one)} tensors are equal"


def _save(subject: NetworkSubject) -> str:
    plugin = registry.find(registry.ARCHITECTURES, subject.architecture.name)
    torch.manual_seed(0)
    model = EmotionModel(subject.architecture, subject.config, LABELS, Origin(plugin.distribution, plugin.version))
    clips = subject.clips(4)
    # A step, so that what training changes beside the weights, such as running means, has to be saved as well.
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
    if not _same(before, after):
        raise Broken(f"logits that differ by {(before - after).abs().max():.2g} after loading")
    return f"the same weights and logits from {size / 2**20:.1f} MiB on disk"


def _extremes(subject: NetworkSubject) -> str:
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(2, SAMPLES, generator=generator) * 2 - 1
    short = torch.zeros(2, SAMPLES)
    short[:, :1600] = noise[:, :1600] / 10
    sounds = {"silence": torch.zeros(2, SAMPLES), "noise at full scale": noise.sign(), "a clip of 0.1 s": short}
    for name, sound in sounds.items():
        network = subject.build().train()
        logits = answer(network, (sound, subject.pictures(2, generator)))
        F.cross_entropy(logits, torch.tensor([0, 1])).backward()
        _finite(f"logits on {name}", logits)
        for key, parameter in network.named_parameters():
            if parameter.grad is not None:
                _finite(f"gradients of {key} on {name}", parameter.grad)
    return f"logits and gradients on {', '.join(sounds)}"


def _to(clips: Clips, device: torch.device) -> Clips:
    return clips[0].to(device), None if clips[1] is None else clips[1].to(device)


def _gpu(subject: NetworkSubject) -> str:
    if subject.device.type == "cpu":
        raise LeftOut("no GPU is used here")
    network, clips = subject.build().eval(), subject.clips(3)
    with torch.inference_mode():
        here = answer(network, clips)
        there = answer(network.to(subject.device), _to(clips, subject.device)).cpu()
    if not torch.allclose(here, there, atol=2e-2, rtol=2e-2):
        raise Broken(f"logits that differ by {(here - there).abs().max():.2g} from those on the CPU")
    return f"{subject.device}: logits within {(here - there).abs().max():.1g} of those on the CPU"


def _bf16(subject: NetworkSubject) -> str:
    network = subject.build().to(subject.device).train()
    clips = _to(subject.clips(4), subject.device)
    with torch.autocast(subject.device.type, torch.bfloat16):
        logits = answer(network, clips)
        loss = F.cross_entropy(logits.float(), torch.arange(4, device=subject.device))
    loss.backward()
    _finite("logits", logits)
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            _finite(f"gradients of {name}", parameter.grad)
    return f"finite logits and gradients on {subject.device}"


def _compile(subject: NetworkSubject) -> str:
    network, clips = subject.build().to(subject.device).eval(), _to(subject.clips(2), subject.device)
    # Without a GPU, what is captured is run by PyTorch itself: that needs no C++ compiler.
    backend = "inductor" if subject.device.type == "cuda" else "aot_eager"
    with _unrecorded(), torch.inference_mode():
        compiled: Any = torch.compile(network, fullgraph=True, backend=backend)
        if not torch.allclose(answer(network, clips), answer(compiled, clips), atol=1e-2, rtol=1e-2):
            raise Broken("other logits than without")
    return f"one graph, by {backend}"


def _export(subject: NetworkSubject) -> str:
    network, clips = subject.build().eval(), subject.clips(2)
    batch = torch.export.Dim("batch", min=1, max=64)
    arguments = tuple(each for each in clips if each is not None)
    with _unrecorded(), torch.no_grad():
        program = torch.export.export(network, arguments, dynamic_shapes=({0: batch},) * len(arguments))
        more = tuple(each for each in subject.clips(3) if each is not None)
        if not _close(program.module()(*more), network(*more)):
            raise Broken("other logits than without")
    return "one graph, for batches of any size"


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Leaves no compiled code of this network behind, and keeps back the compiler's remarks."""
    loggers = [logging.getLogger(name) for name in ("torch._dynamo", "torch._inductor", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch._dynamo.reset()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _cost(subject: NetworkSubject) -> str:
    from torch.utils.flop_counter import FlopCounterMode

    network = subject.build().eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        answer(network, subject.clips(1))
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in network.parameters())
    frozen = f" ({trained:,} trained)" if trained != total else ""
    return f"{total:,} parameters{frozen}, {counter.get_total_flops() / 1e9:.3g} GFLOPs a window"


def _trains(subject: NetworkSubject) -> str:
    """Trains as `emozoo train` does, with the plugin's recipe in small batches, and asks for the test split."""
    from emozoo.run import RunOptions
    from emozoo.train import train

    settings = {"batch_size": str(min(subject.recipe.batch_size, BATCH)), **subject.settings}
    lengths = [subject.settings["epochs"]] if "epochs" in subject.settings else [str(epochs) for epochs in EPOCHS]
    for epochs in lengths:
        options = RunOptions(
            architecture=subject.architecture.name,
            dataset="toy",
            labels=APART,
            settings={**settings, "epochs": epochs},
        )
        with tempfile.TemporaryDirectory(prefix="emozoo-check-") as folder:
            metrics = train(options, Path(folder, "run"), device=str(subject.device)).pooled
        right = sum(metrics.confusion[number][number] for number in range(len(APART)))
        words = f"{right} of {metrics.count} test clips right after {epochs} epochs"
        if luck(right, metrics.count, len(APART)) < LUCK:
            return words
    needed = next(n for n in range(metrics.count + 2) if luck(n, metrics.count, len(APART)) < LUCK)
    raise Broken(f"{words}, of which guessing gives half; {needed} would do")


def luck(right: int, count: int, labels: int) -> float:
    """The chance that guessing among so many labels gets at least `right` of `count` right: the binomial tail."""
    share = 1 / labels
    return sum(math.comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(right, count + 1))


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
        "listens",
        "the logits depend on the sound, and on the pictures where the network asks for video",
        "an input that forward does not use; a nonlinearity that is saturated with fresh weights",
        _listens,
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
        "logarithms, divisions and square roots of what can be 0; a small constant inside of them",
        _extremes,
    ),
    Point(
        "gpu",
        "the same logits on the GPU as on the CPU",
        "tensors that forward makes without device=, and those that are no buffers",
        _gpu,
    ),
    Point(
        "bf16",
        "finite logits and gradients in mixed precision with bfloat16",
        "operations that need float32: put them under torch.autocast(..., enabled=False)",
        _bf16,
    ),
    Point(
        "compile",
        "torch.compile captures the network in one graph",
        "Python that depends on a tensor's values in forward; a plugin may do without",
        _compile,
        required=False,
    ),
    Point(
        "export",
        "torch.export captures the network for batches of any size",
        "the same, and sizes that forward takes for fixed; a plugin may do without",
        _export,
        required=False,
    ),
    Point("cost", "parameters and operations can be counted", "what forward calls", _cost, required=False),
    Point(
        "trains",
        "a short training on the toy corpus, angry against sad, beats chance on unheard speakers",
        "the recipe's learning rate first, then forward; --set epochs=30 trains for longer",
        _trains,
    ),
)
