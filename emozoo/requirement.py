"""Which emozoo a plugin or a Space asks pip for: a version of the package index, a git or web URL, or a path.

`--emozoo-from` names it; what is installed here is the default. Nothing is looked up in the network.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.text import printable

OPTION = "--emozoo-from"
VERSION = re.compile(r"\d+(\.\d+)*((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?")
URL = re.compile(r"(git\+(https|ssh)|https|file)://[\w:/@.~%+#=&?,!*()-]+", re.ASCII)
"""None of its characters is special in TOML, in a requirements file or in a template."""
ARCHIVES = (".whl", ".tar.gz", ".zip")


def line(wanted: str | None = None, *, extras: Iterable[str] = (), operator: str = "==") -> str:
    """The line for pip (PEP 508), for what `--emozoo-from` names: `emozoo==0.2.0`, or `emozoo @ URL`.

    `operator` stands before the version that is installed here, where nothing is named. Raises EmozooError for text that
    names nothing.
    """
    name = f"emozoo[{','.join(sorted(extras))}]" if extras else "emozoo"
    if wanted is None:
        known = installed_version()
        return f"{name}{operator}{known}" if known else name
    if VERSION.fullmatch(wanted):
        return f"{name}=={wanted}"
    return f"{name} @ {_checked_url(wanted) if '://' in wanted else _path(wanted).as_uri()}"


def is_direct(asked: str) -> bool:
    """Whether a requirement names a URL, which the package index takes from nobody."""
    return " @ " in asked


def is_local(asked: str) -> bool:
    """Whether a requirement names a place on this machine."""
    return " @ file:" in asked


def installed_version() -> str | None:
    """The version that is installed here, without what the package index cannot know of it; None for none."""
    with suppress(PackageNotFoundError):
        if match := VERSION.match(version("emozoo") or ""):
            return match[0]
    return None


def remark(wanted: str | None = None) -> str | None:
    """Why others may fail to install what asks for that; None where there is no reason."""
    if wanted is not None:
        if not is_local(line(wanted)):
            return None
        return f"only this machine has {printable(wanted)}: before others install it, name a version or git+https://..."
    known = installed_version()
    if known is None:
        return f"this emozoo is not installed, so its version is unknown: {OPTION} says which one to ask for"
    source = _installed_from()
    if source is None:
        return None
    ask = f"{OPTION} {shlex.quote(printable(source))}"
    ask = f"{ask} asks for this one" if "://" in source else f"{ask} works on this machine, git+https://... anywhere"
    return f"emozoo {known} was installed from {printable(source)}, and the package index may not have it: {ask}"


def _installed_from() -> str | None:
    """Where pip says that it got emozoo from (PEP 610), as `--emozoo-from` takes it; None for the package index."""
    try:
        text = distribution("emozoo").read_text("direct_url.json")
        record = json.loads(text) if text else None
        if not record:
            return None
        url = str(record["url"])
        if url.startswith("file:"):
            return url2pathname(urlsplit(url).path)
        if vcs := record.get("vcs_info"):
            url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
        return _checked_url(url)
    except Exception:  # another installer's file, or damaged
        return None


def _checked_url(url: str) -> str:
    shown = printable(url)
    if not URL.fullmatch(url):
        raise EmozooError(
            f"{OPTION} {shown} is no URL that pip takes here: write git+https://..., https://... or file://..."
        )
    parts = urlsplit(url)
    if parts.password or (parts.username and "ssh" not in parts.scheme):
        raise EmozooError(
            f"{OPTION}: the URL for {parts.hostname} holds a name or password, which would be published: leave it out"
        )
    if not url.startswith("git+") and parts.scheme == "https" and not parts.path.endswith(ARCHIVES):
        raise EmozooError(f"{OPTION} {shown} is no archive: for a repository write git+{shown}")
    if parts.scheme == "file":
        _path(url2pathname(parts.path))
    return url


def _path(words: str) -> Path:
    """A folder with emozoo's sources, or an archive of it."""
    path = user_path(words)
    if path.is_file() and path.name.startswith("emozoo-") and path.name.endswith(ARCHIVES):
        return path
    with suppress(OSError, ValueError, KeyError, TypeError):
        if tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"] == "emozoo":
            return path
    raise EmozooError(
        f"{OPTION} {printable(words)} is no version, no URL, and no folder or archive of emozoo here: write 0.2.0, "
        "git+https://... or a path"
    )
