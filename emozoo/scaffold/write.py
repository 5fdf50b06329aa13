"""`emozoo new`: writes a distribution with a working plugin, for its author to change.

The templates beside this file contain placeholders such as `$name`: those in `common` are for every kind.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import importlib.util
import keyword
import os
import re
import unicodedata
from collections.abc import Iterator
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from emozoo.errors import EmozooError
from emozoo.paths import atomic_folder, user_path
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, KINDS, READERS, installed
from emozoo.requirement import is_direct, line

LAYERS = {
    "architecture": ("architecture",),
    "video": ("architecture", "video"),
    "dataset": ("dataset",),
    "reader": ("reader",),
}
"""The folders of templates for each kind. If two have a file of one name, the later one is used."""
RESERVED = ("all", "emozoo", "hub")
"""Words that mean something else on the command line."""
LONGEST = 40
SUFFIX = ".template"
DIRECT = """
[tool.hatch.metadata]
allow-direct-references = true  # emozoo by its address; the package index takes a version only
"""
SUMMARIES = {
    "architecture": "Convolutions over the spectrogram and a mean over their map",
    "video": "Convolutions over the spectrogram and the frames, and a mean over their maps",
    "dataset": "a folder of files called SPEAKER_EMOTION_NUMBER.wav",
    "reader": "checkpoints with a config.json that names its library",
}
OFFERED = {
    "architecture": ((ARCHITECTURES, "architecture"),),
    "video": ((ARCHITECTURES, "architecture"),),
    "dataset": ((DATASETS, "corpus"),),
    "reader": ((READERS, "reader"), (ARCHITECTURES, "architecture")),
}
"""What the module of each kind offers: the groups of its entry points, and their attributes."""
LIBRARIES = {"dataset": "datasets"}
"""What a kind needs beside emozoo, if not torch."""


def write_plugin(kind: str, name: str, output: str | Path | None = None, *, emozoo_from: str | None = None) -> Path:
    """Writes the distribution of a plugin, completely or not at all. Returns its folder: `output`, or one in the current
    folder with the name of the distribution.

    `kind` is architecture, video (an architecture for audio and frames), dataset or reader. `emozoo_from` is the emozoo that
    it depends on, a version, a URL or a path; None: the installed one or newer. Raises EmozooError for an invalid or taken
    name, and for a folder that exists or cannot be written.
    """
    check_name(name)
    words = _words(kind, name, line(emozoo_from, operator=">="))
    folder = user_path(words["distribution"] if output is None else output)
    if os.path.lexists(folder):
        raise EmozooError(f"{folder} exists already and is left as it is: name another folder with --output")
    with atomic_folder(folder) as temporary:
        for place, text in _files(kind, words):
            path = temporary / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return folder


def check_name(name: str) -> None:
    """Raises EmozooError, with a valid name if possible, for a name that is invalid or taken."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name):
        raise EmozooError(
            f"{ascii(name)[:80]} cannot be a plugin's name: small letters, digits and single underscores, beginning with "
            f"a letter{_suggestion(name)}"
        )
    if len(name) > LONGEST:
        raise EmozooError(f"{name[:LONGEST]}... is {len(name)} letters long: a plugin's name has {LONGEST} at most")
    if keyword.iskeyword(name) or keyword.iskeyword(_class(name)):
        raise EmozooError(f"{name} cannot be a plugin's name: it is a word of Python; write {name}_net, for instance")
    if name in RESERVED or name.startswith("emozoo_"):
        rest = name.removeprefix("emozoo_")
        better = f"write {rest}, which makes the distribution emozoo-{_dashed(rest)}"
        way_out = better if rest != name else "choose another"
        raise EmozooError(f"{name} cannot be a plugin's name, it means something else to emozoo: {way_out}")
    _check_free(name)


def _check_free(name: str) -> None:
    """Raises EmozooError if a plugin, a distribution or a module has the name."""
    for group, kind in KINDS.items():
        for plugin in installed(group):
            if plugin.name == name:
                raise EmozooError(f"the name {name} is taken by the {kind} of {plugin.origin}: choose another")
    distribution = f"emozoo-{_dashed(name)}"
    module = f"emozoo_{name}"
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        raise EmozooError(f"the distribution {distribution} {version} is installed already: choose another name")
    if importlib.util.find_spec(module) is not None:
        raise EmozooError(f"there is a module {module} already, which the plugin's would hide: choose another name")


def _suggestion(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).encode("ascii", "ignore").decode()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)  # MyNet
    better = re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")
    if better and not better[0].isalpha():
        better = f"net_{better}"
    return f"; write {better}" if better and len(better) <= LONGEST else ""


def _dashed(name: str) -> str:
    return name.replace("_", "-")


def _class(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _words(kind: str, name: str, needs: str) -> dict[str, str]:
    """The values of the templates' placeholders."""
    entries = [
        f'[project.entry-points."{group}"]\n{name} = "emozoo_{name}:{attribute}"\n'
        for group, attribute in OFFERED[kind]
    ]
    return {
        "name": name,
        "Class": _class(name),
        "module": f"emozoo_{name}",
        "distribution": f"emozoo-{_dashed(name)}",
        "variable": f"EMOZOO_{name.upper()}",
        "entries": "\n".join(entries),
        "library": LIBRARIES.get(kind, "torch"),
        "ending": "mp4" if kind == "video" else "wav",
        "summary": SUMMARIES[kind],
        "emozoo": needs,
        "direct": DIRECT if is_direct(needs) else "",
    }


def _files(kind: str, words: dict[str, str]) -> list[tuple[str, str]]:
    """Each file's path and text."""
    root = importlib.resources.files("emozoo.scaffold") / "templates"
    found: dict[str, str] = {}
    for layer in ("common", *LAYERS[kind]):
        for place, template in _templates(root / layer, ()):
            found["/".join(_named(part, words) for part in place)] = Template(template).substitute(words)
    return sorted(found.items())


def _templates(folder: Traversable, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _templates(entry, (*place, entry.name))
        elif entry.name.endswith(SUFFIX):
            yield (*place, entry.name.removesuffix(SUFFIX)), entry.read_text(encoding="utf-8")


def _named(part: str, words: dict[str, str]) -> str:
    """A part of a template's path in the distribution: the names of the module and its test, hidden files with a dot."""
    special = {"module": words["module"], "test_name.py": f"test_{words['name']}.py"}
    return special.get(part) or (f".{part}" if part in ("gitignore", "github") else part)
