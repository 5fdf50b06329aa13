"""Trying third parties' plugins: whatever one does, `emozoo list` says it, soon, and once."""

import json
import os
import textwrap
import time
from pathlib import Path

import pytest
from support.distributions import GOOD, distribution, emozoo, site

from emozoo.conformance import trial
from emozoo.conformance.trial import checked, try_elsewhere
from emozoo.registry.entry_points import ARCHITECTURES, KINDS
from emozoo.registry.loading import get_architecture

__all__ = ["site"]  # a fixture


def test_list_names_each_plugin_with_its_distribution_and_what_is_wrong(site: Path, tmp_path: Path) -> None:
    done = emozoo("list", "--json", path=site, cache=tmp_path / "cache")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)  # nothing that a plugin prints gets in here
    states = {(p["distribution"], p["name"]): (p["state"], p["problem"]) for p in listed["architectures"]}
    assert states["good-net", "good"] == ("ok", None)
    assert states["loud-net", "loud"] == ("ok", None)
    assert states["emozoo", "cnn"] == ("ok", None)
    for origin, name, words in [
        ("raising-net", "raising", "RuntimeError: boom"),
        ("exiting-net", "exiting", "exit status 3"),
        ("missing-net", "missing", "nothing"),
        ("wrong-net", "wrong", "'other'"),
        ("greedy-net", "cnn", "taken by emozoo"),
    ]:
        state, problem = states[origin, name]
        assert state == "broken" and words in problem
    bad = next(p for p in listed["datasets"] if p["name"] == "bad")
    assert "not an emozoo.data.corpus.Corpus" in bad["problem"]
    assert {p["version"] for p in listed["architectures"] if p["distribution"] != "emozoo"} == {"1.2"}


def test_list_as_a_table_names_the_reason_too(site: Path, tmp_path: Path) -> None:
    done = emozoo("list", path=site, cache=tmp_path / "cache")
    assert "raising-net" in done.stdout and "RuntimeError: boom" in done.stdout


def test_verdicts_are_remembered_until_the_plugin_changes(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    tried: list[str] = []
    really = try_elsewhere
    monkeypatch.setattr(trial, "try_elsewhere", lambda ps: tried.extend(p.name for p in ps) or really(ps))
    checked(ARCHITECTURES)
    assert "raising" in tried and "cnn" not in tried  # emozoo's own are not tried
    tried.clear()
    checked(ARCHITECTURES)
    assert tried == []
    source = site / "raising_net.py"
    source.write_text(textwrap.dedent(GOOD.format(name="raising")))
    stat = source.stat()
    os.utime(source, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**10))
    repaired = {p.name: p.problem for p in checked(ARCHITECTURES)}
    assert "raising" in tried and repaired["raising"] is None


def test_list_works_where_the_cache_cannot_be_written(site: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = emozoo("list", path=site, cache=tmp_path / "file" / "cache")
    assert done.returncode == 0 and "RuntimeError: boom" in done.stdout


def test_a_plugin_that_hangs_is_given_up_and_the_others_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tmp_path / "started"
    hanging = f"""
        import subprocess, time
        process = subprocess.Popen(["sleep", "600"])
        with open({str(started)!r}, "a") as file:
            file.write(f"{{process.pid}} ")
        time.sleep(600)
    """
    distribution(tmp_path / "site", "slow-net", {"slow": "slow_net:architecture"}, hanging)
    distribution(tmp_path / "site", "good-net", {"good": "good_net:architecture"}, GOOD.format(name="good"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "IMPORT_SECONDS", 5)
    for _ in range(2):  # the second time from memory
        problems = {p.name: p.problem for p in checked(*KINDS)}
        assert problems["slow"] == "its import did not end within 5 s" and problems["good"] is None
    (child,) = started.read_text().split()
    for _ in range(100):
        if not is_running(int(child)):
            break
        time.sleep(0.05)
    assert not is_running(int(child))  # nothing is left behind


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_plugin_that_was_only_slow_is_acquitted_when_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = "\n    import time\n    time.sleep(4)"
    distribution(tmp_path / "site", "late-net", {"late": "late_net:architecture"}, slow + GOOD.format(name="late"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "IMPORT_SECONDS", 1)
    assert {p.name: p.problem for p in checked(*KINDS)}["late"]
    get_architecture("late")
    assert {p.name: p.problem for p in checked(*KINDS)}["late"] is None


def test_a_plugin_that_is_still_computing_gets_more_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = "\n    import time\n    end = time.process_time() + 1\n    while time.process_time() < end: pass"
    distribution(tmp_path / "site", "busy-net", {"busy": "busy_net:architecture"}, busy + GOOD.format(name="busy"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trial, "IMPORT_SECONDS", 0)
    monkeypatch.setattr(trial, "BUSY_SECONDS", 100)
    assert {p.name: p.problem for p in checked(*KINDS)}["busy"] is None
    endless = "while True: pass"
    distribution(tmp_path / "site", "endless-net", {"endless": "endless_net:architecture"}, endless)
    monkeypatch.setattr(trial, "BUSY_SECONDS", 1)
    assert "did not end" in ({p.name: p.problem for p in checked(*KINDS)}["endless"] or "")


def test_of_one_distribution_only_the_plugin_that_ends_the_process_is_to_blame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = {"a": "many_net:architecture", "b": "many_net:end_", "c": "many_net:architecture"}
    source = GOOD.format(name="a") + "    def __getattr__(name):\n        import os\n        os._exit(7)\n"
    distribution(tmp_path / "site", "many-net", entries, source)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.setenv("EMOZOO_CACHE", str(tmp_path / "cache"))
    problems = {p.name: p.problem for p in checked(ARCHITECTURES)}
    assert problems["a"] is None
    assert problems["b"] == "its import ended the process (exit status 7)"
    assert "they must agree" in (problems["c"] or "")
