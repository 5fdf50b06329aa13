"""Where a model reference leads: a folder, a model that has a name, or the Hub."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.foreign import fetch_foreign, says_own
from emozoo.checkpoint.named import folder_of, leads_to, names
from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, PREPROCESSOR, PROVENANCE, WEIGHTS
from emozoo.hub.errors import NoFile
from emozoo.hub.files import PICKLES, fetch, files_of
from emozoo.hub.reference import Reference, is_reference, parse
from emozoo.paths import user_path
from emozoo.text import shown


def resolve(reference: str | os.PathLike[str], *, weights: bool = True, extra: Sequence[str] = ()) -> Path:
    """The local folder of a model: the folder itself, that of a bundled or a plugin's model, or for
    `hub:user/name[@revision]` one of the Hub's cache.

    Fetches config.json, then, once it is found to be a checkpoint's, the weights and preprocessor_config.json, all of
    one commit; `extra` names files that are fetched where the repository has them. Of another library's checkpoint, the
    files that its reader asks for. Without the network, or with HF_HUB_OFFLINE, what was fetched before is used. Raises
    EmozooError with the reason.
    """
    reference = leads_to(reference)
    if not is_reference(reference):
        return folder_of(reference) or _existing(reference)
    name = parse(reference)
    try:
        folder = _first(name)
        if folder is None or not says_own(folder):
            foreign = fetch_foreign(name, weights)
            if foreign is not None:
                return foreign
        if folder is None:
            raise NoFile(CONFIG)
        pinned = Reference(name.repo, folder.name)  # so that a push in between cannot mix two models
        read_config(folder, str(name))
        if weights:
            fetch(pinned, WEIGHTS, pinned.revision)
    except NoFile as missing:
        raise EmozooError(_what_is_there(name, str(missing))) from None
    for optional in ((PREPROCESSOR,) if weights else ()) + tuple(extra):
        # Without a network the record may be out of reach, and what it would tell is then said to be unknown.
        with suppress(NoFile, *([EmozooError] if optional == PROVENANCE else [])):
            fetch(pinned, optional, pinned.revision)
    return folder


def _existing(reference: str) -> Path:
    """The path. Raises EmozooError where it is not there, but a model has nearly this name."""
    place = user_path(reference)
    if not place.exists() and (near := difflib.get_close_matches(reference.lower(), names(), n=1)):
        raise EmozooError(f"no model at {reference}: it does not exist; did you mean {near[0]}?")
    return place


def _first(name: Reference) -> Path | None:
    """The folder with config.json; None where the repository has none."""
    try:
        return fetch(name, CONFIG, name.revision).parent
    except NoFile:
        return None


def _what_is_there(name: Reference, missing: str) -> str:
    """Why a repository without `missing` cannot be used; names the pickle files that it may have instead."""
    files = files_of(name)
    pickles = [shown(file)[1:-1] for file in files if file.endswith(PICKLES)]
    if pickles and WEIGHTS not in files:
        return (
            f"{name} is refused: its weights are pickle files ({', '.join(pickles[:3])}), which can run code when they "
            f"are opened; emozoo reads {WEIGHTS} only, so ask its author to publish that"
        )
    return f"{name} is not a checkpoint of emozoo: it has no {missing}"
