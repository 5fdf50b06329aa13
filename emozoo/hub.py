"""The Hugging Face Hub: a reference becomes a local folder, a run's folder a repository, a query a list of models.

All that is sent or fetched goes through `huggingface_hub`, which is imported on use: its cache, HF_HOME, HF_ENDPOINT,
HF_HUB_OFFLINE and its store of tokens hold here too. What a checkpoint may say is `emozoo.checkpoint`'s business, what
its card says `emozoo.card`'s. No error, and nothing that is printed, contains a token.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from emozoo import bundled
from emozoo.checkpoint import CONFIG, LARGEST_JSON, MOST_LABELS, ONNX, PREPROCESSOR, WEIGHTS, read_config, shown
from emozoo.errors import EmozooError
from emozoo.hub_errors import NoFile, check_token, explain, explained, may_pass, persistently
from emozoo.paths import user_path, write_text
from emozoo.provenance import PROVENANCE
from emozoo.reference import HUB_PREFIX, Reference, check_repo, is_reference, parse

log = logging.getLogger("emozoo")
TAG = "emozoo"
CARD, METRICS = "README.md", "metrics.json"
PUBLISHED = (
    CONFIG, WEIGHTS, ONNX, PREPROCESSOR, PROVENANCE, CARD, METRICS,
    "predictions.csv", "confusion_matrix.png", "training_curves.png",
)  # fmt: skip
"""What is uploaded. run.json, the file that training is resumed from and logs name this machine's folders, and stay."""
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".msgpack", ".h5")
LARGEST_FILE = 16 * 2**30
"""Bytes of weights that are fetched; of other files, 64 MiB."""
FOUND, LONGEST = 50, 100
"""Models that a search lists at most, and signs of what their cards say."""


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


@dataclass(frozen=True)
class HubModel:
    """A model of the zoo on the Hub, as its card's metadata tell."""

    name: str
    architecture: str
    labels: tuple[str, ...]
    wa: float | None
    ua: float | None
    downloads: int


def resolve(reference: str | os.PathLike[str], *, weights: bool = True, extra: Sequence[str] = ()) -> Path:
    """The local folder of a model: the folder itself, that of a model in the box, or for `hub:user/name[@revision]` one of
    the Hub's cache.

    Fetches config.json, then, once it is found to be a checkpoint's, the weights and preprocessor_config.json,
    all of one commit; `extra` names files that are fetched where the repository has them. Without the
    network, or with HF_HUB_OFFLINE, what was fetched before is used. Raises EmozooError with the reason.
    """
    if not is_reference(reference):
        return bundled.folder_of(reference) or user_path(reference)
    name = parse(reference)
    try:
        folder = fetch(name, CONFIG, name.revision).parent
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
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError, RevisionNotFoundError

    place: dict[str, Any] = {"repo_id": name.repo, "filename": file, "revision": revision}
    if revision and re.fullmatch("[0-9a-f]{40}", revision):  # a commit never changes
        cached = try_to_load_from_cache(**place)
        if isinstance(cached, str):
            return Path(cached)
    check_token(None)
    with explained(str(name)):
        url = hf_hub_url(**place)
        try:
            told = get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT)
        except RevisionNotFoundError:
            raise
        except EntryNotFoundError:
            raise NoFile(file) from None
        except Exception as error:
            try:
                path = Path(hf_hub_download(**place, local_files_only=True))
            except LocalEntryNotFoundError:
                if not may_pass(error):
                    raise error from None
                told = persistently(lambda: get_hf_file_metadata(url, timeout=constants.HF_HUB_ETAG_TIMEOUT))
            else:
                if file == CONFIG and not constants.HF_HUB_OFFLINE:
                    log.warning("%s; going on with what was fetched before", explain(error, str(name)))
                return path
        largest = LARGEST_FILE if file in (WEIGHTS, ONNX) else LARGEST_JSON if file == CONFIG else 64 * 2**20
        if (told.size or 0) > largest:
            raise EmozooError(f"{name}: {file} has {told.size:,} bytes, more than emozoo fetches ({largest:,})")
        moved = re.search(r"/([^/]+/[^/]+)/(?:resolve/[^/]+|[0-9a-f]{40})/", urlsplit(told.location).path)
        if file == CONFIG and moved and moved[1].lower() != name.repo.lower():
            log.warning("%s has been renamed: call it %s%s from now on", name, HUB_PREFIX, shown(moved[1])[1:-1])
        return Path(hf_hub_download(**place))


def files_of(name: Reference) -> list[str]:
    """The files of a repository, for an error's sentence; none where the Hub does not say."""
    from huggingface_hub import HfApi

    with suppress(Exception):
        return HfApi().list_repo_files(name.repo, revision=name.revision)
    return []


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
            if CARD in remote:
                path = api.hf_hub_download(repo_id, CARD, revision=(head or there).sha)
                theirs = Path(path).read_text(encoding="utf-8")
    from emozoo import model, onnx_model  # torch: what can be refused without it was refused above

    checked = model.load(folder, "cpu")  # nothing is published that does not load
    if (folder / ONNX).is_file():
        window = onnx_model.trial_window(checked.video)
        told, wanted = onnx_model.load(folder).probabilities([window]), checked.probabilities([window])
        if not onnx_model.agree(onnx_model.logarithms(told), onnx_model.logarithms(wanted)):
            raise EmozooError(f"{folder / ONNX} does not answer as {WEIGHTS} does: export it again with emozoo export")
    card = _card(folder, theirs, name)
    here = [file for file in PUBLISHED if file == CARD or (folder / file).is_file()]
    gone = tuple(file for file in PUBLISHED if file in remote and file not in here)
    sizes = {file: len(card.encode()) if file == CARD else (folder / file).stat().st_size for file in here}
    address = f"{constants.ENDPOINT}/{repo_id}" + (f"/tree/{revision}" if revision else "")
    if dry_run:
        return Push(address, sizes, gone, card, None)
    write_text(folder / CARD, card)
    contents: dict[str, str | bytes] = {file: str(folder / file) for file in here} | {CARD: card.encode()}
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
    from emozoo.card import render_card

    return render_card(folder, repo_id=name.repo, on_the_hub=theirs, push=True)


def search(query: str | None = None) -> list[HubModel]:
    """The models of the zoo on the Hub, the most downloaded first. Raises EmozooError where it cannot be asked."""
    check_token(None)
    with explained("the Hub"):
        found = persistently(lambda: _ask_for_models(query))
        if not isinstance(found, list):
            raise ValueError("not a list of models")
    return [_described(each) for each in _objects(found) if isinstance(each.get("id"), str)]


def _ask_for_models(query: str | None) -> Any:
    """The Hub's own words: `HfApi.list_models` would fail for all where one card is not as it expects."""
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    asked = {"filter": TAG, "sort": "downloads", "limit": str(FOUND), "full": "true", "cardData": "true"}
    response = get_session().get(
        f"{constants.ENDPOINT}/api/models",
        params=asked | ({"search": query} if query else {}),
        headers=build_hf_headers(),
        timeout=30,
    )
    hf_raise_for_status(response)
    return response.json()


def _described(model: dict[str, Any]) -> HubModel:
    """What a card's metadata say, as far as they are what emozoo writes."""
    card = model["cardData"] if isinstance(model.get("cardData"), dict) else {}
    own = card["emozoo"] if isinstance(card.get("emozoo"), dict) else {}
    labels = own["labels"] if isinstance(own.get("labels"), list) else []
    scores: dict[str, float] = {}
    for index in _objects(card.get("model-index")):
        for result in _objects(index.get("results")):
            for metric in _objects(result.get("metrics")):
                value = metric.get("value")
                if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
                    scores.setdefault(str(metric.get("name")), float(value))
    downloads = model.get("downloads")
    return HubModel(
        name=model["id"][:LONGEST],
        architecture=own["architecture"][:LONGEST] if isinstance(own.get("architecture"), str) else "",
        labels=tuple(label[:LONGEST] for label in labels[:MOST_LABELS] if isinstance(label, str)),
        wa=scores.get("WA"),
        ua=scores.get("UA"),
        downloads=downloads if isinstance(downloads, int) else 0,
    )


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
