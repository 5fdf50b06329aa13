"""Takes the screenshots of docs/demo.md: the demo page in Chromium, with computed voices.

emozoo train av_fusion --dataset toy --epochs 4 && python research/demo.py runs/av_fusion-toy
"""

from __future__ import annotations

import argparse
import io
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parents[1] / "docs"
VOICES = HERE.parent / "emozoo" / "demo" / "voices"
FILM = str(VOICES / "face-and-voice.mp4")
TURNS = "start,end,speaker\n0.2,2.6,Anna\n2.8,5.4,Ben\n5.6,8.2,Ben\n"
"""Who speaks in it."""


@dataclass(frozen=True)
class Shot:
    """A screenshot: of how many models, with which clip (an example's button, or a file), how wide, light or dark."""

    models: int
    clip: str
    width: int = 1200
    scheme: str = "light"
    turns: bool = False
    """Whether the clip's segments are given, too."""
    whole: bool = True
    """Whether what a visitor must scroll to is shown."""


SHOTS = {
    "demo-light": Shot(1, FILM),
    "demo-dark": Shot(1, "quick voice", scheme="dark"),
    "demo-phone": Shot(1, "quick voice", 390, whole=False),
    "demo-speakers": Shot(1, FILM, turns=True, whole=False),
    "demo-video": Shot(2, "video, happy then sad"),
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


def shoot(browser: Any, address: str, shot: Shot, folder: Path) -> bytes:
    """A PNG of the page with the models' answers."""
    page = browser.new_page(viewport={"width": shot.width, "height": 844}, color_scheme=shot.scheme)
    page.set_default_timeout(300_000)
    page.goto(address)
    if shot.turns:
        (folder / "turns.csv").write_text(TURNS)
        page.get_by_role("button", name="Who speaks when").click()
        page.locator(".emz-who input[type=file]").set_input_files(str(folder / "turns.csv"))
        page.get_by_text("They hold for each clip").wait_for()
    if shot.clip == FILM:
        page.locator("input[type=file]").first.set_input_files(shot.clip)
    else:
        page.get_by_role("button", name=shot.clip, exact=True).click()
    page.locator(".emz-answer").nth(shot.models - 1).wait_for()
    page.locator(".emz-sound").wait_for()
    page.wait_for_function("document.querySelector('.emz-table')?.textContent.includes('...') === false")
    page.wait_for_timeout(1000)  # what fades, fades
    return page.screenshot(full_page=shot.whole)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", help="a model that takes video: a run's folder")
    model = parser.parse_args().model
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as place:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for both in (False, True):
            with serving("speech", *([model] if both else [])) as address:
                for name, shot in SHOTS.items():
                    if (shot.models == 2) == both:
                        screenshot = Image.open(io.BytesIO(shoot(browser, address, shot, Path(place))))
                        screenshot.convert("RGB").quantize(128).save(HERE / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
