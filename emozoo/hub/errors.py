"""What can go wrong between here and the Hub, each in one sentence, and what is worth another try.

Sentences are made from an error's kind and status alone, for the library's own texts may hold signed addresses or a token.
"""

from __future__ import annotations

import logging
import os
import re
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from emozoo.errors import EmozooError
from emozoo.shared_context import SharedContext

T = TypeVar("T")

WAITS = (1.0, 4.0)
"""Seconds before asking again what a busy or failing Hub did not answer."""
LONGEST_WAIT = 30
"""Seconds that the Hub may ask to wait; longer is the user's to decide."""
LOGIN = "log in with hf auth login, or set HF_TOKEN"


class NoFile(Exception):
    """The repository has no file of that name."""


def check_token(token: str | None) -> str | None:
    """The token that will be sent: the given one, HF_TOKEN or the stored one; None for none.

    Raises EmozooError, without showing it, for one that no request could carry.
    """
    from huggingface_hub import get_token

    token = token if token is not None else get_token()
    if token is not None and not re.fullmatch(r"[!-~]+", token):
        raise EmozooError("the token for the Hub holds blanks or characters that no token has: copy it again")
    return token


def no_token() -> EmozooError:
    """What to say to who would publish without a token."""
    return EmozooError("publishing needs a token of yours: hf auth login, HF_TOKEN or --token gives it")


@contextmanager
def explained(name: str, *, writing: bool = False) -> Iterator[None]:
    """Turns what the library raises into an EmozooError about `name`, and silences its own warnings."""
    try:
        with _quiet:
            yield
    except (EmozooError, NoFile):
        raise
    except Exception as error:  # noqa: BLE001 - a proxy's address may bring up anything
        raise EmozooError(explain(error, name, writing)) from error


@contextmanager
def _silent() -> Iterator[None]:
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from huggingface_hub.utils import logging as remarks

    level, bars = remarks.get_verbosity(), not are_progress_bars_disabled()
    remarks.set_verbosity(logging.CRITICAL)
    disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        remarks.set_verbosity(level)
        if bars:
            enable_progress_bars()


_quiet = SharedContext(_silent)


def persistently(call: Callable[[], T]) -> T:
    """`call()`, again where time may help: a busy or failing Hub, an answer that never came. Not where it cannot: no
    network, no permission, nothing there."""
    for wait in (*WAITS, None):
        try:
            return call()
        except Exception as error:
            if wait is None or not may_pass(error) or (asked := asked_to_wait(error)) > LONGEST_WAIT:
                raise
            time.sleep(max(wait, asked))
    raise AssertionError


def may_pass(error: BaseException) -> bool:
    return _status(error) in (408, 429, 500, 502, 503, 504) or "Timeout" in type(error).__name__


def explain(error: BaseException, name: str, writing: bool = False) -> str:
    """One sentence about `name` (a reference, or a repository) and the way out."""
    from huggingface_hub import errors

    wrapped = isinstance(
        error, errors.LocalEntryNotFoundError | RuntimeError
    )  # an upload's comes from a thread of its own
    if wrapped and error.__cause__ is not None:
        return explain(error.__cause__, name, writing)
    if isinstance(error, errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
        absent = f"{name} is not in the cache, and " if name.startswith("hub:") and not writing else ""
        return f"{absent}HF_HUB_OFFLINE is set: unset it to reach the Hub"
    return (
        _refused_repository(error, name)
        or _refused_request(error, name, writing)
        or _unsent(error, name)
        or f"{name}: the Hub gave an answer that cannot be understood ({type(error).__name__})"
    )


def _refused_repository(error: BaseException, name: str) -> str | None:
    """What the Hub says of the repository, or of who asks for it."""
    from huggingface_hub import constants, errors

    missing = isinstance(error, errors.RepositoryNotFoundError)
    if isinstance(error, errors.GatedRepoError):
        address = f"{constants.ENDPOINT}/{name.removeprefix('hub:').partition('@')[0]}"
        return f"{name} is gated: ask for access at {address}, then {LOGIN}"
    if isinstance(error, errors.DisabledRepoError):
        return f"{name} has been disabled by the Hub and cannot be used"
    if isinstance(error, errors.RevisionNotFoundError):
        return f"{name}: the repository is there, but has no such branch, tag or commit"
    if _status(error) == 401 and (not missing or check_token(None)):
        return f"{name}: the Hub does not accept your token: it is mistyped or has expired; {LOGIN}"
    if _status(error) == 401:
        return f"{name} is private, or there is no such repository: check the name, or {LOGIN}"
    if missing:
        return f"{name}: there is no such repository, or it is private and your token may not see it: check the name"
    return None


def _refused_request(error: BaseException, name: str, writing: bool) -> str | None:
    """What the Hub says of the request."""
    status = _status(error)
    if status is None:
        return None
    if status == 403:
        return f"{name}: your token may not {'write' if writing else 'read'} there: it lacks the permission"
    if status == 412 or status == 409 and writing:
        return f"{name} was changed by someone else in the meantime; nothing was published, push again"
    if status == 429:
        wait = asked_to_wait(error)
        when = f"in {wait} seconds" if wait else "in some minutes"
        more = "" if check_token(None) else f"; more are allowed to those who {LOGIN}"
        return f"{name}: the Hub asks to slow down (429, too many requests): try again {when}{more}"
    if status >= 500:
        return f"{name}: the Hub has a problem of its own (status {status}): try again later"
    reason = f": {_plain(error)}" if status == 400 else ""
    return f"{name}: the Hub refused the request (status {status}){reason}"


def _unsent(error: BaseException, name: str) -> str | None:
    """What keeps a request or its answer from arriving."""
    from huggingface_hub import constants, errors

    host = constants.ENDPOINT
    words = str(error).lower()
    kinds = [kind.__name__ for kind in type(error).__mro__]
    if isinstance(error, errors.FileMetadataError):
        return f"{name}: what answers at {host} is not the Hub; check HF_ENDPOINT and the proxy"
    if isinstance(error, ImportError) and "socks" in words:
        return f"{name}: {proxies()} names a SOCKS proxy, which needs more: pip install 'httpx[socks]', or unset it"
    if kinds[0] == "InvalidURL" or isinstance(error, ValueError) and "proxy" in words:
        return f"{name}: no request can be sent, for an address is none: correct or unset {proxies() or 'HF_ENDPOINT'}"
    if "Timeout" in kinds[0]:
        return f"{name}: no answer from {host} in time: check the network, or try again later"
    if "HTTPError" in kinds:  # by its name, for which library it is of depends on the version of huggingface_hub
        through = f" through the proxy that {proxies()} names" if proxies() else ""
        return f"{name}: there is no network, or {host} cannot be reached{through}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: the cache cannot be used ({error.strerror}): HF_HOME names another place for it"
    if "consistency" in words or "size" in words:
        return f"{name}: the download was cut short: try again"
    return None


def proxies() -> str:
    """The variables that name a proxy here; never what is in them, which may be a password."""
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy")
    return ", ".join(name for name in names if os.environ.get(name))


def _status(error: BaseException) -> int | None:
    return getattr(getattr(error, "response", None), "status_code", None)


def asked_to_wait(error: BaseException) -> int:
    """Seconds after which the Hub asks to come back; 0 where it does not say."""
    headers: Any = getattr(getattr(error, "response", None), "headers", {})
    found = re.search(r"t=(\d+)", headers.get("ratelimit", "")) or re.fullmatch(
        r"(\d+)", headers.get("retry-after", "")
    )
    return int(found[1]) if found else 0


def _plain(error: BaseException) -> str:
    """The Hub's own words about a request that it refused, in one short line."""
    return " ".join(str(getattr(error, "server_message", "") or "").split())[:200] or "it gave no reason"
