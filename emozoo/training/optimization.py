"""The optimizer of a training, and its learning rate."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from emozoo.architecture import Recipe
from emozoo.errors import EmozooError


def new_optimizer(network: nn.Module, recipe: Recipe, name: str) -> torch.optim.Optimizer:
    """That of the recipe, over the network's own groups of parameters where it has some. `name` is the architecture's.

    Raises EmozooError for a network that leaves a parameter out, which would then never learn."""
    kind = torch.optim.AdamW if recipe.optimizer == "adamw" else torch.optim.Adam
    return kind(_parameters(network, recipe, name), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def _parameters(network: Any, recipe: Recipe, name: str) -> list[Any]:
    if not hasattr(network, "parameter_groups"):
        return list(network.parameters())
    groups = [{**group, "params": list(group["params"])} for group in network.parameter_groups(recipe)]
    grouped = {id(parameter) for group in groups for parameter in group["params"]}
    for parameter_name, parameter in network.named_parameters():
        if parameter.requires_grad and id(parameter) not in grouped:
            raise EmozooError(f"{name} is broken: parameter_groups leaves out {parameter_name!r}")
    return groups


def learning_rate(recipe: Recipe, epochs: int, batches: int, batch: int) -> float:
    """Of a batch, after so many epochs of so many: it rises from zero over the warm-up, then stays, or follows a cosine
    to zero. Pretraining has a course of its own."""
    pretrain = epochs < recipe.pretrain_epochs
    first_epoch = 0 if pretrain else recipe.pretrain_epochs
    steps = (recipe.pretrain_epochs if pretrain else recipe.epochs) * batches
    step = (epochs - first_epoch) * batches + batch
    warmup = recipe.warmup * steps
    if step < warmup:
        return recipe.learning_rate * (step + 1) / (warmup + 1)
    if recipe.schedule == "cosine":
        return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup)))
    return recipe.learning_rate
