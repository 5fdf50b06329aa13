"""A real browser, and real servers for it. Not a test itself: where there is no browser, the tests that ask for one skip."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    *(name for name in ("gradio", "playwright") if importlib.util.find_spec(name) is None),
    *([] if CHROMIUM else ["a Chromium (apt-get install chromium)"]),
]
needs_gradio = pytest.mark.skipif("gradio" in MISSING, reason="needs gradio")
needs_browser = pytest.mark.skipif(bool(MISSING), reason=f"needs {' and '.join(MISSING)}")
PATIENCE = 180_000
"""Milliseconds, where a busy machine answers late."""


class Server:
    """A page that is being served: its address, its process, and where it keeps what it is given."""

    def __init__(self, process: subprocess.Popen[str], address: str, home: Path) -> None:
        self.process, self.address, self.home = process, address, home

    def stop(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """The exit status, and what was said on standard error."""
        self.process.send_signal(number)
        _, told = self.process.communicate(timeout=120)
        return self.process.returncode, told

    def kept(self, content: bytes) -> list[Path]:
        """The files with these bytes that the server has lying about."""
        return [path for path in self.home.rglob("*") if path.is_file() and path.read_bytes() == content]


def _hear_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # tests that run in the background would hand on that it is ignored


@contextmanager
def serving(home: Path, *words: str, **environment: str) -> Iterator[Server]:
    """`python WORDS` which prints the address of a page; its temporary files lie in `home`."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": str(home), "no_proxy": "127.0.0.1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=_hear_interrupts,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert address, process.communicate(timeout=60)
        yield Server(process, address, home)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


@contextmanager
def browsing(**options: Any) -> Iterator[Any]:
    """A headless Chromium."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"],
            **options,
        )
        try:
            yield browser
        finally:
            browser.close()


def open_page(context: Any, address: str) -> Any:
    """A tab that shows the page, once it can be used."""
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("input[type=file]", state="attached")
    return page
