"""LoRA: low-rank matrices beside an encoder's frozen layers (Hu et al. 2021, arXiv 2106.09685), by peft."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from emozoo import EmozooError

SCALE = 2
"""What the matrices give is multiplied by this: alpha over rank, as peft calls it."""
ATTENTION = ("q_proj", "k_proj", "v_proj", "out_proj")
FEED_FORWARD = ("intermediate_dense", "output_dense")
ADAPTED: dict[str, tuple[str, ...]] = {
    "whisper": (*ATTENTION, "fc1", "fc2"),
    # transformers' attention of WavLM takes the weights of its layers, and never calls these.
    "wavlm": FEED_FORWARD,
}
"""Of some kinds of encoders, the linear layers that are adapted; of all others, those of attention and feed-forward."""
OWN = ".lora_"
"""In the names of an adapter's own tensors."""
ADAPTER = "default"


def add_adapter(encoder: Any, kind: str, rank: int) -> None:
    """Freezes an encoder of transformers, and adds an adapter that changes nothing until it is trained.

    Raises EmozooError without peft."""
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError as error:
        raise EmozooError("freeze=lora needs peft: pip install 'emozoo-ssl[lora]'") from error
    names = "|".join(ADAPTED.get(kind, (*ATTENTION, *FEED_FORWARD)))
    layers = rf"(encoder\.)?layers\.\d+\.(.+\.)?({names})"
    inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=SCALE * rank, target_modules=layers), encoder, ADAPTER)


def plain_name(name: str) -> str:
    """A tensor's name in the encoder without an adapter."""
    return name.replace(".base_layer.", ".")


def encoder_tensors(encoder: nn.Module) -> dict[str, Tensor]:
    """The encoder's own tensors, by their names without an adapter; they share its memory."""
    return {plain_name(name): value for name, value in encoder.state_dict().items() if OWN not in name}


def merged_tensors(network: nn.Module) -> dict[str, Tensor]:
    """The tensors of a network without adapters whose answers are the same."""
    changes = dict(_changes(network))
    tensors = {plain_name(name): value.detach() for name, value in network.state_dict().items() if OWN not in name}
    return {name: value + changes[name] if name in changes else value.clone() for name, value in tensors.items()}


def _changes(network: nn.Module) -> Iterator[tuple[str, Tensor]]:
    for name, module in network.named_modules():
        if hasattr(module, "lora_A"):
            yield f"{name}.weight", module.get_delta_weight(ADAPTER).detach()  # type: ignore[operator]
