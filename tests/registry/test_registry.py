"""Plugins as a user's environment has them: real distributions on the path, listed and used by real processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.distributions import GOOD, distribution, emozoo, site

from emozoo import EmozooError
from emozoo.data.loading import get_corpus
from emozoo.registry.entry_points import ARCHITECTURES, plugins
from emozoo.registry.loading import get_architecture

__all__ = ["site"]  # a fixture


def test_a_broken_plugin_costs_the_others_nothing(site: Path, tmp_path: Path) -> None:
    # Longer than the time that a command gets here: nothing but emozoo list may import it.
    distribution(site, "hanging-net", {"hanging": "hanging_net:architecture"}, "import time; time.sleep(600)")
    assert emozoo("--help", path=site, cache=tmp_path).returncode == 0
    done = emozoo("info", "cnn", "--json", path=site, cache=tmp_path)
    assert done.returncode == 0 and json.loads(done.stdout)["distribution"].startswith("emozoo ")
    done = emozoo("info", "raising", path=site, cache=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "error: the architecture 'raising' of raising-net 1.2 cannot be used: RuntimeError: boom"
    ]


def test_damaged_metadata_of_one_distribution_costs_the_others_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    distribution(site, "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    distribution(site, "torn-net", {}, "")
    (site / "torn_net-1.2.dist-info" / "entry_points.txt").write_text("[emozoo.architectures]\nno equals sign\n")
    done = emozoo("list", "--json", path=site, cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    names = {p["name"] for p in json.loads(done.stdout)["architectures"]}
    assert {"good", "cnn"} <= names


@pytest.mark.parametrize("words", [["--help"], ["list"], ["train", "--help"], ["--version"]])
def test_help_and_list_import_nothing_heavy(words: list[str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['emozoo', *sys.argv[1:]]\nfrom emozoo.cli.app import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'datasets', 'transformers', 'torchvision', 'matplotlib', 'pydantic'}\n"
        "heavy &= set(sys.modules)\n"
        "print('HEAVY', sorted(heavy))"
    )
    environment = {**os.environ, "EMOZOO_CACHE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code, *words], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "HEAVY []", done.stdout + done.stderr


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(EmozooError, match="no architecture is named 'cnn_rmn'; did you mean cnn_rnn"):
        get_architecture("cnn_rmn")
    with pytest.raises(EmozooError, match="no dataset is named 'xyzzy'; known: iemocap, manifest, ravdess, toy"):
        get_corpus("xyzzy")


def test_of_two_claims_the_first_distribution_by_name_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("zeta-net", "alpha-net"):
        distribution(tmp_path, name, {"same": f"{name.replace('-', '_')}:architecture"}, GOOD.format(name="same"))
    monkeypatch.syspath_prepend(str(tmp_path))
    same = [p for p in plugins(ARCHITECTURES) if p.name == "same"]
    assert [(p.distribution, p.problem is None) for p in same] == [("alpha-net", True), ("zeta-net", False)]
    assert get_architecture("same").build.__module__ == "alpha_net"


BROKEN_CONTRACTS = {
    "not an emozoo.architecture.Architecture": "architecture = object()",
    "modalities are": GOOD.replace('("audio",)', '("smell",)'),
    "not a dataclass": GOOD.replace("config=Config", "config=dict"),
    "not a frozen dataclass": GOOD.replace("(frozen=True)", "(frozen=False)"),
    "'size' has no default": GOOD.replace("size: int = 3", "size: int"),
    "name of a recipe field": GOOD.replace("size: int = 3", "epochs: int = 3"),
    "version 99 of the plugin contract.*: install a newer emozoo": GOOD.replace(
        "build=build", "build=build, contract=99"
    ),
    "version 0 of the plugin contract.*: install a newer release of the plugin": GOOD.replace(
        "build=build", "build=build, contract=0"
    ),
    "build cannot be called": GOOD.replace("build=build", "build=None"),
}


@pytest.mark.parametrize("words", BROKEN_CONTRACTS)
def test_each_broken_promise_is_named(words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = f"net{abs(hash(words))}"
    distribution(tmp_path, module, {"odd": f"{module}:architecture"}, BROKEN_CONTRACTS[words].replace("{name}", "odd"))
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(EmozooError, match=words):
        get_architecture("odd")


def test_what_a_plugin_prints_while_it_is_imported_is_in_no_result(site: Path, tmp_path: Path) -> None:
    code = (
        "from emozoo.registry.loading import get_architecture; architecture = get_architecture('loud'); "
        "print(architecture.name, flush=True); import os; os.write(1, b'still here')"
    )
    environment = {**os.environ, "PYTHONPATH": str(site), "EMOZOO_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout == "loud\nstill here"
    assert done.stderr.count("LOUD") == 5


@pytest.mark.parametrize(
    ("allowed", "good", "loud"),
    [
        (None, True, True),
        ("", False, False),
        ("good", True, False),
        (" Good_Net ,", True, False),
        ("loud-net,good", True, True),
        ("cnn", False, False),
    ],
)
def test_a_variable_says_which_plugins_are_looked_at(
    allowed: str | None, good: bool, loud: bool, site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    if allowed is not None:
        monkeypatch.setenv("EMOZOO_PLUGINS", allowed)
    names = {(p.name, p.distribution) for p in plugins(ARCHITECTURES)}
    assert (("good", "good-net") in names, ("loud", "loud-net") in names) == (good, loud)
    assert ("cnn", "emozoo") in names  # emozoo's own are always there
    assert (("raising", "raising-net") in names) == (allowed is None)


def test_a_plugin_that_is_switched_off_is_called_so(site: Path, tmp_path: Path) -> None:
    done = emozoo("info", "good", path=site, cache=tmp_path, EMOZOO_PLUGINS="loud-net")
    assert done.returncode == 2 and done.stderr.splitlines() == [
        "error: the architecture 'good' of good-net 1.2 is switched off: the environment variable EMOZOO_PLUGINS does not "
        "name it; unset it, or add good-net"
    ]
    done = emozoo("list", "--json", path=site, cache=tmp_path, EMOZOO_PLUGINS="loud-net,lowd-net")
    listed = json.loads(done.stdout)
    assert {p["name"] for p in listed["architectures"] if p["distribution"] != "emozoo"} == {"loud"}
    assert "EMOZOO_PLUGINS names 'lowd-net', but no installed plugin or distribution has that name" in done.stderr
    assert "switched off" in done.stderr and "good (good-net)" in done.stderr and "loud (" not in done.stderr


def test_metadata_without_a_name_costs_the_others_nothing(tmp_path: Path) -> None:
    site = tmp_path / "site"
    distribution(site, "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    distribution(site, "bare-net", {"bare": "bare_net:architecture"}, GOOD.format(name="bare"))
    (site / "bare_net-1.2.dist-info" / "METADATA").unlink()
    done = emozoo("list", "--json", path=site, cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    assert {"good", "cnn"} <= {p["name"] for p in json.loads(done.stdout)["architectures"]}
