"""What each process of Ray does before it answers: it opens the model, and takes no more cores than it has been lent."""

from __future__ import annotations

import os
from dataclasses import dataclass

from emozoo.checkpoint.opening import open_model
from emozoo.inference.model import Model


@dataclass(frozen=True)
class Opening:
    """How each worker opens the model."""

    model: str
    device: str = "auto"
    precision: str = "fp32"
    backend: str = "torch"

    def open(self) -> Model:
        """Raises EmozooError with the reason."""
        return open_model(self.model, self.backend, self.device, self.precision)


def use_own_cores() -> None:
    """A worker of Ray computes with the cores that are lent to it, and leaves the others to its neighbours. In another
    process, such as the one that drives a cluster, nothing happens."""
    import ray

    if ray.is_initialized() and (context := ray.get_runtime_context()).worker.mode == ray.WORKER_MODE:
        if cores := int(context.get_assigned_resources().get("CPU", 0)):
            os.environ["EMOZOO_CORES"] = str(cores)
