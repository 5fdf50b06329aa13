"""Windows, files and streams become answers. It knows a `Model` by what it does, never by its class."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.inference.answers import Model, Prediction
    from emozoo.inference.files import hear_speaker, predict_file, predict_files

__all__ = [
    "Model",
    "Prediction",
    "predict_file",
    "predict_files",
    "hear_speaker",
]

__getattr__ = hand_on(
    __name__,
    {
        "Model": "answers",
        "Prediction": "answers",
        "predict_file": "files",
        "predict_files": "files",
        "hear_speaker": "files",
    },
)
