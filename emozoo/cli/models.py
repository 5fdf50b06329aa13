"""The model and the decoder that a command answers files with. Nothing heavy is imported before it is needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from emozoo.cli.options import Backend, Precision

if TYPE_CHECKING:
    from emozoo.inference.model import Model


def load_model(reference: str, backend: Backend, device: str, precision: Precision = Precision.fp32) -> Model:
    from emozoo.checkpoint.opening import open_model

    return open_model(reference, backend.value, device, precision.value)


def start_decoder(names: Iterable[str]) -> None:
    """Starts the decoding process where a file needs it, so that it is ready when the model is loaded."""
    from emozoo.media.decoder import prepare
    from emozoo.media.sound import begins_as_sound_file

    if any(not begins_as_sound_file(name) for name in names):
        prepare()
