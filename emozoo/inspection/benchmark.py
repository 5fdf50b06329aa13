"""How fast a network is on this machine: one window, batches, a training step, and the share of the machine's peak.

The network alone is measured, on noise in memory. What reading files costs is measured by the scripts in `benchmarks/`.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from emozoo.architecture import Recipe
from emozoo.checkpoint.device import computes_bf16, pick_device
from emozoo.checkpoint.loading import load
from emozoo.checkpoint.model import EmotionModel
from emozoo.checkpoint.named import folder_of, leads_to
from emozoo.errors import EmozooError
from emozoo.hub.reference import is_reference
from emozoo.paths import cores, user_path
from emozoo.registry.entry_points import ARCHITECTURES, plugins
from emozoo.registry.loading import get_architecture
from emozoo.registry.settings import apply_settings
from emozoo.version import version as emozoo_version

SECONDS = 3.0
"""How long each figure is measured at most, after a warm-up."""
MOST_RUNS = 200
BATCH_SIZES = {"cpu": (1, 8, 32), "cuda": (1, 8, 64, 256)}
PEAK_SIZE = {"cpu": 2048, "cuda": 8192}
"""Rows of the square matrices whose product is taken for the machine's peak."""
KINDS = {"fp32": "float32", "bf16": "bfloat16"}
LABELS = ("happy", "sad", "angry", "neutral")


def benchmark(
    name: str,
    *,
    settings: Mapping[str, str] | None = None,
    device: str = "auto",
    batch_sizes: Sequence[int] | None = None,
    precision: str = "fp32",
) -> dict[str, Any]:
    """Measures an architecture with fresh weights, or a run's folder or `hub:user/name`; returns one JSON-able document.

    Times are wall-clock. `flops` counts a multiplication and an addition as two; `share_of_peak` is relative to the product
    of two large matrices on the same device, in the same `precision`, which is as for `emozoo.load`. Raises EmozooError for
    a name or a device that there is not.
    """
    place = pick_device(device)
    model, recipe = _model(name, settings or {}, str(place))
    flops = _flops(model)
    model.to(place).compute_in(precision)
    kinds = (torch.float32, torch.bfloat16) if computes_bf16(place) else (torch.float32,)  # else it takes minutes
    peak = {str(kind).removeprefix("torch."): _peak(place, kind) for kind in kinds}
    _forget_memory(place)
    latency = _times(_answer(model, 1), place)
    sizes = batch_sizes or BATCH_SIZES.get(place.type, BATCH_SIZES["cpu"])
    measured = [(size, float(np.median(_times(_answer(model, size), place)))) for size in sizes]
    memory = {"prediction": _memory(place)}
    _forget_memory(place)
    training = _training_step(model, recipe, place)
    memory["training"] = _memory(place)
    return {
        "name": name,
        "kind": "benchmark",
        "precision": precision,
        "machine": _machine(place),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "flops_per_window": flops,
        "latency_of_a_window": {
            "p50_ms": _short(1e3 * float(np.percentile(latency, 50))),
            "p95_ms": _short(1e3 * float(np.percentile(latency, 95))),
            "runs": len(latency),
        },
        "throughput": [
            {
                "batch": size,
                "ms": _short(1e3 * each),
                "windows_per_second": _short(size / each),
                "share_of_peak": _short(flops * size / each / peak[KINDS[precision]]),
            }
            for size, each in measured
        ],
        "real_time_factor": _short(min(each / size for size, each in measured) / model.window.hop),
        "training_step": training,
        "peak_memory_mb": memory,
        "peak_gflops": {kind: _short(value / 1e9) for kind, value in peak.items()},
    }


def _model(name: str, settings: Mapping[str, str], device: str) -> tuple[EmotionModel, Recipe]:
    """On the CPU, in eval mode, with the recipe that its architecture trains with."""
    known = not _is_architecture(name) and (user_path(name).is_dir() or folder_of(name))
    if is_reference(leads_to(name)) or known:
        if settings:
            raise EmozooError(f"--set goes with an architecture; the settings of {name} are its own")
        model = load(name, "cpu")
        return model, model.architecture.recipe
    architecture = get_architecture(name)
    config, recipe = apply_settings(architecture, settings)
    return EmotionModel(architecture, config, LABELS).eval(), recipe


def _is_architecture(name: str) -> bool:
    return any(plugin.name == name for plugin in plugins(ARCHITECTURES))


def _batch(model: EmotionModel, size: int) -> tuple[Tensor, Tensor | None]:
    sound = torch.randn(size, model.window.samples, device=model.device) / 10
    shape = (size, *model.window.frames, 3)
    return sound, torch.randint(256, shape, dtype=torch.uint8, device=model.device) if model.video else None


def _answer(model: EmotionModel, size: int) -> Callable[[], object]:
    batch = _batch(model, size)

    def run() -> Tensor:
        with model.inference():
            return model(*batch)

    return run


def _times(run: Callable[[], object], device: torch.device) -> list[float]:
    """Seconds of each run; the first tenth, at least one, does not count."""
    found: list[float] = []
    started = time.perf_counter()
    while len(found) < 3 or (time.perf_counter() - started < SECONDS and len(found) < MOST_RUNS):
        begun = time.perf_counter()
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        elif device.type == "mps":
            torch.mps.synchronize()
        found.append(time.perf_counter() - begun)
    return found[max(1, len(found) // 10) :]


def _flops(model: EmotionModel) -> int:
    """Of one window, forward. Fused recurrent layers hide theirs from torch's counter, so they are taken apart here."""
    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")  # of settings for other processors, which the next line leaves as they are
        with torch.backends.mkldnn.flags(enabled=False), counter:
            model(*_batch(model, 1))
    return counter.get_total_flops()


def _training_step(model: EmotionModel, recipe: Recipe, device: torch.device) -> dict[str, Any]:
    """Forward, backward and optimizer on one batch of the recipe's size, without augmentation; in the precision that
    `--precision auto` takes."""
    half = computes_bf16(device)
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    optimizer = kind(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    sound, frames = _batch(model, recipe.batch_size)
    labels = torch.randint(len(model.outputs.names), (recipe.batch_size,), device=device)
    criterion = nn.CrossEntropyLoss()
    model.train()

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16) if half else nullcontext():
            loss = criterion(model(sound, frames).float(), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    seconds = float(np.median(_times(step, device)))
    model.eval()
    return {
        "batch": recipe.batch_size,
        "ms": _short(1e3 * seconds),
        "windows_per_second": _short(recipe.batch_size / seconds),
        "precision": "bfloat16" if half else "float32",
    }


def _peak(device: torch.device, kind: torch.dtype) -> float:
    """FLOP a second of a large product of matrices, the best of several."""
    size = PEAK_SIZE.get(device.type, PEAK_SIZE["cpu"])
    try:
        left, right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
        return 2 * size**3 / min(_times(lambda: left @ right, device))
    except RuntimeError:  # a kind of number that the device lacks
        return float("nan")


def _forget_memory(device: torch.device) -> None:
    """Lets the peak begin anew, where the machine can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _memory(device: torch.device) -> int | None:
    """MB: the most that tensors took on a GPU; on a CPU, the most that the whole process took so far."""
    if device.type == "cuda":
        return round(torch.cuda.max_memory_allocated(device) / 1e6)
    try:
        import resource
    except ImportError:  # Windows
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most * (1 if sys.platform == "darwin" else 1024) / 1e6)


def _machine(device: torch.device) -> dict[str, Any]:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else _processor()
    return {
        "device": str(device),
        "processor": name,
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "emozoo": emozoo_version(),
    }


def _processor() -> str:
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _short(value: float) -> float | None:
    """Four digits, which is more than such figures repeat to; None for what could not be measured."""
    return float(f"{value:.4g}") if np.isfinite(value) else None
