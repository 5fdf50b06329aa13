"""Checkpoints of other libraries: a reader translates each into an installed architecture, with its config and labels.

Readers are plugins (group `emozoo.readers`); the documents by which they know their checkpoints are plain data. The rule is
kept in `emozoo.checkpoint.tensors`: every tensor of the network is filled from the files, and every tensor of the files is
used. Importing this costs no torch.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config import MODEL_TYPE, CheckpointConfig, ForeignSource, Origin
from emozoo.checkpoint.config_file import parse, read_config
from emozoo.checkpoint.named import leads_to
from emozoo.checkpoint.window import window_of
from emozoo.errors import EmozooError, blamed
from emozoo.filenames import CONFIG, LARGEST_JSON, README
from emozoo.hub.errors import NoFile
from emozoo.hub.files import commit_of, fetch
from emozoo.hub.public import known_model, named_labels
from emozoo.hub.reference import Reference
from emozoo.media.window_shape import WindowShape
from emozoo.pretrained import pretrained_files, weight_files
from emozoo.reader import OnnxGraph, Reader, Reading, reader_problem
from emozoo.registry.entry_points import ARCHITECTURES, READERS, find, plugins
from emozoo.registry.loading import get_architecture, load_plugin
from emozoo.tables.emotions import in_common_words
from emozoo.tables.plain_yaml import plain_data
from emozoo.target import Outputs
from emozoo.text import shown

LONGEST_CARD = 2**20
"""Bytes of a card that is read."""

GRAPH = "onnx"
"""Stands for an architecture in the config of an ONNX file of another library, which has none."""


@dataclass(frozen=True)
class Translation:
    """A foreign checkpoint, as it would stand in a folder of emozoo's own."""

    config: CheckpointConfig
    files: tuple[str, ...]
    """With its weights."""
    tensors: Mapping[str, str]
    """The network's name of each tensor in the files, by theirs."""
    graph: OnnxGraph | None


@functools.cache
def readers() -> tuple[Reader, ...]:
    """The installed ones, emozoo's own first. One that cannot be used is left out; `emozoo list` says why."""
    found = []
    for plugin in sorted(plugins(READERS), key=lambda plugin: not plugin.builtin):
        if plugin.problem is None:
            with suppress(EmozooError):
                found.append(load_plugin(plugin, reader_problem))
    return tuple(found)


def is_own(folder: Path) -> bool:
    """Whether config.json says that emozoo wrote the checkpoint, or no reader knows it: then `read_config` says what is
    wrong."""
    return says_own(folder) or reader_of(folder) is None


def says_own(folder: Path) -> bool:
    """Whether config.json says that emozoo wrote the checkpoint."""
    document = _document(folder / CONFIG)
    return isinstance(document, dict) and document.get("model_type") == MODEL_TYPE


def reader_of(folder: Path) -> Reader | None:
    """The reader that knows the checkpoint in a folder: the first whose weights are there or, without any, the first."""
    documents = {marker: _document(folder / marker) for marker in {reader.marker for reader in readers()}}
    found = [each for each in readers() if _matches(each, documents[each.marker])]
    return next((each for each in found if _has_weights(folder, each.weights)), found[0] if found else None)


def _has_weights(folder: Path, files: Iterable[str]) -> bool:
    there = [(folder / file).is_file() or (folder / f"{file}.index.json").is_file() for file in files]
    return bool(there) and all(there)


def checkpoint_config(folder: Path, name: str) -> CheckpointConfig:
    """What a checkpoint's folder says of it, also one of another library. Raises EmozooError."""
    return read_config(folder, name) if is_own(folder) else translate(folder, name).config


def check_network(folder: Path, name: str, instead: str) -> None:
    """Raises EmozooError, with what to do `instead`, where all that a folder has is an ONNX file of another library."""
    if not is_own(folder) and translate(folder, name).graph:
        raise EmozooError(f"{name} is an ONNX file of another library, which has no weights for a network: {instead}")


def check_trainable(folder: Path, name: str) -> None:
    """Raises EmozooError for a checkpoint without weights that a training could start from."""
    check_network(folder, name, "fine-tune a model that has some, such as those of emozoo list --hub")


def own_config(folder: Path, name: str) -> CheckpointConfig:
    """config.json of a checkpoint that emozoo wrote. Raises EmozooError, for another library's with the way to one."""
    if is_own(folder):
        return read_config(folder, name)
    where = "USER/" + folder.resolve().name
    check_network(folder, name, f"publish it as it is (hf upload {where} {name}), and emozoo opens hub:{where}")
    raise EmozooError(
        f"{name} is a checkpoint of another library: name a folder that emozoo convert {name} has written"
    )


def fetch_foreign(name: Reference, weights: bool = True) -> Path | None:
    """The folder of the Hub's cache with the files of a checkpoint of another library; None where no reader knows it. Raises
    EmozooError for one whose weights are missing or refused."""
    problem = None
    for marker in sorted({reader.marker for reader in readers()}, key=lambda marker: (marker != CONFIG, marker)):
        try:
            folder = fetch(name, marker, name.revision).parent
        except NoFile:
            continue
        except EmozooError as error:  # without a network, another may have been fetched before
            problem = problem or error
            continue
        if reader := reader_of(folder):
            needed = (reader.marker, *(reader.weights if weights else ()))
            return pretrained_files(str(name), needed, (*reader.optional, README))[0]
    if problem:
        raise problem
    return None


def translate(folder: Path, name: str) -> Translation:
    """The checkpoint of another library in a folder, which is called `name`: a reference, or a path. Its weights are not
    read. Raises EmozooError for one that its reader cannot read, and for what emozoo could not write."""
    reader = reader_of(folder)
    if reader is None:
        raise EmozooError(f"{name} is no checkpoint that an installed reader knows: emozoo list shows the readers")
    try:
        with blamed(reader.name, f"cannot read {name}"):
            reading = reader.read(folder, _document(folder / reader.marker))
            if not isinstance(reading, Reading):
                raise TypeError(f"it gives a {type(reading).__name__}, not an emozoo.reader.Reading")
    except EmozooError as error:  # a reader knows the folder of the Hub's cache, not what users call it
        if name in str(error):
            raise
        raise EmozooError(f"{name} cannot be read: {error}") from error
    config = _config_of(reading, _source(reader, reading, folder, name), name)
    if reading.graph:
        return Translation(config, (reading.graph.file,), {}, reading.graph)
    files = tuple(part for file in reader.weights for part in weight_files(folder, file))
    if len(set(reading.tensors.values())) < len(reading.tensors):
        raise EmozooError(f"the reader {reader.name} gives two tensors of {name} one place: it is broken")
    return Translation(config, files, reading.tensors, None)


def _config_of(reading: Reading, source: ForeignSource, name: str) -> CheckpointConfig:
    """As emozoo would write it. Raises EmozooError for what it would not."""
    if reading.graph:
        architecture, settings, origin = GRAPH, {}, Origin("emozoo", "0")
        modalities: tuple[str, ...] = ("audio",)
        window = WindowShape(reading.graph.window, reading.graph.hop)
    else:
        offered = get_architecture(reading.architecture)
        plugin = find(ARCHITECTURES, offered.name)
        architecture, origin = offered.name, Origin(plugin.distribution, plugin.version)
        settings = json.loads(json.dumps(dataclasses.asdict(reading.config)))  # tuples become lists
        modalities, window = tuple(offered.modalities), window_of(offered, reading.config)
    labels = in_common_words(named_labels(_distinct(reading.labels, name), leads_to(name)), reading.words)
    config = CheckpointConfig(
        architecture=architecture,
        architecture_config=settings,
        plugin=origin,
        modalities=modalities,
        outputs=Outputs.of(labels, reading.target),
        window=window,
        source=source,
    )
    return parse(json.loads(config.to_json()), name)


def _distinct(labels: Iterable[str], name: str) -> tuple[str, ...]:
    found = tuple(labels)
    if len(set(found)) < len(found) or not all(isinstance(label, str) and label.strip() for label in found):
        raise EmozooError(f"{name} does not name its outputs: its labels are {shown(list(found))}")
    return found


def _source(reader: Reader, reading: Reading, folder: Path, name: str) -> ForeignSource:
    told = _card(folder)
    reference = commit_of(leads_to(name), folder)
    known = known_model(leads_to(name))  # fills in what the card's front matter leaves out
    named = _datasets(told)
    more = [word for word in known.corpora if word not in named] if known else []
    licence = _licence(told) or (known.licence or None if known else None)
    return ForeignSource(reference, reader.name, tuple(reading.labels), licence, (*named, *more))


def _card(folder: Path) -> dict[str, Any]:
    """The front matter of the card; empty without one, or where it is damaged."""
    with suppress(OSError, ValueError, EmozooError):
        path = folder / README
        if path.stat().st_size <= LONGEST_CARD:
            begin, *rest = path.read_text(encoding="utf-8").split("\n---", 1)
            told = plain_data(begin.removeprefix("---"), README) if begin.startswith("---") and rest else None
            return told if isinstance(told, dict) else {}
    return {}


def _licence(card: Mapping[str, Any]) -> str | None:
    found = card.get("license_name") or card.get("license")
    return _words(found)[0] if _words(found) else None


def _datasets(card: Mapping[str, Any]) -> tuple[str, ...]:
    return _words(card.get("datasets"))


def _words(value: Any) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(word for word in listed if isinstance(word, str) and 0 < len(word) <= 200 and word.isprintable())


def _matches(reader: Reader, document: Any) -> bool:
    with suppress(Exception):  # a plugin's; it must not stand in the way of others
        return document is not None and bool(reader.matches(document))
    return False


def _document(path: Path) -> Any:
    """The plain data in a JSON or YAML file; None where there is none, or it is damaged."""
    with suppress(OSError, ValueError, RecursionError, EmozooError):
        if path.stat().st_size <= LARGEST_JSON:
            text = path.read_text(encoding="utf-8")
            return json.loads(text) if path.suffix == ".json" else plain_data(text, path.name)
    return None
