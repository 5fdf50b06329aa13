"""The embedding of a clip, as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emozoo.inference.answers import Model
from emozoo.inference.clips import Clip
from emozoo.inference.cuts import Cut
from emozoo.inference.options import PredictOptions


def embed_clip(
    model: Model, clip: Clip, options: PredictOptions, with_windows: bool, seen: Callable[[Cut], None]
) -> dict[str, Any]:
    raise NotImplementedError
