"""The picture in docs/architecture.md is the code: each room on its floor, and every import downwards."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from support.places import ROOT

PACKAGE = ROOT / "emozoo"
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}


def drawn() -> list[set[str]]:
    """The rooms of each floor, the highest first."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (picture,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    return [set(line.split(maxsplit=1)[1].split(" · ")) for line in picture.splitlines()]


def imports(path: Path) -> Iterator[str]:
    """The modules of emozoo that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in names]
        else:
            continue
        yield from (name for name in names if name in MODULES)


def defined(path: Path) -> Iterator[str]:
    """The names that a module defines at its top, or hands on itself by `import name as name`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                yield from (each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield name
            case ast.ImportFrom(names=names):
                yield from (alias.name for alias in names if alias.asname == alias.name)


def room_of(module: str) -> str:
    return (module.split(".") + ["__init__"])[1]


def test_each_room_stands_on_one_floor_of_the_picture() -> None:
    rooms = [room for floor in drawn() for room in floor]
    assert len(rooms) == len(set(rooms))
    assert {*rooms, "__init__"} == {room_of(module) for module in MODULES}


def test_every_import_goes_to_a_lower_floor() -> None:
    floors = drawn()
    height = {room: len(floors) - number for number, floor in enumerate(floors) for room in floor}
    below: dict[str, int] = {}
    for module, path in MODULES.items():
        own = room_of(module)
        if own == "__init__":
            continue
        for other in map(room_of, imports(path)):
            if other not in (own, "__init__"):
                assert height[other] < height[own], f"{module} imports {other}, which is not below it"
                below[own] = max(below.get(own, 0), height[other])
    for room, own in height.items():
        assert own == below.get(room, 0) + 1, f"{room} stands higher than what it imports asks for"


def test_the_linter_holds_the_same_floors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    assert [set(layer.split(" | ")) for layer in layers] == drawn()


def test_each_module_says_what_lives_there() -> None:
    assert not [name for name, path in MODULES.items() if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]


def test_a_package_hands_names_on_from_where_they_are_defined() -> None:
    found = 0
    for module, path in MODULES.items():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "hand_on":
                package = node.args[0].value if isinstance(node.args[0], ast.Constant) else module
                for name, home in ast.literal_eval(node.args[1]).items():
                    assert name in defined(MODULES[f"{package}.{home}"]), f"{module} takes {name} from {home}"
                    found += 1
    assert found > 30


def test_the_core_names_no_plugin_and_no_dataset() -> None:
    """A dataset says itself what it can; only `emozoo.data.corpora` knows which ones there are."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {name for group in project["entry-points"].values() for name in group}
    assert {"cnn", "toy"} <= names
    for module, path in MODULES.items():
        if not module.startswith("emozoo.data.corpora"):
            words = {
                node.value for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Constant)
            }
            if module == "emozoo.data.tables.places":
                words -= {"manifest"}  # of the file manifest.csv
            assert not words & names, module
            assert not [name for name in imports(path) if name.startswith("emozoo.data.corpora.")], module
