"""A run's folder becomes a repository of the Hub, as one commit."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from emozoo.checkpoint.config_file import read_config
from emozoo.checkpoint.foreign import own_config
from emozoo.checkpoint.whole import fold_folders, is_several
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
    RISK,
    SUMMARY,
    WEIGHTS,
)
from emozoo.hub.errors import check_token, explained, no_token, persistently
from emozoo.hub.reference import Reference, check_repo, parse
from emozoo.paths import user_path, write_text
from emozoo.publishing.card import render_card
from emozoo.publishing.chosen import chosen

if TYPE_CHECKING:
    from huggingface_hub import HfApi

log = logging.getLogger("emozoo")
PUBLISHED = (
    CONFIG, WEIGHTS, ONNX, PREPROCESSOR, PROVENANCE, README, METRICS,
    PREDICTIONS, CONFUSION, CURVES, RISK,
)  # fmt: skip
"""What is uploaded; of an ensemble, also what its folds gave. run.json, the file that training is resumed from and logs name
this machine's folders, and stay."""


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
    model: str = ""
    """Which model of a run of several it is, in words; "" for the only one."""


def push(
    folder: str | Path,
    repo_id: str,
    *,
    private: bool = False,
    revision: str | None = None,
    message: str | None = None,
    token: str | None = None,
    dry_run: bool = False,
    fold: int | None = None,
) -> Push:
    """Publishes the checkpoint in `folder`, with its card, as one commit; makes the repository or branch where needed. Of a
    run over all folds, that is the model of a `fold`, or the ensemble of all, as `emozoo.publishing.chosen` has it.

    What a person wrote into the card, here or on the Hub, stays. `dry_run` sends nothing and writes nothing. Raises
    EmozooError with the reason; the repository then holds what it held before.
    """
    from huggingface_hub import HfApi, constants

    if not is_several(user_path(folder)):  # what cannot be published needs no token
        own_config(user_path(folder), str(folder))
    name = Reference(check_repo(repo_id), parse(f"{repo_id}@{revision}").revision if revision else None)
    if not check_token(token) and not dry_run:
        raise no_token()
    api = HfApi(token=token)
    with chosen(folder, fold) as choice:
        place = choice.place
        own_config(place, choice.name)
        _refuse_links(place)
        there = _Repository() if dry_run and constants.HF_HUB_OFFLINE else _look_up(api, name)
        title = _check_model(place)
        card = render_card(place, repo_id=repo_id, home=choice.home, on_the_hub=there.card, push=True)
        files = {file: place / file for file in _published(place)}
        sizes = {file: len(card.encode()) if file == README else path.stat().st_size for file, path in files.items()}
        removed = tuple(file for file in there.files if _is_published(file) and file not in files)
        address = f"{constants.ENDPOINT}/{repo_id}" + (f"/tree/{revision}" if revision else "")
        plan = Push(address, sizes, removed, card, None, choice.words)
        if dry_run:
            return plan
        write_text(choice.home / README, card)
        commit = _send(api, name, there, plan, place, private=private, message=message or title)
    if private and there.exists and not there.private:
        log.warning("%s was public before and stays so: --private is for a new repository", repo_id)
    return replace(plan, commit=commit)


def _published(place: Path) -> list[str]:
    """The files of a checkpoint's folder to publish, and its card."""
    found = [file for file in PUBLISHED if file == README or (place / file).is_file()]
    if read_config(place).members > 1:
        found += [SUMMARY] if (place / SUMMARY).is_file() else []
        found += [f"{fold.name}/{METRICS}" for fold in fold_folders(place) if (fold / METRICS).is_file()]
    return found


def _is_published(file: str) -> bool:
    """Whether a push may have written a file of that name."""
    return file in (*PUBLISHED, SUMMARY) or re.fullmatch(rf"fold\d+/{re.escape(METRICS)}", file) is not None


@dataclass(frozen=True)
class _Repository:
    """A repository as it is before the push."""

    exists: bool = False
    private: bool = False
    head: str | None = None
    """The last commit of the branch; None where there is no such branch."""
    files: tuple[str, ...] = ()
    card: str | None = None


def _look_up(api: HfApi, name: Reference) -> _Repository:
    """The repository, and the branch that is pushed to. Raises EmozooError where the Hub cannot be asked."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    with explained(str(name), writing=True):
        try:
            there = persistently(lambda: api.model_info(name.repo, timeout=30))
        except RepositoryNotFoundError:
            return _Repository()
        if there.id.lower() != name.repo.lower():
            raise EmozooError(f"{name.repo} has been renamed to {there.id}: push there")
        try:
            branch = persistently(lambda: api.model_info(name.repo, revision=name.revision, timeout=30))
        except RevisionNotFoundError:
            branch = None
        last = branch or there
        files = tuple(sibling.rfilename for sibling in last.siblings or ())
        card = None
        if README in files:
            path = api.hf_hub_download(name.repo, README, revision=last.sha)
            card = Path(path).read_text(encoding="utf-8")
        return _Repository(True, bool(there.private), branch.sha if branch else None, files, card)


def _check_model(folder: Path) -> str:
    """Loads what is to be published, and returns a title for its commit. Raises EmozooError where it does not load, or
    model.onnx answers otherwise."""
    from emozoo.checkpoint import loading, onnx_model

    model = loading.load(folder, "cpu")
    if (folder / ONNX).is_file():
        window = onnx_model.trial_window(model.window, model.video)
        found, wanted = (
            onnx_model.as_noted(each.probabilities([window])[0], model.outputs)
            for each in (onnx_model.load(folder), model)
        )
        if not onnx_model.agree(found, wanted):
            raise EmozooError(f"{folder / ONNX} does not answer as {WEIGHTS} does: export it again with emozoo export")
    return f"{model.architecture.name}, {', '.join(model.outputs.names)}"[:70]


def _send(
    api: HfApi, name: Reference, there: _Repository, plan: Push, folder: Path, *, private: bool, message: str
) -> str:
    """Makes the repository and the branch where they are missing, and returns the commit."""
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, constants

    contents: dict[str, str | bytes] = {file: str(folder / file) for file in plan.files} | {README: plan.card.encode()}
    additions = [CommitOperationAdd(file, content) for file, content in contents.items()]
    deletions = [CommitOperationDelete(file) for file in plan.removed]
    with explained(str(name), writing=True):
        if not there.exists:
            api.create_repo(name.repo, private=private or None, exist_ok=True)
        branch = there.head is not None or name.revision in (None, constants.DEFAULT_REVISION)
        # The large files first: the branch is touched only when everything else has arrived.
        api.preupload_lfs_files(name.repo, additions, revision=name.revision if branch else None, free_memory=False)
        if not branch:
            api.create_branch(name.repo, branch=str(name.revision), exist_ok=True)
        done = api.create_commit(
            name.repo,
            [*additions, *deletions],
            commit_message=message,
            revision=name.revision,
            parent_commit=there.head,
        )
    return done.oid


def _refuse_links(folder: Path) -> None:
    """Raises EmozooError for a file to publish that lies elsewhere: the folder may be by someone who linked it there.

    A folder of the Hub's own cache is made of links to the `blobs` beside it, and may be published again.
    """
    home = folder.resolve()
    blobs = home.parents[1] / "blobs" if home.parent.name == "snapshots" else home
    for file in _published(folder):
        target = (home / file).resolve()
        if target.exists() and not (target.is_relative_to(home) or target.is_relative_to(blobs)):
            raise EmozooError(
                f"{folder / file} is a link out of the folder, to {target}: nothing was published; put the file itself there"
            )
