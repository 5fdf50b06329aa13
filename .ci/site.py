"""What mkdocs cannot do by itself: pages from outside of docs/, and links that leave it. It calls the functions by name.

A link works on GitHub, in docs/ and beside it: here it leads to the page that the site makes of its target, or to GitHub.
"""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/emozoo/emozoo/blob/main/"
PAGES = {
    "a-diarizer.md": "plugins/emozoo-sherpa/README.md",
    "changes.md": "CHANGELOG.md",
    "contributing.md": "CONTRIBUTING.md",
    "more-datasets.md": "plugins/emozoo-corpora/README.md",
    "pretrained-encoders.md": "plugins/emozoo-ssl/README.md",
    "speech.md": "emozoo/models/speech/README.md",
}
"""Pages of the site, and the files of the repository that they are."""
LINK = re.compile(r"(?<=\]\()(?!#|[a-z]+:)([^)#\s]+)(?=[)#])")
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)


def on_files(files: Files, config: Any) -> Files:
    for page, source in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / source).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    here = page.file.src_uri
    source = ROOT / PAGES[here] if here in PAGES else Path(config.docs_dir, here)
    change = partial(_target, source=source, here=here, config=config, files=files)
    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(change, part) for part in parts)


def _target(link: re.Match[str], source: Path, here: str, config: Any, files: Files) -> str:
    path = Path(os.path.normpath(source.parent / link[0]))
    docs = Path(config.docs_dir)
    if not path.exists():
        return link[0]  # mkdocs tells of it
    if path.is_relative_to(docs):
        uri = path.relative_to(docs).as_posix()
    else:
        place = path.relative_to(ROOT).as_posix()
        uri = next((page for page, file in PAGES.items() if file == place), "")
        if not uri and path.suffix == ".png":
            uri = place
            if not files.get_file_from_path(uri):
                files.append(File.generated(config, uri, abs_src_path=str(path)))
        if not uri:
            return REPOSITORY + place
    return os.path.relpath(uri, os.path.dirname(here)).replace(os.sep, "/")
