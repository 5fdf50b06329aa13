"""A run's folder becomes a repository of the Hub, as one commit."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emozoo.checkpoint.config import read_config
from emozoo.errors import EmozooError
from emozoo.filenames import (
    CONFIG,
    CONFUSION,
    CURVES,
    METRICS,
    ONNX,
    PREDICTIONS,
    PREPROCESSOR,
    PROVENANCE,
    README,
    WEIGHTS,
)
from emozoo.hub.errors import check_token, explained, persistently
from emozoo.hub.reference import Reference, check_repo, parse
from emozoo.paths import user_path, write_text

log = logging.getLogger("emozoo")
PUBLISHED = (
    CONFIG, WEIGHTS, ONNX, PREPROCESSOR, PROVENANCE, README, METRICS,
    PREDICTIONS, CONFUSION, CURVES,
)  # fmt: skip
"""What is uploaded. run.json, the file that training is resumed from and logs name this machine's folders, and stay."""


@dataclass(frozen=True)
class Push:
    """What a push did, or with `dry_run` would do."""

    address: str
    files: dict[str, int]
    """Bytes by name, in the order of `PUBLISHED`."""
    removed: tuple[str, ...]
    """Files of an older push that this one no longer has."""
    card: str
    commit: str | None
    """None where nothing was sent."""


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    token: str | None = None,
    dry_run: bool = False,
) -> Push:
    """Publishes the checkpoint in `folder`, with its card, as one commit; makes the repository or branch where needed.

    What a person wrote into the card, here or on the Hub, stays. `dry_run` sends nothing and writes nothing. Raises
    EmozooError with the reason; the repository then holds what it held before.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    shown, folder = str(folder), user_path(folder)
    read_config(folder, shown)
    _refuse_links(folder)
    name = Reference(check_repo(repo_id), parse(f"{repo_id}@{revision}").revision if revision else None)
    if not check_token(token) and not dry_run:
        raise EmozooError("publishing needs a token of yours: hf auth login, HF_TOKEN or --token gives it")
    api = HfApi(token=token)
    there: Any = None  # the repository
    head: Any = None  # the last commit of the branch
    remote: list[str] = []
    theirs: str | None = None  # the card there
    if not (dry_run and constants.HF_HUB_OFFLINE):
        with explained(str(name), writing=True):
            with suppress(RepositoryNotFoundError):
                there = persistently(lambda: api.model_info(repo_id, timeout=30))
            if there and there.id.lower() != repo_id.lower():
                raise EmozooError(f"{repo_id} has been renamed to {there.id}: push there")
            with suppress(RevisionNotFoundError):
                head = persistently(lambda: api.model_info(repo_id, revision=revision, timeout=30)) if there else None
            remote = [sibling.rfilename for sibling in (head or there).siblings or ()] if there else []
            if README in remote:
                path = api.hf_hub_download(repo_id, README, revision=(head or there).sha)
                theirs = Path(path).read_text(encoding="utf-8")
    from emozoo.checkpoint import loading, onnx_model
    from emozoo.checkpoint.onnx_model import agree, logarithms, trial_window

    checked = loading.load(folder, "cpu")  # nothing is published that does not load
    if (folder / ONNX).is_file():
        window = trial_window(checked.video)
        told, wanted = onnx_model.load(folder).probabilities([window]), checked.probabilities([window])
        if not agree(logarithms(told), logarithms(wanted)):
            raise EmozooError(f"{folder / ONNX} does not answer as {WEIGHTS} does: export it again with emozoo export")
    card = _card(folder, theirs, name)
    here = [file for file in PUBLISHED if file == README or (folder / file).is_file()]
    gone = tuple(file for file in PUBLISHED if file in remote and file not in here)
    sizes = {file: len(card.encode()) if file == README else (folder / file).stat().st_size for file in here}
    address = f"{constants.ENDPOINT}/{repo_id}" + (f"/tree/{revision}" if revision else "")
    if dry_run:
        return Push(address, sizes, gone, card, None)
    write_text(folder / README, card)
    contents: dict[str, str | bytes] = {file: str(folder / file) for file in here} | {README: card.encode()}
    additions = [CommitOperationAdd(file, contents[file]) for file in here]
    with explained(str(name), writing=True):
        if not there:
            api.create_repo(repo_id, private=private or None, exist_ok=True)
        branch = head is not None or revision in (None, constants.DEFAULT_REVISION)
        # The large files first: the branch is touched only when everything else has arrived.
        api.preupload_lfs_files(repo_id, additions, revision=revision if branch else None, free_memory=False)
        if not branch:
            api.create_branch(repo_id, branch=str(revision), exist_ok=True)
        done = api.create_commit(
            repo_id,
            [*additions, *(CommitOperationDelete(file) for file in gone)],
            commit_message=message or f"{checked.architecture.name}, {', '.join(checked.labels)}"[:70],
            revision=revision,
            parent_commit=head.sha if head else None,
        )
    if private and there and not there.private:
        log.warning("%s was public before and stays so: --private is for a new repository", repo_id)
    return Push(address, sizes, gone, card, done.oid)


def _refuse_links(folder: Path) -> None:
    """Raises EmozooError for a file to publish that lies elsewhere: the folder may be by someone who linked it there.

    A folder of the Hub's own cache is made of links to the `blobs` beside it, and may be published again.
    """
    home = folder.resolve()
    blobs = home.parents[1] / "blobs" if home.parent.name == "snapshots" else home
    for file in PUBLISHED:
        target = (home / file).resolve()
        if target.exists() and not (target.is_relative_to(home) or target.is_relative_to(blobs)):
            raise EmozooError(
                f"{folder / file} is a link out of the folder, to {target}: nothing was published; put the file itself there"
            )


def _card(folder: Path, theirs: str | None, name: Reference) -> str:
    """The card to publish, up to date, with what a person wrote here and on the Hub."""
    from emozoo.publishing.card import render_card

    return render_card(folder, repo_id=name.repo, on_the_hub=theirs, push=True)
