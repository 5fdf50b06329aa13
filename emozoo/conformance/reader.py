"""The points of a reader's contract: which checkpoints it takes for its own, and what it makes of a whole or damaged one."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from emozoo.checkpoint.config_file import OUTSIDE
from emozoo.conformance.documents import damaged, nonsense, strangers
from emozoo.conformance.points import Broken, LeftOut, Point
from emozoo.conformance.reader_subject import ReaderSubject
from emozoo.errors import EmozooError
from emozoo.reader import Reading
from emozoo.registry.entry_points import READERS, find
from emozoo.registry.loading import get_architecture
from emozoo.text import listed, shown

TARGETS = {"emotion": 2, "dimensions": 1}
"""What a checkpoint answers with, and the fewest outputs for that."""
HEAVY = tuple("torch transformers onnxruntime onnx tensorflow scipy datasets".split())
"""Modules that a look at a config must not import, for every model that is named is looked at by every reader."""
LOOK_SECONDS = 60
DAMAGED_DOCUMENTS = 80
LEAST_CONTENT = 1000
"""Bytes that are left of a damaged file, at most."""
LOOK = """
import json, sys
from importlib.metadata import EntryPoint
reader = EntryPoint({name!r}, {target!r}, "emozoo.readers").load()
before = set(sys.modules)
for document in json.load(sys.stdin):
    reader.matches(document)
print(json.dumps(sorted(set({heavy!r}) & set(sys.modules))), file=sys.__stdout__)
"""


def _metadata(subject: ReaderSubject) -> str:
    reader = subject.reader
    if not reader.summary or "\n" in reader.summary:
        raise Broken(f"summary is {reader.summary!r}")
    for name, files in (("marker", (reader.marker,)), ("weights", reader.weights), ("optional", reader.optional)):
        if not isinstance(files, tuple) or not all(map(_is_file_name, files)):
            raise Broken(
                f"{name} is {shown(getattr(reader, name))}, not {'a name' if name == 'marker' else 'names'} of files"
            )
    if pickled := [file for file in reader.weights if not file.endswith((".safetensors", ".onnx"))]:
        raise Broken(f"the weights {', '.join(pickled)}: they are read from safetensors or ONNX only")
    return f"{reader.marker}, {' and '.join(reader.weights) or 'no weights'}"


def _is_file_name(name: Any) -> bool:
    if not isinstance(name, str) or not name or "\\" in name:
        return False
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and str(path) == name


def _matches(subject: ReaderSubject) -> str:
    count = 0
    for is_own, documents in ((False, strangers()), (None, nonsense())):
        count += _check_matches(subject, documents, is_own)
    try:
        document = subject.document
    except LeftOut:
        return f"none of {count} documents of others"
    _check_matches(subject, [document], True)
    count += _check_matches(subject, damaged(document, DAMAGED_DOCUMENTS), None)
    return f"its own checkpoint, and none of {count} documents of others or with damage raises"


def _check_matches(subject: ReaderSubject, documents: Iterable[Any], is_own: bool | None) -> int:
    """How many there are. Raises Broken where one raises, or is taken wrongly; `is_own` is None where either may be."""
    count = 0
    for document in documents:
        count += 1
        try:
            found = subject.reader.matches(document)
        except Exception as error:  # noqa: BLE001 - whatever a plugin makes of a document that it did not expect
            raise Broken(f"{type(error).__name__} for {_shortened(document)}") from error
        if not isinstance(found, bool):
            raise Broken(f"{shown(found)}, not True or False, for {_shortened(document)}")
        if is_own is not None and found != is_own:
            raise Broken(f"{found} for {_shortened(document)}")
    return count


def _shortened(document: Any) -> str:
    try:
        text = json.dumps(document)
    except (TypeError, ValueError, RecursionError):
        return "a document of lists deep within each other"
    return text if len(text) <= 120 else f"{text[:117]}..."


def _light(subject: ReaderSubject) -> str:
    plugin = _installed(subject)
    documents = [*strangers()]
    try:
        documents.append(subject.document)
    except LeftOut:
        pass
    code = LOOK.format(name=plugin.name, target=plugin.target, heavy=HEAVY)
    try:
        done = subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path[:0] = {sys.path!r}\n{code}"],
            input=json.dumps(documents),
            capture_output=True,
            text=True,
            timeout=LOOK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Broken(f"looking at {len(documents)} documents did not end within {LOOK_SECONDS} s") from None
    if done.returncode:
        raise Broken(" ".join(done.stderr.strip().splitlines()[-1:]))
    if heavy := json.loads(done.stdout.splitlines()[-1]):
        raise Broken(f"the import of {', '.join(heavy)}")
    return f"none of {', '.join(HEAVY)} is imported"


def _installed(subject: ReaderSubject) -> Any:
    try:
        return find(READERS, subject.reader.name)
    except EmozooError:
        raise LeftOut("the reader is not installed") from None


def _reads(subject: ReaderSubject) -> str:
    before = subject.digests()
    reading = subject.read()
    if subject.digests() != before:
        raise Broken("it changes the checkpoint's files")
    labels = reading.labels
    if reading.target not in TARGETS:
        raise Broken(f"target is {shown(reading.target)}, not {' or '.join(TARGETS)}")
    named = isinstance(labels, tuple) and all(isinstance(label, str) and label for label in labels)
    if not named or len(labels) < TARGETS[reading.target] or len(set(labels)) != len(labels):
        raise Broken(f"labels are {shown(labels)}, not {TARGETS[reading.target]} or more different words in a tuple")
    if bool(reading.architecture) == (reading.graph is not None):
        raise Broken("it names neither an architecture nor a graph" if reading.graph is None else "it names both")
    if _plain(subject.read()) != _plain(reading):
        raise Broken("another answer, asked again")
    if reading.graph is not None:
        return f"{len(labels)} labels of {reading.graph.file}"
    _check_config(reading)
    return f"{len(labels)} labels of a {reading.architecture}"


def _plain(reading: Reading) -> Any:
    return dataclasses.replace(reading, tensors=dict(reading.tensors))


def _check_config(reading: Reading) -> None:
    """Raises Broken, or EmozooError, for an architecture or a config of it that a converted copy could not record."""
    architecture = get_architecture(reading.architecture)
    if not architecture.lengths:
        raise Broken(f"{architecture.name} does not take lengths: padding would change its answers")
    if not isinstance(reading.config, architecture.config):
        raise Broken(f"config is a {type(reading.config).__name__}, not a {architecture.config.__name__}")
    try:
        text = json.dumps(dataclasses.asdict(reading.config), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise Broken(f"the config cannot be written as JSON: {error}") from error
    if outside := [word for word in _texts(json.loads(text)) if OUTSIDE.match(word)]:
        raise Broken(f"the config holds {shown(outside[0])}, a path or an address of this machine's")


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in _texts(item)]


def _tensors(subject: ReaderSubject) -> str:
    import torch
    from safetensors import safe_open

    reading = subject.read()
    if reading.graph is not None:
        raise LeftOut("the checkpoint is an ONNX file")
    held: dict[str, tuple[int, ...]] = {}
    for path in sorted(subject.folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            held |= {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 - not a dict
    with torch.device("meta"):
        network = get_architecture(reading.architecture).build(reading.config, len(reading.labels))
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    tensors = dict(reading.tensors)
    for what, names in (
        ("leaves out the file's", held.keys() - tensors.keys()),
        ("names, but the file lacks,", tensors.keys() - held.keys()),
        ("does not fill the network's", wanted.keys() - set(tensors.values())),
        ("fills what the network has not:", set(tensors.values()) - wanted.keys()),
    ):
        if names:
            raise Broken(f"it {what} {listed(sorted(names), 3)}")
    if len(set(tensors.values())) != len(tensors):
        raise Broken("two tensors of the file become one of the network")
    for source, target in tensors.items():
        if held[source] != wanted[target]:
            raise Broken(f"{source} is {list(held[source])}, and {target} is {list(wanted[target])}")
    return f"all {len(tensors)} of the file and of the network, each once"


def _damage(subject: ReaderSubject) -> str:
    document = subject.document
    variants = [each for each in damaged(document, DAMAGED_DOCUMENTS) if subject.reader.matches(each)]
    for variant in variants:
        content = json.dumps(variant).encode()
        with subject.with_file(subject.reader.marker, content) as folder:
            _check_damaged(partial(subject.reader.read, folder, variant), _shortened(variant))
    count = len(variants)
    for name in subject.digests():
        content = (subject.folder / name).open("rb").read(LEAST_CONTENT)
        for what, part in (
            ("no", None),
            ("an empty", b""),
            ("half a", content[: len(content) // 2]),
            ("a wrong", b"\x93" * 99),
        ):
            with subject.with_file(name, part) as folder:
                _check_damaged(partial(subject.reader.read, folder, document), f"{what} {name}")
            count += 1
    return f"one sentence, or a reading, for {count} ways to be damaged"


def _check_damaged(read: Callable[[], Any], what: str) -> None:
    try:
        found = read()
    except EmozooError as error:
        if not str(error).strip():
            raise Broken(f"an error that says nothing, with {what}") from error
    except Exception as error:  # noqa: BLE001 - whatever a plugin makes of a damaged file
        raise Broken(f"{type(error).__name__}, not EmozooError, with {what}") from error
    else:
        if not isinstance(found, Reading):
            raise Broken(f"read returned a {type(found).__name__}, with {what}")


POINTS: tuple[Point[ReaderSubject], ...] = (
    Point(
        "metadata",
        "a summary of one line, and names of files; weights in safetensors or ONNX",
        "the fields of Reader",
        _metadata,
    ),
    Point(
        "matches",
        "matches is True for its own checkpoint's config, False for others', and never raises",
        "matches: a document may be anything that JSON or YAML holds, at every place",
        _matches,
    ),
    Point(
        "light",
        "importing the reader and looking at configs imports nothing heavy",
        "what its module imports at its top: import heavy libraries inside of read",
        _light,
    ),
    Point(
        "reads",
        "read gives the labels, an installed architecture that takes lengths, and a config that JSON can hold, or a graph",
        "what read returns; it changes no file and answers the same each time",
        _reads,
    ),
    Point(
        "tensors",
        "every tensor of the file is one of the network's, and every one of the network's is filled, with the same shape",
        "tensors of the Reading, and its config",
        _tensors,
    ),
    Point(
        "damage",
        "a damaged checkpoint is an EmozooError of one sentence, or is left to emozoo's own checks",
        "what read makes of missing fields, wrong values, and files that are missing or cut off",
        _damage,
    ),
)
