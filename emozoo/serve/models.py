"""The models of a service, by name."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.checkpoint.opening import open_model
from emozoo.errors import EmozooError
from emozoo.inference.answers import scale_of
from emozoo.media.window_shape import SAMPLING_RATE
from emozoo.paths import user_path
from emozoo.serve.batching import Batcher, Joined
from emozoo.text import shown

if TYPE_CHECKING:
    from emozoo.inference.model import Model

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,63})=(.+)")
Answered = Callable[[str, int, int], None]
"""Is told of a batch: the model's name, windows, and the calls that were joined."""


@dataclass(frozen=True)
class Served:
    """A model of the service."""

    name: str
    model: Model
    batcher: Batcher

    def joined(self) -> Joined:
        """The model for one request."""
        return Joined(self.model, self.batcher)

    def facts(self) -> dict[str, Any]:
        """As `GET /v1/models` has them."""
        video, outputs = self.model.video, self.model.outputs
        return {
            "name": self.name,
            "labels": list(outputs.labels or outputs.dimensions),
            "target": outputs.target,
            **({"dimensions": list(outputs.dimensions)} if outputs.dimensions else {}),
            **scale_of(outputs),
            "several": outputs.multi,
            "modalities": ["audio", "video"] if video else ["audio"],
            "optional": list(self.model.optional),
            "sampling_rate": SAMPLING_RATE,
            "window_seconds": self.model.window.seconds,
            "streams": not video or "video" in self.model.optional,
            "calibrated": self.model.calibration is not None,
            "synthetic": self.model.synthetic,
        }


def load_models(
    references: Sequence[str], backend: str = "torch", device: str = "auto", answered: Answered | None = None
) -> dict[str, Served]:
    """The models of a service, by name, in order: the first is the default. Each answers a window, to be ready.

    `references`: model references, also as `name=reference`. Raises EmozooError for a model that cannot be loaded, and for
    two of one name.
    """
    found: dict[str, Served] = {}
    for name, reference in map(split_name, references or (DEFAULT,)):
        if name in found:
            raise EmozooError(f"two models are called {shown(name)}: name one of them, as in --model other={reference}")
        model = open_model(reference, backend, device)
        model.preparation.require(name)
        _warm_up(model)
        found[name] = Served(name, model, Batcher(model, _telling(answered, name)))
    return found


def split_name(reference: str) -> tuple[str, str]:
    """Name and reference of `name=reference`, or of a reference that names itself: a folder by its last
    part, because clients need not know the others."""
    from emozoo.hub.reference import is_reference

    match = _NAMED.fullmatch(reference)
    if match and not os.path.isdir(reference):
        return match[1], match[2]
    return (reference if is_reference(reference) else user_path(reference).name), reference


def _telling(answered: Answered | None, name: str) -> Callable[[int, int], None] | None:
    return None if answered is None else lambda windows, calls: answered(name, windows, calls)


def _warm_up(model: Model) -> None:
    """The first answer of a network takes longer than the others."""
    import numpy as np

    if not model.video or "video" in model.optional:
        noise = np.random.default_rng(0).normal(0, 0.1, model.window.samples).astype(np.float32)
        model.probabilities([(noise, None)])
