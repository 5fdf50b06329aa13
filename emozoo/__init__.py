"""emozoo: recognise emotion in speech and video.

`emozoo.load(reference)` gives a trained model, `emozoo.Listener(model)` hears a stream with it, and
`emozoo.data.load_dataset(name)` is a corpus. Nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.checkpoint.loading import load
    from emozoo.checkpoint.model import EmotionModel
    from emozoo.listening.listener import Listener

if TYPE_CHECKING:
    __version__: str

__all__ = ["EmotionModel", "EmozooError", "Listener", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name in ("EmotionModel", "load"):
        from emozoo.checkpoint import model

        return getattr(model, name)
    if name == "Listener":
        from emozoo.listening.listener import Listener

        return Listener
    if name == "__version__":
        from emozoo.version import version

        return version()
    raise AttributeError(f"module 'emozoo' has no attribute {name!r}")
