"""The file that an interrupted training resumes from: weights, optimizer moments and history."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from emozoo.checkpoint.run import WRITER, unreadable
from emozoo.filenames import RESUME
from emozoo.paths import atomic
from emozoo.training.history import EpochRecord
from emozoo.training.processes import from_main, sent
from emozoo.version import version as emozoo_version

Tensors = dict[str, Tensor]


@dataclass(frozen=True)
class State:
    """A training after a whole epoch."""

    history: tuple[EpochRecord, ...] = ()
    network: Tensors = field(default_factory=dict)
    average: Tensors = field(default_factory=dict)
    """The averaged weights; empty without such."""
    moments: dict[int, Tensors] = field(default_factory=dict)
    """The optimizer's state of each parameter, by its number."""

    def write(self, folder: Path) -> None:
        """Replaces the file in `folder`."""
        tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in self._tensors().items()}
        metadata = {"state": json.dumps(self._document()), WRITER: emozoo_version()}
        with atomic(folder / RESUME) as temporary:
            save_file(tensors, temporary, metadata=metadata)

    def of_main(self, device: torch.device) -> State:
        """The main process' state, in all processes; `device` is that of this one."""
        return _state(from_main(self._document), sent(self._tensors(), device))

    def _tensors(self) -> Tensors:
        tensors = {f"network.{name}": tensor for name, tensor in self.network.items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.items()}
        for number, moments in self.moments.items():
            tensors |= {f"optimizer.{number}.{name}": value for name, value in moments.items()}
        return tensors

    def _document(self) -> dict[str, Any]:
        return {"epoch": len(self.history), "history": [record.to_dict() for record in self.history]}


def restore(folder: Path, take: Callable[[State], None]) -> bool:
    """Hands the state in `folder` to `take`; False where there is none.

    Raises EmozooError for a file that is damaged, or that `take` refuses with one of the errors that torch raises."""
    path = folder / RESUME
    if not path.exists():
        return False
    written: Any = None
    try:
        with safe_open(path, framework="pt") as file:
            written = file.metadata()
            document = json.loads(written["state"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        take(_state(document, tensors))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        why = f"training cannot go on from it: delete {folder} to start anew"
        raise unreadable(path, written, why) from error
    return True


def _state(document: Any, tensors: Tensors) -> State:
    """From the parts of the file. Raises KeyError, TypeError or ValueError for what `State.write` has not written."""
    history = tuple(map(EpochRecord.from_dict, document["history"]))
    if document["epoch"] != len(history):
        raise ValueError("the history does not end with the last epoch")
    moments: dict[int, Tensors] = {}
    for name, tensor in _below("optimizer.", tensors).items():
        number, key = name.split(".")
        moments.setdefault(int(number), {})[key] = tensor
    return State(history, _below("network.", tensors), _below("average.", tensors), moments)


def _below(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
