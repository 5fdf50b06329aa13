"""The token of a service: read from a file, compared, never shown."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emozoo import EmozooError
from emozoo.serve.tokens import Token, read_token

SECRET = "s3cret-0123456789abcdef"


def file_of(folder: Path, content: bytes, mode: int = 0o600) -> Path:
    path = folder / "token"
    path.write_bytes(content)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"  {SECRET}\r\n\n"])
def test_a_token_is_the_word_in_its_file(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    token = read_token(file_of(tmp_path, content.encode()))
    assert token.fits(f"Bearer {SECRET}") and token.fits(f"bearer {SECRET}")
    assert not caplog.records


@pytest.mark.parametrize("content", [b"", b" \n\t\n", b"two words", b"\xff\xfe", b"a\0b", b"x" * 5000, "ü".encode()])
def test_a_file_without_a_token_is_refused_without_showing_it(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(EmozooError, match="--token-file") as refused:
        read_token(file_of(tmp_path, content))
    assert "two words" not in str(refused.value)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(EmozooError, match="cannot be read"):
            read_token(path)


@pytest.mark.skipif(os.name != "posix", reason="other systems have no modes")
def test_a_file_that_others_can_read_and_a_short_token_are_warned_about(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("emozoo"), "propagate", True)
    read_token(file_of(tmp_path, SECRET.encode(), 0o644))
    read_token(file_of(tmp_path, b"short"))
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2 and "other users" in told[0] and "guessed" in told[1]
    assert SECRET not in str(told) and "short:" not in str(told)


def test_a_token_is_in_no_repr() -> None:
    token = Token(SECRET)
    assert SECRET not in f"{token!r} {token} {[token]}"


@given(st.text())
def test_nothing_else_fits(header: str) -> None:
    assert not Token(SECRET).fits(header) and not Token(SECRET).fits(f"Bearer {header}")
