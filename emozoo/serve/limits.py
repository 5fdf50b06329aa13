"""How much a client of the service may ask for."""

from __future__ import annotations

from dataclasses import dataclass

MEGABYTE = 2**20


@dataclass(frozen=True)
class Limits:
    """Limits on requests and streams."""

    megabytes: float = 100
    """Largest request, in 2**20 bytes: all its files together."""
    seconds: float = 600
    """Longest file."""
    files: int = 32
    """Files of a request, at most."""
    requests: int = 64
    """Requests at the same time, at most. Others are refused with status 503."""
    streams: int = 16
    """WebSocket streams at the same time, at most."""
    stream_seconds: float = 3600
    """Longest stream, in seconds of sound."""
    timeout: float = 60
    """Seconds that a request may take to arrive, and once more to be answered. A stream that sends nothing for so long is
    closed."""
    grace: float = 30
    """Seconds that requests in flight may take when the service is asked to end."""

    @property
    def bytes(self) -> int:
        return round(self.megabytes * MEGABYTE)
