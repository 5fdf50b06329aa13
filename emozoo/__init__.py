"""emozoo: recognise emotion in speech and video.

`emozoo.load(reference)` gives a trained model, `emozoo.Listener(model)` hears a stream with it, and
`emozoo.data.load_dataset(name)` is a corpus. Nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.listen import Listener
    from emozoo.model import EmotionModel, load

    __version__: str

__all__ = ["EmotionModel", "EmozooError", "Listener", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name in ("EmotionModel", "load"):
        from emozoo import model

        return getattr(model, name)
    if name == "Listener":
        from emozoo.listen import Listener

        return Listener
    if name == "__version__":
        from emozoo.version import version

        return version()
    raise AttributeError(f"module 'emozoo' has no attribute {name!r}")
