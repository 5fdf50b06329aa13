"""The header of a checkpoint's weights, read and checked before memory is taken for what it claims."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emozoo.errors import EmozooError
from emozoo.filenames import WEIGHTS
from emozoo.text import shown

LARGEST_HEADER = 2**24
"""Bytes of the header of the weights, which has about a hundred for each tensor."""
FLOATS = ("F64", "F32", "F16", "BF16")
INTEGERS = ("I64", "I32", "I16", "I8", "U8", "BOOL")
"""Kinds of number, as safetensors calls them, that weights are made of."""

Shapes = dict[str, tuple[tuple[int, ...], bool]]
"""Each tensor's shape, and whether it holds floats."""


def read_shapes(folder: Path, name: str | None = None, weights: str = WEIGHTS) -> Shapes:
    """From the header of the file `weights`: each tensor's shape, and whether it holds floats. No tensor is read.

    A header that claims more than the file holds is refused. Raises EmozooError with the reason.
    """
    from safetensors import SafetensorError, safe_open

    path = folder / weights
    name = name or str(folder)
    where = f"{name}/{weights} is damaged"
    if not path.is_file():
        raise EmozooError(f"{name} is not a checkpoint: it has no {weights} (weights are read from safetensors only)")
    _check_header(path, where)
    try:
        with safe_open(path, framework="np") as file:
            slices = {key: file.get_slice(key) for key in file.keys()}  # noqa: SIM118 - not a dict
            kinds = {key: part.get_dtype() for key, part in slices.items()}
            shapes = {key: tuple(part.get_shape()) for key, part in slices.items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise EmozooError(f"{where}: {error}") from error
    for key, kind in kinds.items():
        if kind not in FLOATS + INTEGERS:
            raise EmozooError(f"{where}: {shown(key)} holds {kind} numbers, which emozoo does not write")
    return {key: (shape, kinds[key] in FLOATS) for key, shape in shapes.items()}


def _check_header(path: Path, where: str) -> None:
    """The JSON in front of the tensors, before a library takes memory for what it claims. Raises EmozooError, which begins
    with `where`."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(found := dict(pairs)) < len(pairs):
            raise EmozooError(f"{where}: its header names something twice")
        return found

    try:
        with open(path, "rb") as file:
            size = int.from_bytes(file.read(8), "little")
            if size > LARGEST_HEADER:
                raise EmozooError(
                    f"{where}: its header has {size:,} bytes, more than the {LARGEST_HEADER:,} that are read"
                )
            json.loads(file.read(size), object_pairs_hook=once)
    except (OSError, ValueError, RecursionError) as error:
        raise EmozooError(f"{where}: its header is not readable as JSON") from error
