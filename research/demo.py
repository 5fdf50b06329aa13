"""Takes the screenshots of docs/demo.md: the demo page in Chromium, with synthetic clips.

emozoo train av_fusion --dataset toy && python research/demo.py runs/av_fusion-toy
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parents[1] / "docs"
SHOTS: dict[str, tuple[int, str, int, str]] = {  # file: models, example, width, colour scheme
    "demo-light": (1, "happy voice", 1200, "light"),
    "demo-dark": (1, "angry voice", 1200, "dark"),
    "demo-phone": (1, "sad voice", 390, "light"),
    "demo-video": (2, "video, happy then sad", 1200, "light"),
}


@contextmanager
def serving(*models: str) -> Iterator[str]:
    """The page's address."""
    words = [word for model in models for word in ("--model", model)]
    command = [sys.executable, "-m", "emozoo", "demo", "--port", "0", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def shoot(browser: Any, address: str, models: int, example: str, width: int, scheme: str) -> bytes:
    """A PNG of the page with the models' answers for an example."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.set_default_timeout(300_000)
    page.goto(address)
    page.get_by_role("button", name=example).click()
    page.locator(".emz-answer").nth(models - 1).wait_for()
    page.wait_for_function("document.querySelector('.emz-table')?.textContent.includes('...') === false")
    page.wait_for_timeout(1000)  # what fades, fades
    return page.screenshot(full_page=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model that takes video: a run's folder")
    model = parser.parse_args().model
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for both in (False, True):
            with serving("speech", *([model] if both else [])) as address:
                for name, (models, *how) in SHOTS.items():
                    if (models == 2) == both:
                        screenshot = Image.open(io.BytesIO(shoot(browser, address, models, *how)))
                        screenshot.convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
