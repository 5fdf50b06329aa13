"""The points of an architecture that depend on devices, precision, compilers and training."""

from __future__ import annotations

import dataclasses
import logging
import math
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from emozoo.conformance.network_subject import Clips, NetworkSubject, answer, close, finite
from emozoo.conformance.points import Broken, LeftOut

APART = ("angry", "sad")
"""The two emotions of the toy corpus that are easiest to tell apart."""
EPOCHS = (3, 12)
"""Of the short training; the second number where the first is too few."""
BATCH = 8
RATED, STEPS, WARMUP = 6, 60, 20
"""Clips of the training on a dimension, its steps at most, and those in which the learning rate rises."""
FASTER = (1, 10)
"""Times the recipe's learning rate, which may be made for more steps; whether that is right is what `trains` looks at."""
LUCK = 0.05
"""The level of significance: a result that guessing reaches more often does not beat chance."""


def _to(clips: Clips, device: torch.device) -> Clips:
    return clips[0].to(device), None if clips[1] is None else clips[1].to(device)


def gpu(subject: NetworkSubject) -> str:
    if subject.device.type == "cpu":
        raise LeftOut("no GPU is used here")
    network = subject.build().eval()
    clips = subject.clips(3)
    with torch.inference_mode():
        here = answer(network, clips)
        there = answer(network.to(subject.device), _to(clips, subject.device)).cpu()
    if not torch.allclose(here, there, atol=2e-2, rtol=2e-2):
        raise Broken(f"logits that differ by {(here - there).abs().max():.2g} from those on the CPU")
    return f"{subject.device}: logits within {(here - there).abs().max():.1g} of those on the CPU"


def bf16(subject: NetworkSubject) -> str:
    network = subject.build().to(subject.device).train()
    clips = _to(subject.clips(4), subject.device)
    with torch.autocast(subject.device.type, torch.bfloat16):
        logits = answer(network, clips)
        loss = F.cross_entropy(logits.float(), torch.arange(4, device=subject.device))
    loss.backward()
    finite("logits", logits)
    for name, parameter in network.named_parameters():
        if parameter.grad is not None:
            finite(f"gradients of {name}", parameter.grad)
    return f"finite logits and gradients on {subject.device}"


def compile(subject: NetworkSubject) -> str:
    network = subject.build().to(subject.device).eval()
    clips = _to(subject.clips(2), subject.device)
    # Without a GPU, PyTorch itself runs the graph: that needs no C++ compiler.
    backend = "inductor" if subject.device.type == "cuda" else "aot_eager"
    with _without_traces(), torch.inference_mode():
        compiled: Any = torch.compile(network, fullgraph=True, backend=backend)
        if not torch.allclose(answer(network, clips), answer(compiled, clips), atol=1e-2, rtol=1e-2):
            raise Broken("other logits than without")
    return f"one graph, by {backend}"


def export(subject: NetworkSubject) -> str:
    network = subject.build().eval()
    alone = subject.architecture.lengths
    arguments = _present(subject.clips(1 if alone else 2))
    sizes: tuple[Any, ...] = ({0: torch.export.Dim("batch", min=1, max=64)},) * len(arguments)
    more = _present(subject.clips(3))
    if alone:  # as `emozoo export` does, so that there is no padding
        samples = subject.window.samples
        sizes = ({1: torch.export.Dim("samples", min=samples // 10, max=samples)}, *({},) * (len(arguments) - 1))
        more = (arguments[0][:, : samples * 7 // 10], *arguments[1:])
    with _without_traces(), torch.no_grad():
        program = torch.export.export(network, arguments, dynamic_shapes=sizes)
        if not close(program.module()(*more), network(*more)):
            raise Broken("other logits than without")
    return "one graph, for clips of any length" if alone else "one graph, for batches of any size"


def _present(clips: Clips) -> tuple[torch.Tensor, ...]:
    return tuple(each for each in clips if each is not None)


@contextmanager
def _without_traces() -> Iterator[None]:
    """Removes the compiled code afterwards, and silences the compiler meanwhile."""
    loggers = [logging.getLogger(name) for name in ("torch._dynamo", "torch._inductor", "torch.export")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.compiler.reset()
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def cost(subject: NetworkSubject) -> str:
    from torch.utils.flop_counter import FlopCounterMode

    network = subject.build().eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        answer(network, subject.clips(1))
    trained = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    total = sum(parameter.numel() for parameter in network.parameters())
    frozen = f" ({trained:,} trained)" if trained != total else ""
    return f"{total:,} parameters{frozen}, {counter.get_total_flops() / 1e9:.3g} GFLOPs a window"


def trains(subject: NetworkSubject) -> str:
    """Trains as `emozoo train` does, with the plugin's recipe in small batches, and looks at the test split."""
    from emozoo.checkpoint.run import RunOptions
    from emozoo.data.corpora import SYNTHETIC
    from emozoo.training.train import train

    settings = {"batch_size": str(min(subject.recipe.batch_size, BATCH)), **subject.settings}
    lengths = [subject.settings["epochs"]] if "epochs" in subject.settings else [str(epochs) for epochs in EPOCHS]
    for epochs in lengths:
        options = RunOptions(
            architecture=subject.architecture.name,
            dataset=SYNTHETIC,
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
    raise Broken(f"{words}; guessing gives half, and {needed} would be enough")


def dimensions(subject: NetworkSubject) -> str:
    """Takes steps with the loss of dimensions, as `emozoo train` does, on clips each of which is louder and higher than the
    one before and is rated so."""
    for factor in FASTER:
        before, after, steps = _rated_steps(subject, factor)
        if 1 - after <= (1 - before) / 2:
            return f"a CCC of {after:.2f} after {steps} steps on {RATED} clips, of {before:.2f} before"
    raise Broken(f"a CCC of {after:.2f} after {steps} steps on the same {RATED} clips, of {before:.2f} before")


def _rated_steps(subject: NetworkSubject, factor: float) -> tuple[float, float, int]:
    """The CCC before and after a training with `factor` times the recipe's learning rate, and its steps: `STEPS`, or as many
    as halve the loss."""
    from emozoo.training.objective import concordance

    recipe = dataclasses.replace(subject.recipe, learning_rate=factor * subject.recipe.learning_rate)
    network: Any = subject.build(1).to(subject.device)
    clips = _to(subject.clips(RATED), subject.device)
    ratings = torch.linspace(0, 1, RATED, device=subject.device)[:, None]
    groups = network.parameter_groups(recipe) if hasattr(network, "parameter_groups") else network.parameters()
    optimizer = torch.optim.Adam(groups, lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / WARMUP, total_iters=WARMUP)

    def ccc() -> Tensor:
        values = answer(network, clips)
        if values.shape != ratings.shape:
            raise Broken(f"outputs {list(values.shape)} of one dimension for {RATED} clips, not {list(ratings.shape)}")
        return concordance(values.float(), ratings).mean()

    def measured() -> float:
        network.eval()
        with torch.no_grad():
            return ccc().item()

    before = after = measured()
    for step in range(1, STEPS + 1):
        network.train()
        optimizer.zero_grad()
        (1 - ccc()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), recipe.clip_norm or math.inf)
        optimizer.step()
        schedule.step()
        if step % 5 == 0:
            after = measured()
            if 1 - after <= (1 - before) / 2:
                return before, after, step
    return before, after, STEPS


def luck(right: int, count: int, labels: int) -> float:
    """The probability that guessing gets at least `right` of `count` clips right: the binomial distribution's tail."""
    share = 1 / labels
    return sum(math.comb(count, n) * share**n * (1 - share) ** (count - n) for n in range(right, count + 1))
