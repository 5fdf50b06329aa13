"""The documentation site: it builds without torch and without the network, and everything public can be found in it."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.browser import browsing, needs_browser
from support.places import ROOT

for module in ("mkdocs", "material", "mkdocstrings"):
    pytest.importorskip(module, reason="needs emozoo[docs]")
PUBLIC = (
    "emozoo.load",
    "emozoo.EmotionModel",
    "emozoo.Listener",
    "emozoo.EmozooError",
    "emozoo.architecture.Architecture",
    "emozoo.architecture.Recipe",
    "emozoo.features.LogSpectrogram",
    "emozoo.features.LogMel",
    "emozoo.data.load_dataset",
    "emozoo.data.corpus.Corpus",
    "emozoo.testing.ArchitectureConformance",
    "emozoo.testing.DatasetConformance",
    "emozoo.media.read_audio",
    "emozoo.integrations.transformers.EmozooForAudioClassification",
    "emozoo.demo.serve",
    "emozoo.pretrained.pretrained_files",
)
WITHOUT_TORCH = (
    "import sys\nfrom mkdocs.__main__ import cli\n"
    "try: cli(sys.argv[1:], standalone_mode=False)\n"
    "finally: assert not {'torch', 'numpy', 'emozoo'} & set(sys.modules)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    nowhere = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH, "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, **nowhere, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr, done.stderr
    return folder


def pages(site: Path) -> dict[str, str]:
    return {
        page.parent.relative_to(site).as_posix(): page.read_text(encoding="utf-8") for page in site.rglob("index.html")
    }


def test_nothing_is_fetched_from_another_server(site: Path) -> None:
    for name, text in pages(site).items():
        fetched = re.findall(r'<(?:script|img|iframe|source)[^>]*\ssrc="?(https?:|//)', text)
        fetched += re.findall(r'<link[^>]*rel="?(?:stylesheet|preconnect|icon)"?[^>]*href="?(https?:|//)', text)
        assert not fetched, name


@pytest.mark.parametrize("name", PUBLIC)
def test_each_public_name_is_in_the_reference_with_its_docstring(name: str, site: Path) -> None:
    (text,) = [text for page, text in pages(site).items() if f'id="{name}"' in text]
    after = text.partition(f'id="{name}"')[2]
    described = after.partition('class="doc doc-contents')[2]
    assert re.search(r"<p>[^<]*\w+", described[:6000]), name


def test_what_users_look_for_is_found(site: Path) -> None:
    entries: Any = json.loads((site / "search" / "search_index.json").read_text(encoding="utf-8"))["docs"]
    everything = "\n".join(f"{entry['title']} {entry['text']}" for entry in entries).lower()
    for word in ("pretrained", "fine-tuning", "video", "speaker adaptation", "streaming", "bias", "read_audio"):
        assert word in everything, word


def test_links_that_leave_the_pages_still_lead_somewhere(site: Path) -> None:
    pictures = 0
    for name, text in pages(site).items():
        for path in re.findall(r'href="https://github\.com/emozoo/emozoo/(?:blob|edit)/main/([^"#]+)"', text):
            assert (ROOT / path).exists(), f"{name}: {path}"
        for path in re.findall(r'(?:src|href)="([^":]+\.png)"', text):
            assert (site / name / path).is_file(), f"{name}: {path}"
            pictures += "confusion" in path  # which lie outside of docs/
    assert pictures
    assert 'href="../more-datasets/"' in pages(site)["datasets"]


def test_lists_and_tables_are_no_paragraphs(site: Path) -> None:
    """mkdocs wants an empty line before them, which GitHub does not."""
    for name, text in pages(site).items():
        for paragraph in re.findall(r"<p>(.*?)</p>", re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL), re.DOTALL):
            assert not re.search(r"^\s*([-*] |\| |1\. )", paragraph, re.MULTILINE), f"{name}: {paragraph[:200]}"


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(site))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@needs_browser
def test_in_the_browser_it_asks_nobody_else_and_fits_a_phone(address: str) -> None:
    with browsing() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844})
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for place in ("", "install/", "results/", "benchmark/", "reference/architecture/"):
            page.goto(address + place)
            page.wait_for_load_state("networkidle")
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, place
        assert asked and all(url.startswith(address) for url in asked)
        wide = browser.new_page(viewport={"width": 1280, "height": 900})
        wide.goto(address)
        wide.click(".md-search__input")
        wide.keyboard.type("read_audio", delay=20)
        wide.locator(".md-search-result__item").filter(has_text="emozoo.media.read_audio").first.wait_for()
