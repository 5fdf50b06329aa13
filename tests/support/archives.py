"""Bytes that tests send: noise, and archives of files."""

import io
import random
import zipfile


def noise(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


def zipped(**files: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()
