"""Reader `emotion2vec`: knows emotion2vec of FunASR by its config.yaml, and says why it cannot be read.

Its authors publish the weights as model.pt, a pickle, and the network as code of FunASR; there is no safetensors layout of
theirs, and those of other people's conversions do not agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from emozoo import EmozooError
from emozoo.reader import Reader, Reading


def matches(document: Any) -> bool:
    """Whether a config.yaml is of an emotion2vec."""
    named = document.get("model") if isinstance(document, dict) else None
    return isinstance(named, str) and named.lower() == "emotion2vec"


def read(folder: Path, document: Any) -> Reading:
    """Raises EmozooError, which says why there is no way, and which other there is."""
    raise EmozooError(
        "it is emotion2vec of FunASR, whose weights are a pickle file (model.pt), which can run code when it is opened, and "
        "whose network is FunASR's own code: use FunASR for it, or a wav2vec 2.0, HuBERT or WavLM classifier here"
    )


reader = Reader(
    name="emotion2vec",
    summary="says why emotion2vec's published files cannot be read: they are pickles",
    matches=matches,
    read=read,
    marker="config.yaml",
    weights=(),
    optional=(),
)
