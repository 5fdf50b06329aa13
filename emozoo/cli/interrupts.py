"""What asked emozoo to end."""

from __future__ import annotations

interrupts: list[int] = []
"""Signals that asked emozoo to end: SIGINT, SIGTERM or SIGHUP. They are kept, because a library that is interrupted may
raise an error of its own instead of KeyboardInterrupt."""
