"""Models that have a name: the bundled ones, and those that plugins ship. Their names are model references.

Of plugins, only the module of a model that is used is imported.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from emozoo.checkpoint import bundled
from emozoo.errors import EmozooError
from emozoo.paths import user_path
from emozoo.registry.entry_points import MODELS, Plugin, find, installed, plugins
from emozoo.registry.loading import load_plugin
from emozoo.shipped import NAME, ShippedModel, shipped_problem


def names() -> list[str]:
    """The bundled ones, then those of plugins that are not switched off, sorted. A bundled model keeps its name."""
    own = bundled.names()
    return [*own, *sorted({plugin.name for plugin in plugins(MODELS)}.difference(own))]


def offered(reference: str | os.PathLike[str]) -> tuple[ShippedModel, Plugin] | None:
    """What a plugin says of the model of this name; None for another reference. Raises EmozooError for a plugin that is
    broken or, unless a folder has the name, switched off."""
    name = os.fspath(reference)
    if not NAME.fullmatch(name) or name in bundled.names():
        return None
    if all(plugin.name != name for plugin in installed(MODELS)):
        return None
    if name not in names() and user_path(name).exists():
        return None
    plugin = find(MODELS, name)
    return load_plugin(plugin, shipped_problem), plugin


def leads_to(reference: str | os.PathLike[str]) -> str:
    """`hub:user/name[@revision]` for the name of a plugin's model that lies there; another reference as it is."""
    found = offered(reference)
    return found[0].reference if found and found[0].on_hub else os.fspath(reference)


def folder_of(reference: str | os.PathLike[str]) -> Path | None:
    """The folder of a bundled model, or of a plugin's that lies beside the plugin's module; None for another reference. A
    folder of the user's that has the same name is reached as `./name`. Raises EmozooError where the plugin lacks it."""
    if own := bundled.folder_of(reference):
        return own
    found = offered(reference)
    if found is None or found[0].on_hub:
        return None
    model, plugin = found
    module = plugin.target.partition(":")[0].strip()
    spec = importlib.util.find_spec(module)  # it has been imported
    folder = Path(spec.origin).parent / model.reference if spec and spec.origin else None
    if folder is None or not folder.is_dir():
        raise EmozooError(
            f"the model {model.name!r} of {plugin.origin} has no folder {model.reference} beside {module}: install the "
            "plugin again, and if that does not help, tell its authors"
        )
    return folder
