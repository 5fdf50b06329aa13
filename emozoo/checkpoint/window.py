"""The window of an architecture with a config. Importing this costs no torch."""

from __future__ import annotations

from typing import Any

from emozoo.architecture import Architecture
from emozoo.errors import EmozooError
from emozoo.media.window_shape import WindowShape


def window_of(architecture: Architecture, config: Any) -> WindowShape:
    """What the network sees at once: the config's `window`, `hop` and `frames` where it has them, else the architecture's.
    Raises EmozooError for values that no window has."""
    sizes = [getattr(config, name, getattr(architecture, name)) for name in ("window", "hop", "frames")]
    try:
        return WindowShape(*sizes)
    except EmozooError as error:
        raise EmozooError(f"{architecture.name}: {error}") from None
