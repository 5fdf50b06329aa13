"""Files of the Hugging Face Hub: a reference becomes a local folder.

They are fetched by `huggingface_hub`, which is imported on use: its cache, HF_HOME, HF_ENDPOINT, HF_HUB_OFFLINE and its
stored token hold here too. No error, and nothing that is printed, contains a token.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emozoo.errors import EmozooError
from emozoo.filenames import CONFIG, LARGEST_JSON
from emozoo.hub.errors import NoFile, check_token, explain, explained, may_pass, persistently
from emozoo.hub.reference import HUB_PREFIX, Reference, is_reference, parse
from emozoo.text import shown

if TYPE_CHECKING:
    from huggingface_hub import HfFileMetadata

log = logging.getLogger("emozoo")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5")
LARGEST_FILE = 16 * 2**30
LARGEST_OTHER = 64 * 2**20
"""Bytes that are fetched: of weights, and of what is neither weights nor config.json."""


def dataset_folder(reference: str, patterns: Sequence[str]) -> Path:
    """A local folder with the files of a dataset, `hub:user/name[@revision]`, whose names match. Raises EmozooError."""
    from huggingface_hub import snapshot_download

    name = parse(reference)
    check_token(None)
    with explained(str(name)):
        return Path(
            snapshot_download(name.repo, repo_type="dataset", revision=name.revision, allow_patterns=list(patterns))
        )


def address_of(reference: str, folder: Path) -> dict[str, str]:
    """Where a resolved reference is on the Hub, and at which commit."""
    from huggingface_hub import constants

    return {"address": f"{constants.ENDPOINT}/{parse(reference).repo}", "commit": folder.name}


def commit_of(reference: str | os.PathLike[str], folder: Path) -> str:
    """`hub:user/name@commit` of a resolved reference; a folder's own name for what is no reference."""
    return str(Reference(parse(reference).repo, folder.name)) if is_reference(reference) else folder.resolve().name


def fetch(name: Reference, file: str, revision: str | None) -> Path:
    """The path of a file in the cache, fetched where it is not there. Raises `NoFile`, or EmozooError."""
    from huggingface_hub import _CACHED_NO_EXIST, constants, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import RevisionNotFoundError

    place: dict[str, Any] = {"repo_id": name.repo, "filename": file, "revision": revision}
    if revision and re.fullmatch("[0-9a-f]{40}", revision):  # a commit never changes
        cached = try_to_load_from_cache(**place)
        if isinstance(cached, str):
            return Path(cached)
        if cached is _CACHED_NO_EXIST:
            raise NoFile(file)
    check_token(None)
    with explained(str(name)):
        try:
            told = _metadata(place)
        except NoFile:
            with suppress(Exception):  # it notes in the cache that there is none, for a time without the network
                hf_hub_download(**place)
            raise
        except RevisionNotFoundError:
            raise
        except Exception as error:
            if cached := _fetched_before(place):
                if file == CONFIG and not constants.HF_HUB_OFFLINE:
                    log.warning("%s; going on with what was fetched before", explain(error, str(name)))
                return cached
            if try_to_load_from_cache(**place) is _CACHED_NO_EXIST:
                raise NoFile(file) from None
            if not may_pass(error):
                raise
            told = persistently(lambda: _metadata(place))
        heavy = file.endswith((".safetensors", ".onnx"))
        largest = LARGEST_FILE if heavy else LARGEST_JSON if file == CONFIG else LARGEST_OTHER
        if (told.size or 0) > largest:
            raise EmozooError(f"{name}: {file} has {told.size:,} bytes, more than emozoo fetches ({largest:,})")
        moved = re.search(r"/([^/]+/[^/]+)/(?:resolve/[^/]+|[0-9a-f]{40})/", urlsplit(told.location).path)
        if file == CONFIG and moved and moved[1].lower() != name.repo.lower():
            log.warning("%s has been renamed: call it %s%s from now on", name, HUB_PREFIX, shown(moved[1])[1:-1])
        return Path(hf_hub_download(**place))


def _metadata(place: dict[str, Any]) -> HfFileMetadata:
    """Size and address of a file. Raises NoFile, or what the library raises."""
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError, RevisionNotFoundError

    try:
        return get_hf_file_metadata(hf_hub_url(**place), timeout=constants.HF_HUB_ETAG_TIMEOUT)
    except RevisionNotFoundError:
        raise
    except EntryNotFoundError:
        raise NoFile(place["filename"]) from None


def _fetched_before(place: dict[str, Any]) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(**place, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def files_of(name: Reference) -> list[str]:
    """The files of a repository, for an error's sentence; none where the Hub does not say."""
    from huggingface_hub import HfApi

    with suppress(Exception):
        return HfApi().list_repo_files(name.repo, revision=name.revision)
    return []
