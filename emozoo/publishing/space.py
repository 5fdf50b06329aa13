"""A Gradio Space: the demo page for the Hugging Face Hub, as a folder of three files or published there.

What a person wrote into its README stays, as in a model's card. The page itself is `emozoo.demo.server`'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emozoo import requirement
from emozoo.checkpoint.bundled import DEFAULT
from emozoo.checkpoint.foreign import checkpoint_config
from emozoo.checkpoint.locate import resolve
from emozoo.checkpoint.named import folder_of, offered
from emozoo.errors import EmozooError
from emozoo.filenames import README
from emozoo.hub.errors import check_token, explained, no_token, persistently
from emozoo.hub.reference import check_repo, is_reference, parse
from emozoo.paths import user_path, write_text
from emozoo.publishing.card import BEGIN, END, dump_front_matter, split_card
from emozoo.publishing.push import Push
from emozoo.requirement import OPTION, is_local
from emozoo.version import version as emozoo_version

if TYPE_CHECKING:
    from huggingface_hub import HfApi

APP = "app.py"
REQUIREMENTS = "requirements.txt"
MARK = '"""A demo page of emozoo, as emozoo space wrote it."""'
"""The first line of an app that may be written over."""
PYTHON = "3.11"
NOTE = """### What such a guess is, and what it is not
The networks have learned how people, most of them actors, *portray* an emotion, in a few languages and good recordings.
That is not what a person feels. A network always chooses one of its labels, also for laughter, music or a language that it
was not trained on. The percentages say how sure a network is, not how often it is right.

Do not use the answers to make or support decisions about people: not in hiring, schooling, policing, health, insurance or
at work. Record and analyse people only with their consent.

What you give to this page goes to the machine that runs it and to nobody else. It is deleted when you leave."""
"""What the README says of the answers, and the page too."""


def write_space(
    folder: str | Path, repository: str, models: Sequence[str] = (), *, emozoo_from: str | None = None
) -> list[Path]:
    """Writes the Space of that name, `user/name`, into a folder, and returns the files. `emozoo_from` is the emozoo that it
    asks for, a version, a URL or a path; None: as installed.

    Raises EmozooError for a model that a Space cannot reach, and for a folder that holds something else.
    """
    folder = user_path(folder)
    if folder.exists() and not folder.is_dir():
        raise EmozooError(f"{folder} is a file: name a folder for --output")
    if folder.is_dir() and any(folder.iterdir()) and not _is_own(_read(folder / APP)):
        raise EmozooError(f"{folder} is not empty, and holds no Space that emozoo wrote: name another --output")
    files = compose(repository, models, _read(folder / README), emozoo_from)
    for name, text in files.items():
        write_text(folder / name, text)
    return [folder / name for name in files]


def publish_space(
    repository: str,
    models: Sequence[str] = (),
    *,
    emozoo_from: str | None = None,
    private: bool = False,
    token: str | None = None,
    dry_run: bool = False,
) -> Push:
    """Publishes the Space as one commit; makes it where it does not exist. `dry_run` sends nothing.

    Raises EmozooError with the reason; the Space then holds what it held before.
    """
    from huggingface_hub import CommitOperationAdd, HfApi, constants

    name = f"the Space {check_repo(repository)}"
    if is_local(requirement.line(emozoo_from)):
        raise EmozooError(
            f"{OPTION} {emozoo_from} lies on this machine, where a Space cannot reach it: name a version or "
            "git+https://..., or write a Space for this machine with --output"
        )
    if not check_token(token) and not dry_run:
        raise no_token()
    api = HfApi(token=token)
    there = _Space() if dry_run and constants.HF_HUB_OFFLINE else _look_up(api, repository, name)
    if there.app and not _is_own(there.app):
        raise EmozooError(f"{name} holds an app that emozoo did not write: choose another name")
    files = compose(repository, models, there.readme, emozoo_from)
    sizes = {file: len(text.encode()) for file, text in files.items()}
    plan = Push(f"{constants.ENDPOINT}/spaces/{repository}", sizes, (), files[README], None)
    if dry_run:
        return plan
    with explained(name, writing=True):
        if there.commit is None:
            api.create_repo(repository, repo_type="space", space_sdk="gradio", private=private or None, exist_ok=True)
        done = api.create_commit(
            repository,
            [CommitOperationAdd(file, text.encode()) for file, text in files.items()],
            commit_message=f"emozoo {emozoo_version()}",
            repo_type="space",
            parent_commit=there.commit,
        )
    return replace(plan, commit=done.oid)


@dataclass(frozen=True)
class _Space:
    """A Space as it is before it is published."""

    commit: str | None = None
    """None where there is no such Space."""
    readme: str = ""
    app: str = ""


def _look_up(api: HfApi, repository: str, name: str) -> _Space:
    from huggingface_hub.errors import EntryNotFoundError, RepositoryNotFoundError

    texts = {README: "", APP: ""}
    with explained(name, writing=True):
        try:
            there = persistently(lambda: api.space_info(repository, timeout=30))
        except RepositoryNotFoundError:
            return _Space()
        for file in texts:
            with suppress(EntryNotFoundError):
                path = api.hf_hub_download(repository, file, repo_type="space", revision=there.sha)
                texts[file] = Path(path).read_text(encoding="utf-8", errors="replace")
        return _Space(there.sha, texts[README], texts[APP])


def compose(repository: str, models: Sequence[str], readme: str = "", emozoo_from: str | None = None) -> dict[str, str]:
    """The files of a Space, by name; `readme` is the README that is there, whose own words stay."""
    title = check_repo(repository).partition("/")[2]
    named = list(dict.fromkeys(models)) or [DEFAULT]
    return {
        README: _readme(title, named, readme),
        APP: f"{MARK}\n\nfrom emozoo.demo.server import serve\n\nserve({json.dumps(named)})\n",
        REQUIREMENTS: "".join(f"{line}\n" for line in _requirements(named, emozoo_from)),
    }


def _requirements(models: Sequence[str], emozoo_from: str | None) -> list[str]:
    """emozoo, with what the models need of it, and the distributions of plugins that they are made with."""
    extras = {"demo"}
    plugins = set()
    for reference in models:
        if found := offered(reference):
            plugins.add(f"{found[1].distribution}=={found[1].version}")
        elif not is_reference(reference) and folder_of(reference) is None:
            raise EmozooError(
                f"--model {reference} lies on this machine, where a Space cannot reach it: publish it with emozoo push, "
                "and name it hub:user/name"
            )
        config = checkpoint_config(resolve(reference, weights=False), reference)
        extras.update(extra for _, _, extra in config.preparation.needs)
        if config.plugin.distribution != "emozoo":
            plugins.add(f"{config.plugin.distribution}=={config.plugin.version}")
    return [requirement.line(emozoo_from, extras=extras), *sorted(plugins)]


def _readme(title: str, models: Sequence[str], existing: str) -> str:
    kept, before, _, after = split_card(existing, README)
    try:
        gradio = version("gradio")
    except PackageNotFoundError:
        raise EmozooError("a Space says which gradio it needs, and none is here: pip install 'emozoo[demo]'") from None
    mine: dict[str, Any] = {"sdk": "gradio", "sdk_version": gradio, "python_version": PYTHON, "app_file": APP}
    if repositories := [parse(reference).repo for reference in models if is_reference(reference)]:
        mine["models"] = repositories
    usual = {"title": title, "license": "apache-2.0", "tags": ["emozoo", "speech-emotion-recognition"]}
    front = dump_front_matter({**usual, **kept, **mine})
    block = (
        f"A page that tells which emotion a voice, or a voice and a face, portray, with {', '.join(models)}. It is made\n"
        "of [app.py](app.py), a few lines over emozoo, which is under the Apache License 2.0; a model has a licence of its\n"
        f"own, which its card tells.\n\n{NOTE.replace('###', '##', 1)}"
    )
    return f"---\n{front}\n---\n{before}{BEGIN}\n{block}\n{END}{after}"


def _is_own(app: str) -> bool:
    return app.startswith(MARK)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except (OSError, ValueError) as error:
        raise EmozooError(f"{path} cannot be read as UTF-8 text: name another --output") from error
