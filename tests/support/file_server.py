"""A real HTTP server on loopback that gives files, as Zenodo and others do: with ETag, Range and If-Range. A test sets what
goes wrong."""

from __future__ import annotations

import gzip
import hashlib
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Files:
    """The server's state: `files` by path, and `requests` as they came: path and headers."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.failures: dict[str, list[tuple[int, dict[str, str]]]] = defaultdict(list)
        self.cuts: dict[str, list[int]] = defaultdict(list)
        """After how many bytes the next connections end."""
        self.holds: dict[str, int] = {}
        """After how many bytes the next answer waits until `go`."""
        self.go = threading.Event()
        self.reached = threading.Event()
        self.ranges = self.tags = True
        self.honest = True
        """Whether If-Range counts."""
        self.zipped = False
        self.kind = "application/octet-stream"
        self.url = ""

    def ranges_asked(self, path: str) -> list[str]:
        return [headers.get("range", "") for asked, headers in self.requests if asked == path]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Files

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        state, path = self.state, self.path
        headers = {name.lower(): value for name, value in self.headers.items()}
        state.requests.append((path, headers))
        if state.failures[path]:
            status, more = state.failures[path].pop(0)
            return self.answer(status, b"", more)
        if path not in state.files:
            return self.answer(404, b"", {})
        data = state.files[path]
        tag = f'"{hashlib.md5(data).hexdigest()}"'
        more = {"Content-Type": state.kind, **({"ETag": tag} if state.tags else {})}
        if state.zipped:
            return self.answer(200, gzip.compress(data), {**more, "Content-Encoding": "gzip"})
        asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        same = not state.honest or headers.get("if-range", tag) == tag
        if not (asked and state.ranges and same):
            return self.answer(200, data, more)
        first = int(asked[1])
        if first >= len(data):
            return self.answer(416, b"", {"Content-Range": f"bytes */{len(data)}"})
        self.answer(206, data[first:], {**more, "Content-Range": f"bytes {first}-{len(data) - 1}/{len(data)}"})

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        state, path = self.state, self.path
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            if path in state.holds and status in (200, 206):
                first = state.holds.pop(path)
                self.wfile.write(body[:first])
                self.wfile.flush()
                state.reached.set()
                state.go.wait(60)
                body = body[first:]
            if state.cuts[path] and status in (200, 206):
                body = body[: state.cuts[path].pop(0)]
                self.close_connection = True
            self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True


@contextmanager
def serving(**files: bytes) -> Iterator[Files]:
    """A server of its own, gone at the end of the block."""
    state = Files()
    state.files = {f"/{name}": data for name, data in files.items()}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"state": state}))
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.go.set()
        server.shutdown()
        server.server_close()
