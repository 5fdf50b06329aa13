"""Checks of a network's config and inputs."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from emozoo.media.window import DARK, SILENT


def heard(input_values: Tensor) -> Tensor:
    """Which waveforms of float32 [batch, samples] are not silent: bool [batch]. Missing audio is silence."""
    return input_values.abs().amax(1) > SILENT


def seen(pixel_values: Tensor) -> Tensor:
    """Which clips of uint8 [batch, count, height, width, 3] are not black: bool [batch]. Missing video is black frames."""
    return pixel_values.flatten(1).amax(1) > DARK


def check_config(config: Any, *, sizes: tuple[str, ...], shares: tuple[str, ...]) -> None:
    """Raises ValueError for a field with an impossible value: for the `__post_init__` of a network's config.

    `sizes` names fields of whole numbers above 0, or tuples of them; `shares` names fields of at least 0 and below 1.
    `filters`, `kernels` and `sequence`, if the config has them, must fit `SpectrogramConvs` and `RecurrentSummary`.
    """
    for name in sizes:
        value = getattr(config, name)
        if not _all_sizes(value):
            raise ValueError(f"{name} must be made of whole numbers above 0, not {value!r}")
    for name in shares:
        value = getattr(config, name)
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, not {value!r}")
    if hasattr(config, "filters") and len(config.filters) != len(config.kernels):
        lengths = f"{len(config.filters)} and {len(config.kernels)}"
        raise ValueError(f"filters and kernels must have the same length, not {lengths}")
    if hasattr(config, "filters") and not 1 <= len(config.filters) <= 7:  # 200 rows can be halved seven times
        raise ValueError(f"filters must name 1 to 7 convolutions, not {len(config.filters)}")
    if hasattr(config, "sequence") and config.sequence not in ("time", "flat"):
        raise ValueError(f'sequence must be "time" or "flat", not {config.sequence!r}')


def _all_sizes(value: object) -> bool:
    if isinstance(value, tuple):
        return all(map(_all_sizes, value))
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
