"""Door: `pretrained_files` gets pretrained models that a plugin builds on, such as speech encoders of transformers.

The plugin reads the files. Nothing in them is run or unpickled.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emozoo.errors import EmozooError
from emozoo.filenames import WEIGHTS
from emozoo.hub.errors import NoFile
from emozoo.hub.files import PICKLES, fetch, files_of
from emozoo.hub.reference import Reference, is_reference, parse
from emozoo.paths import user_path
from emozoo.text import shown

log = logging.getLogger("emozoo")
LARGEST_INDEX = 2**24
"""Bytes of the list of the files that weights are split into."""
CONVERTER = "SFconvertbot"
"""Hugging Face's account that opens pull requests with a model's weights as safetensors."""


def pretrained_files(reference: str, files: Sequence[str], optional: Sequence[str] = ()) -> tuple[Path, str]:
    """For a plugin's `prepare` and `load_pretrained`: the folder with `files` of a pretrained model, and its name.

    `reference` is a folder, or `hub:user/name[@revision]`: then the files are downloaded, all of one commit, and those of
    `optional` that exist. Weights must be safetensors or ONNX. The name may be recorded in a checkpoint:
    `hub:user/name@commit`, or the folder's name without its path. Weights that are split into several files are all
    fetched: `weight_files` names them. Raises EmozooError with the reason.
    """
    if not is_reference(reference):
        return _local(reference, files)
    name = parse(reference)
    try:
        folder = fetch(name, files[0], name.revision).parent
        pinned = Reference(name.repo, folder.name)
        for file in files[1:]:
            _fetch_whole(pinned, file)
    except NoFile as missing:
        converted = _converted(name) if str(missing) == WEIGHTS and name.revision is None else None
        if converted is None:
            raise EmozooError(_no_pretrained(str(name), str(missing), files_of(name))) from None
        log.warning(
            "%s has no safetensors: taking those that the Hub's own bot made of its weights, %s", name, converted
        )
        return pretrained_files(str(converted), files, optional)
    for file in optional:
        with suppress(NoFile):
            fetch(pinned, file, pinned.revision)
    return folder, str(pinned)


def weight_files(folder: Path, file: str = WEIGHTS) -> tuple[str, ...]:
    """The files in a folder that hold the weights which `file` names: itself, or those that its index lists, as transformers
    splits large models. Raises EmozooError for an index that leads elsewhere, or is damaged."""
    index = folder / f"{file}.index.json"
    if (folder / file).is_file() or not index.is_file():
        return (file,)
    try:
        if index.stat().st_size > LARGEST_INDEX:
            raise ValueError("too large")
        parts = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
        if not parts or not all(re.fullmatch(r"[\w.-]+\.safetensors", part) for part in parts):
            raise ValueError("no names of files")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise EmozooError(f"{index.name} is damaged: it does not name the files with the weights") from error
    return tuple(parts)


def _fetch_whole(name: Reference, file: str) -> None:
    """Fetches a file or, of weights in several, all. Raises NoFile, or EmozooError."""
    try:
        fetch(name, file, name.revision)
    except NoFile:
        if not file.endswith(".safetensors"):
            raise
        try:
            folder = fetch(name, f"{file}.index.json", name.revision).parent
        except NoFile:
            raise NoFile(file) from None
        for part in weight_files(folder, file):
            fetch(name, part, name.revision)


def _local(name: str, files: Sequence[str]) -> tuple[Path, str]:
    folder = user_path(name)
    try:
        there = {path.name for path in folder.iterdir()}
    except OSError as error:
        reason = error.strerror or "it cannot be read"
        raise EmozooError(
            f"the folder {name} cannot be read ({reason}): name one, or a model of the Hub as hub:user/name"
        ) from error
    if missing := [file for file in files if file not in there and f"{file}.index.json" not in there]:
        raise EmozooError(_no_pretrained(name, missing[0], sorted(there)))
    return folder, re.sub(r"[^\w.+ -]", "_", folder.resolve().name) or "folder"


def _converted(name: Reference) -> Reference | None:
    """The pull request of the Hub's conversion bot with a repository's weights as safetensors."""
    from huggingface_hub import HfApi

    with suppress(Exception):  # the missing file is reported then
        for request in HfApi().get_repo_discussions(name.repo, author=CONVERTER, discussion_type="pull_request"):
            if request.author == CONVERTER and request.status == "open":
                return Reference(name.repo, f"refs/pr/{request.num}")
    return None


def _no_pretrained(name: str, missing: str, files: Sequence[str]) -> str:
    """Why a pretrained model without `missing` cannot be used."""
    pickles = [shown(file)[1:-1] for file in sorted(files) if file.endswith(PICKLES)]
    if missing.endswith(".onnx"):
        return f"{name} has no {missing}: name one that has"
    if not missing.endswith(".safetensors"):
        return f"{name} has no {missing}, so it is no model that transformers could have saved"
    if not pickles:
        return f"{name} has no {missing}: weights are read from safetensors only"
    way_out = "load it with transformers, save it with save_pretrained"
    if missing != WEIGHTS:
        way_out = f"load them with its own library, save the same tensors by the same names as {missing}"
    return (
        f"{name} is refused: its weights are pickle files ({', '.join(pickles[:3])}), which can run code when they are "
        f"opened; name a copy or a revision of it that has {missing}, or where you trust it, {way_out} and name that folder"
    )
