"""Which emozoo this is."""

from __future__ import annotations

import functools


@functools.cache
def version() -> str:
    """Of the installed distribution; `0+unknown` where emozoo runs from a source tree that was never installed."""
    # Asked for rarely, and this import takes as long as the rest of `emozoo --help`.
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("emozoo")
    except PackageNotFoundError:
        return "0+unknown"
