"""How clips are prepared for a network: `Preparation`.

It is stored with the checkpoint, so training and prediction cannot differ. `emozoo.media.prepared` does the work.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Any

from emozoo.errors import EmozooError

CROPS = ("face",)


@dataclass(frozen=True)
class Preparation:
    """By default, nothing is done."""

    crop: str | None = None
    """`face`: frames are cropped to the face, where there is one."""
    denoise: bool = False
    """Whether noise is removed from the sound."""

    def __post_init__(self) -> None:
        if self.crop is not None and self.crop not in CROPS:
            raise EmozooError(f"crop is {self.crop!r}; it can be {', '.join(CROPS)}")

    @property
    def needs(self) -> list[tuple[str, str, str]]:
        """What must be installed: for each its use in words, the module and the extra."""
        found = [("crops to the face", "cv2", "face")] if self.crop == "face" else []
        return found + ([("removes noise", "noisereduce", "denoise")] if self.denoise else [])

    def require(self, what: str) -> None:
        """Raises EmozooError, which names `what` is prepared so, where something that it needs is not installed."""
        for words, module, extra in self.needs:
            if importlib.util.find_spec(module) is None:
                raise EmozooError(f"{what} {words} first, which needs {module}: pip install 'emozoo[{extra}]'")

    def to_config(self) -> dict[str, Any]:
        """Its part of a checkpoint's config.json: what differs from `PLAIN`."""
        return {name: value for name, value in vars(self).items() if value}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Preparation:
        """From a config.json, which `emozoo.checkpoint.config_file.read_config` has checked."""
        return cls(config.get("crop"), config.get("denoise", False))


PLAIN = Preparation()
"""Nothing is done."""
