"""Door: what a reader plugin offers: a `Reader` translates the checkpoints of another library into emozoo's terms.

Importing this module does not import torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.architecture import CONTRACT_VERSION, version_problem

TARGETS = ("emotion", "dimensions")


@dataclass(frozen=True)
class OnnxGraph:
    """An ONNX file that answers for sound by itself, and how it is asked. emozoo checks it as its own before it is run."""

    file: str
    """Its name in the folder."""
    sound: str | None = None
    """The input that takes sound of 16 kHz, float32 [batch, samples], where either size may be fixed; None: the only one. An
    int64 input `attention_mask` of that shape is given as well."""
    output: str | None = None
    """The output float32 [batch, outputs] that the labels name; None: the one called `logits`, or the only one."""
    embedding: str | None = None
    """The output float32 [batch, features] that describes a clip; a file without it gives no embeddings."""
    window: float = 30.0
    """Seconds that it takes at once, at most; a file that takes a fixed number of samples has windows of those."""
    hop: float = 10.0
    normalize: bool = False
    """Whether it takes sound of mean 0 and variance 1, as transformers' feature extractors make it."""
    softmax: bool | None = None
    """Whether emozoo takes the softmax of the output; None: unless the graph ends in one."""


@dataclass(frozen=True)
class Reading:
    """A foreign checkpoint in emozoo's terms."""

    labels: tuple[str, ...]
    """As the checkpoint names its outputs, in order. emozoo maps the words that it knows to its own."""
    target: str = "emotion"
    """What the outputs are: `emotion`, logits of the labels, or `dimensions`, a number for each, about 0 to 1."""
    architecture: str = ""
    """An installed architecture, which takes `lengths`."""
    config: Any = None
    """An instance of that architecture's config."""
    tensors: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """The name of each tensor of the weights, and its name in the network's state_dict. emozoo refuses the checkpoint where
    one of either side is left out."""
    graph: OnnxGraph | None = None
    """Instead of an architecture and tensors."""
    words: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """emozoo's words for labels that it does not know, where the reader does."""


@dataclass(frozen=True)
class Reader:
    """What the entry point of a reader names (group `emozoo.readers`)."""

    name: str
    """As the entry point's."""
    matches: Callable[[Any], bool]
    """Whether the marker's document, plain data of JSON or YAML, is that of a checkpoint which it reads. Imports nothing
    heavy and never raises."""
    read: Callable[[Path, Any], Reading]
    """Takes the folder with the files, and the marker's document. Raises EmozooError, one sentence, for a checkpoint that it
    cannot read."""
    marker: str = "config.json"
    """The file by which such a checkpoint is known: JSON, YAML, or text, which is read as YAML."""
    weights: tuple[str, ...] = ("model.safetensors",)
    """The files that hold weights. emozoo finds those that are split into several, and those that the Hub's own bot
    converted; it refuses pickle files."""
    optional: tuple[str, ...] = ("preprocessor_config.json",)
    """Other files, which are fetched where they exist."""
    summary: str = ""
    """One line on what it reads, for `emozoo list`."""
    contract: int = CONTRACT_VERSION
    """The version of the plugin contract that it was written for."""


def reader_problem(reader: object, entry_name: str) -> str | None:
    """The first way in which `reader` breaks the contract; None if it keeps it."""
    if not isinstance(reader, Reader):
        return f"the entry point gives a {type(reader).__name__}, not an emozoo.reader.Reader"
    if problem := version_problem(reader.contract):
        return problem
    if reader.name != entry_name:
        return f"the entry point is named {entry_name!r}, the reader {reader.name!r}: they must agree"
    for name in ("matches", "read"):
        if not callable(getattr(reader, name)):
            return f"{name} cannot be called"
    for name in ("weights", "optional"):
        files = getattr(reader, name)
        if isinstance(files, str) or not all(_is_file_name(file) for file in files):
            return f"{name} are {files!r}, not a tuple of names of files"
    if not _is_file_name(reader.marker) or not reader.marker.endswith((".json", ".yaml", ".yml", ".txt")):
        return f"marker is {reader.marker!r}, not the name of a JSON, YAML or text file"
    return None


def _is_file_name(file: object) -> bool:
    return isinstance(file, str) and bool(file) and "\\" not in file and ".." not in file and not file.startswith("/")
