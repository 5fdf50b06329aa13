"""Archives that strangers made: what is in them lands in its folder, or nothing does."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.archives import noise, zipped

from emozoo.data.download import is_safe_name
from emozoo.data.fetching.unpacking import unpack
from emozoo.errors import EmozooError


def write_tar(path: Path, *members: tarfile.TarInfo, data: bytes = b"x") -> None:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            member.size = len(data) if member.isreg() else 0
            archive.addfile(member, io.BytesIO(data))


@pytest.mark.parametrize("name", ["../out.wav", "/tmp/out.wav", "a/../../out.wav", "C:\\out.wav", "..\\out.wav"])
def test_no_archive_writes_outside_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "zip.zip").write_bytes(zipped(**{"good.wav": b"x", name: b"x"}))
    write_tar(tmp_path / "tar.tar.gz", tarfile.TarInfo("good.wav"), tarfile.TarInfo(name))
    for archive in ("zip.zip", "tar.tar.gz"):
        folder = tmp_path / f"{archive}-out" / "deep" / "deeper"
        folder.mkdir(parents=True)
        with pytest.raises(EmozooError, match="leads out of the folder"):
            unpack(tmp_path / archive, folder)
        assert not [path for path in (tmp_path / f"{archive}-out").rglob("*") if path.is_file()]


@given(st.text(st.sampled_from("ab./\\:~ \0"), max_size=9) | st.text(max_size=9))
def test_a_safe_name_is_below_its_folder_on_any_system(name: str) -> None:
    if is_safe_name(name):
        for path, folder in ((PurePosixPath, "/data/x"), (PureWindowsPath, "C:/data/x")):
            joined = path(folder) / name
            assert joined.is_relative_to(folder) and joined != path(folder) and ".." not in joined.parts


def test_links_bombs_and_damage_are_refused(tmp_path: Path) -> None:
    link, device = tarfile.TarInfo("link"), tarfile.TarInfo("device")
    link.type, link.linkname, device.type = tarfile.SYMTYPE, "/etc/passwd", tarfile.CHRTYPE
    write_tar(tmp_path / "link.tar", link)
    write_tar(tmp_path / "device.tar", device)
    zip_link = zipfile.ZipInfo("link")
    zip_link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(zip_link, "/etc/passwd")
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.wav", bytes(100_000_000))
    whole = zipped(**{"a.wav": noise(9000)})
    (tmp_path / "half.zip").write_bytes(whole[:5000])
    (tmp_path / "crc.zip").write_bytes(whole[:3000] + b"?" + whole[3001:])
    write_tar(tmp_path / "whole.tar", tarfile.TarInfo("a.wav"), data=noise(9000))
    (tmp_path / "half.tar").write_bytes((tmp_path / "whole.tar").read_bytes()[:5000])
    (tmp_path / "none.zip").write_bytes(b"<html>")
    for name, sentence in {
        "link.tar": "a link", "device.tar": "a link or device", "link.zip": "a link", "bomb.zip": "times its size",
        "half.zip": "damaged", "crc.zip": "damaged", "half.tar": "damaged", "none.zip": "damaged",
    }.items():  # fmt: skip
        with pytest.raises(EmozooError, match=sentence):
            unpack(tmp_path / name, tmp_path)
        assert (tmp_path / name).exists() == (sentence != "damaged")
    assert not list(tmp_path.glob("*.wav"))


def test_what_macos_adds_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zipped(**{"a/b.wav": b"x", "__MACOSX/a/._b.wav": b"y", "a/.DS_Store": b"z"}))
    assert unpack(tmp_path / "a.zip", tmp_path) == ["a/b.wav"]
