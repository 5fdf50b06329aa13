"""Windows, files and streams become answers, by any `Model`, whatever its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.inference.answers import Prediction
    from emozoo.inference.files import predict_file, predict_files, speaker_bias
    from emozoo.inference.model import Model

__all__ = [
    "Model",
    "Prediction",
    "predict_file",
    "predict_files",
    "speaker_bias",
]

__getattr__ = hand_on(
    __name__,
    {
        "Model": "model",
        "Prediction": "answers",
        "predict_file": "files",
        "predict_files": "files",
        "speaker_bias": "files",
    },
)
