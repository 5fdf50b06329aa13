"""Door: front ends, blocks and checks for networks, in torch. The names in `__all__` are public, and stay as they are.

The modules of this package are not: a plugin imports these names from `emozoo.features`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.features.blocks import (
        FRAMES,
        HEIGHT,
        SAMPLING_RATE,
        WIDTH,
        AttentionPooling,
        FrameScaling,
        RecurrentSummary,
        SpectrogramConvs,
    )
    from emozoo.features.checks import check_config, heard, seen
    from emozoo.features.convolution import WideConv2d
    from emozoo.features.linear_functionals import FunctionalsPair, LinearFunctionals
    from emozoo.features.log_mel import LogMel
    from emozoo.features.spectrogram import COLUMNS, ROWS, LogSpectrogram, SpectrogramMasking
    from emozoo.features.voice_statistics import Functionals

__all__ = [
    "LogSpectrogram",
    "SpectrogramMasking",
    "ROWS",
    "COLUMNS",
    "LogMel",
    "Functionals",
    "LinearFunctionals",
    "FunctionalsPair",
    "WideConv2d",
    "SpectrogramConvs",
    "AttentionPooling",
    "RecurrentSummary",
    "FrameScaling",
    "FRAMES",
    "HEIGHT",
    "WIDTH",
    "SAMPLING_RATE",
    "check_config",
    "heard",
    "seen",
]

__getattr__ = hand_on(
    __name__,
    {
        "LogSpectrogram": "spectrogram",
        "SpectrogramMasking": "spectrogram",
        "ROWS": "spectrogram",
        "COLUMNS": "spectrogram",
        "LogMel": "log_mel",
        "Functionals": "voice_statistics",
        "LinearFunctionals": "linear_functionals",
        "FunctionalsPair": "linear_functionals",
        "WideConv2d": "convolution",
        "SpectrogramConvs": "blocks",
        "AttentionPooling": "blocks",
        "RecurrentSummary": "blocks",
        "FrameScaling": "blocks",
        "FRAMES": "blocks",
        "HEIGHT": "blocks",
        "WIDTH": "blocks",
        "SAMPLING_RATE": "blocks",
        "check_config": "checks",
        "heard": "checks",
        "seen": "checks",
    },
)
