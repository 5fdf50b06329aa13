"""The one error that a user is meant to read."""

from __future__ import annotations


class EmozooError(Exception):
    """A user's mistake or a bad file: one line that names the thing and the way out. The command line exits with 2."""
