"""The process that a test's command is forked from."""

import os

import pytest
from support import warm
from support.small import emozoo


def test_a_command_is_never_forked_from_what_has_read_another_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = dict(os.environ)
    monkeypatch.setattr(warm, "_usual", usual)
    assert warm._server({**usual, "COLUMNS": "60", "EMOZOO_CACHE": "elsewhere", "OMP_NUM_THREADS": "1"}) is warm._full
    assert emozoo("--version").stdout.startswith("emozoo ")
    assert warm._server({**usual, "HF_HOME": "elsewhere"}) is warm._plain
    assert warm._server({name: value for name, value in usual.items() if name != "HF_HUB_OFFLINE"}) is warm._plain
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert warm._server(usual) is warm._server(os.environ) is warm._plain
