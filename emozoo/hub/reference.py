"""How a model is named: a folder, a bundled model, or `hub:user/name[@revision]` of the Hugging Face Hub."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from emozoo.errors import EmozooError

HUB_PREFIX = "hub:"


@dataclass(frozen=True)
class Reference:
    """`hub:user/name[@revision]`, taken apart."""

    repo: str
    revision: str | None = None
    """A branch, a tag or a commit; None: the main branch."""

    def __str__(self) -> str:
        return HUB_PREFIX + self.repo + (f"@{self.revision}" if self.revision else "")


def is_reference(text: str | os.PathLike[str]) -> bool:
    return os.fspath(text).startswith(HUB_PREFIX)


def name_of(reference: str | os.PathLike[str]) -> str:
    """What to call a model in output: the reference as given, or the folder."""
    return os.fspath(reference) if is_reference(reference) else str(Path(reference))


def parse(text: str | os.PathLike[str]) -> Reference:
    """Raises EmozooError where `text` is no `hub:user/name[@revision]`; the prefix may be missing."""
    repo, at, revision = os.fspath(text).removeprefix(HUB_PREFIX).partition("@")
    check_repo(repo)
    if at and (not re.fullmatch(r"[A-Za-z0-9_][\w./+-]{0,200}", revision, re.ASCII) or ".." in revision):
        raise EmozooError(f"{ascii(revision)[:80]} is no revision: name a branch, a tag or a commit after the @")
    return Reference(repo, revision or None)


def check_repo(repo: str) -> str:
    """Raises EmozooError for what cannot be a repository's name."""
    word = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
    if not re.fullmatch(f"{word}/{word}", repo) or "--" in repo or ".." in repo or repo.endswith(".git"):
        raise EmozooError(
            f"{ascii(repo)[:80]} is no repository of the Hub: name it as user/name, in a model hub:user/name"
        )
    return repo
