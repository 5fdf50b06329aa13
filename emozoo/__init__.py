"""emozoo recognises emotion in speech and video.

`emozoo.load(reference)` gives a trained model, and without a reference the bundled one. `emozoo.Listener(model)` answers a
stream with it. `emozoo.data.load_dataset(name)` loads a dataset. Importing emozoo imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError
from emozoo.lazy import hand_on

if TYPE_CHECKING:
    from emozoo.checkpoint.model import EmotionModel
    from emozoo.checkpoint.opening import load
    from emozoo.listening.listener import Listener

    __version__: str

__all__ = ["EmotionModel", "EmozooError", "Listener", "__version__", "load"]

_public = hand_on(
    __name__,
    {"EmotionModel": "checkpoint.model", "Listener": "listening.listener", "load": "checkpoint.opening"},
)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from emozoo.version import version

        return version()
    return _public(name)
