"""What config.json says of a checkpoint: `CheckpointConfig`. `emozoo.checkpoint.config_file` reads and checks the file.

Importing this costs neither numpy nor torch.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from emozoo.hints import to_json
from emozoo.inference.calibration import Calibration
from emozoo.media.preparation import PLAIN, Preparation
from emozoo.media.window_shape import DEFAULT_WINDOW, SAMPLING_RATE, WindowShape
from emozoo.target import EMOTION, Outputs, has_dimensions

MODEL_TYPE = "emozoo"


@dataclass(frozen=True)
class Origin:
    """Where an architecture came from when its checkpoint was written."""

    distribution: str
    version: str


@dataclass(frozen=True)
class ForeignSource:
    """The checkpoint of another library that a model was read from."""

    reference: str
    """`hub:user/name@commit`, or the name of a folder."""
    reader: str
    """The plugin that read it."""
    labels: tuple[str, ...]
    """As that checkpoint names its outputs, in order."""
    licence: str | None = None
    """As its card says, as `datasets` does."""
    datasets: tuple[str, ...] = ()
    """What its card says that it was trained on."""

    def to_dict(self) -> dict[str, Any]:
        """As config.json has it, without what is empty."""
        return {key: to_json(value) for key, value in vars(self).items() if value}

    @property
    def repository(self) -> str | None:
        """`user/name` on the Hub; None for a folder."""
        return self.reference.removeprefix("hub:").partition("@")[0] if self.reference.startswith("hub:") else None


@dataclass(frozen=True)
class CheckpointConfig:
    """What config.json says of a checkpoint."""

    architecture: str
    architecture_config: dict[str, Any]
    """The fields of the architecture's own config, as JSON; its plugin checks them."""
    plugin: Origin
    modalities: tuple[str, ...]
    outputs: Outputs
    optional_modalities: tuple[str, ...] = ()
    """Those of `modalities` that a clip may lack."""
    preparation: Preparation = PLAIN
    calibration: Calibration | None = None
    """None: emozoo calibrate has not been run."""
    synthetic: bool = False
    """Whether it was trained on computed voices only."""
    window: WindowShape = DEFAULT_WINDOW
    source: ForeignSource | None = None
    members: int = 1
    """Networks; of an ensemble, several (see `emozoo.checkpoint.ensemble`)."""

    @property
    def video(self) -> bool:
        return "video" in self.modalities

    @property
    def labels(self) -> tuple[str, ...]:
        """The words among the outputs."""
        return self.outputs.labels

    @property
    def target(self) -> str:
        return self.outputs.target

    @property
    def needs_video(self) -> bool:
        return self.video and "video" not in self.optional_modalities

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> CheckpointConfig:
        """From a config.json that emozoo wrote, or `emozoo.checkpoint.config_file.parse` has checked."""
        return cls(
            architecture=document["architecture"],
            architecture_config=document["architecture_config"],
            plugin=Origin(document["plugin"]["distribution"], document["plugin"]["version"]),
            modalities=tuple(document["modalities"]),
            outputs=outputs_of(document),
            optional_modalities=tuple(document.get("optional_modalities") or ()),  # transformers writes null for none
            preparation=Preparation.from_config(document),
            calibration=calibration_of(document),
            synthetic=document.get("synthetic", False),
            window=window_of(document),
            source=source_of(document),
            members=document.get("members") or 1,  # transformers writes null for none
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON of config.json."""
        return {
            "model_type": MODEL_TYPE,
            "architecture": self.architecture,
            "architecture_config": self.architecture_config,
            "plugin": dataclasses.asdict(self.plugin),
            "modalities": list(self.modalities),
            **({"optional_modalities": list(self.optional_modalities)} if self.optional_modalities else {}),
            "id2label": {str(number): name for number, name in enumerate(self.outputs.names)},
            "label2id": {name: number for number, name in enumerate(self.outputs.names)},
            **_plain_target(self.outputs),
            "sampling_rate": SAMPLING_RATE,
            "window": self.window.seconds,
            **({} if self.window.hop == DEFAULT_WINDOW.hop else {"hop": self.window.hop}),
            **({} if self.window.frames == DEFAULT_WINDOW.frames else {"frames": list(self.window.frames)}),
            **self.preparation.to_config(),
            **({"synthetic": True} if self.synthetic else {}),
            **({"calibration": self.calibration.to_dict()} if self.calibration else {}),
            **({"source": self.source.to_dict()} if self.source else {}),
            **({"members": self.members} if self.members > 1 else {}),
        }

    def to_json(self) -> str:
        """The text of config.json."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False) + "\n"


def outputs_of(document: dict[str, Any]) -> Outputs:
    """Raises EmozooError for names or a scale that cannot be."""
    return Outputs.read([document["id2label"][str(number)] for number in range(len(document["id2label"]))], document)


def _plain_target(outputs: Outputs) -> dict[str, Any]:
    named = has_dimensions(outputs.target) and outputs.labels
    return {
        **({} if outputs.target == EMOTION else {"target": outputs.target}),
        **({"dimensions": list(outputs.dimensions)} if named else {}),
        **({"scale": [outputs.scale.low, outputs.scale.high]} if outputs.scale else {}),
        **({"multi": True} if outputs.multi else {}),
    }


def window_of(document: dict[str, Any]) -> WindowShape:
    """Raises EmozooError for sizes that cannot be."""
    hop, frames = document.get("hop"), document.get("frames")  # transformers writes null for none
    return WindowShape(
        document.get("window"),  # type: ignore[arg-type]
        DEFAULT_WINDOW.hop if hop is None else hop,
        tuple(frames) if isinstance(frames, list) else DEFAULT_WINDOW.frames if frames is None else frames,
    )


def calibration_of(document: dict[str, Any]) -> Calibration | None:
    """None where there is none. Raises ValueError for what is no calibration."""
    found = document.get("calibration")  # transformers writes null for none
    return None if found is None else Calibration.from_dict(found)


def source_of(document: dict[str, Any]) -> ForeignSource | None:
    """None for a checkpoint of emozoo's own. Raises KeyError, TypeError or ValueError for what is no source."""
    found = document.get("source")
    if found is None:
        return None
    source = ForeignSource(**{**found, **{key: tuple(found.get(key, ())) for key in ("labels", "datasets")}})
    words = [source.reference, source.reader, source.licence or "", *source.labels, *source.datasets]
    if not all(isinstance(word, str) for word in words):
        raise ValueError("no text")
    return source
