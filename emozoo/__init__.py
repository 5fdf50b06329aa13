"""emozoo: recognise emotion in speech and video.

`emozoo.load(reference)` gives a trained model, `emozoo.data.load_dataset(name)` a corpus. Nothing heavy is imported here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.model import EmotionModel, load

    __version__: str

__all__ = ["EmotionModel", "EmozooError", "__version__", "load"]


def __getattr__(name: str) -> Any:
    if name in ("EmotionModel", "load"):
        from emozoo import model

        return getattr(model, name)
    if name == "__version__":  # asked for rarely, and its import takes as long as the rest of --help
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("emozoo")
        except PackageNotFoundError:  # run from a source tree that was never installed
            return "0+unknown"
    raise AttributeError(f"module 'emozoo' has no attribute {name!r}")
