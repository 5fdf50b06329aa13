"""A dataset of the Hugging Face Hub comes into a folder, by `huggingface_hub`: a token goes to the Hub and nowhere else."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from emozoo.data.download import is_safe_name
from emozoo.data.fetching.record import Came, Report, Tally
from emozoo.data.fetching.unpacking import require_room
from emozoo.errors import EmozooError
from emozoo.hub.errors import check_token, explained, persistently
from emozoo.hub.reference import HUB_PREFIX, parse
from emozoo.text import shown

CACHE = ".cache"
"""The folder in which the library keeps notes of a download."""


def bring_dataset(repository: str, patterns: Sequence[str], folder: Path, report: Report) -> list[Came]:
    """Brings the files that match; all are of one commit. Raises EmozooError."""
    from huggingface_hub import HfApi, hf_hub_download, hf_hub_url
    from huggingface_hub.hf_api import RepoFile

    name = parse(repository)
    called = f"{HUB_PREFIX}{repository}"
    check_token(None)
    with explained(called):
        commit = persistently(lambda: HfApi().dataset_info(name.repo, revision=name.revision)).sha
        listed = persistently(
            lambda: list(HfApi().list_repo_tree(name.repo, revision=commit, recursive=True, repo_type="dataset"))
        )
    files = [
        each
        for each in listed
        if isinstance(each, RepoFile) and any(fnmatch.fnmatch(each.path, one) for one in patterns)
    ]
    if not files:
        raise EmozooError(f"{called} holds no file {' or '.join(patterns)}")
    if wrong := [each.path for each in files if not is_safe_name(each.path)]:
        raise EmozooError(f"{called} holds {shown(wrong[0])}, which leads out of the folder")
    tally = Tally(len(files), sum(each.size for each in files))
    require_room(folder, tally.total or 0, f"the download of {called}")

    def one(path: str) -> None:
        hf_hub_download(name.repo, path, repo_type="dataset", revision=commit, local_dir=folder)

    came = []
    for each in files:
        report(tally)
        with explained(called):
            persistently(partial(one, each.path))
        address = hf_hub_url(name.repo, each.path, repo_type="dataset", revision=commit)
        came.append(Came(each.path, each.size, address, each.lfs.sha256 if each.lfs else ""))
        tally.done += 1
        tally.bytes += each.size
    report(tally)
    return came
