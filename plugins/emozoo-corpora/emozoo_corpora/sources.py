"""Lists of the files of a corpus, as the places give them where corpora are published. Nothing is asked here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from emozoo import EmozooError
from emozoo.data.corpus import Listing, RemoteFile

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz")


def zenodo(record: int, wanted: Callable[[str], bool] = lambda name: True) -> Listing:
    """The files of a record of Zenodo whose names are wanted, with sizes and MD5."""
    address = f"https://zenodo.org/api/records/{record}"

    def read(answer: Any) -> list[RemoteFile]:
        return [
            RemoteFile(
                f"{address}/files/{quote(each['key'])}/content",
                each["key"],
                size=int(each["size"]),
                checksum=_checksum(each.get("checksum", "")),
                unpack=_packed(each["key"]),
            )
            for each in answer["files"]
            if wanted(each["key"])
        ]

    return Listing(address, read)


def dataverse(host: str, identifier: str) -> Listing:
    """The files of a dataset of a Dataverse, such as Borealis, with sizes and MD5."""

    def read(answer: Any) -> list[RemoteFile]:
        files = []
        for each in answer["data"]:
            if each.get("restricted"):
                raise EmozooError(f"some files of {identifier} at {host} are restricted: ask for them there")
            file = each["dataFile"]
            told = file.get("checksum") or {"type": "MD5", "value": file.get("md5", "")}
            folder = f"{each['directoryLabel']}/" if each.get("directoryLabel") else ""
            files.append(
                RemoteFile(
                    f"https://{host}/api/access/datafile/{int(file['id'])}",
                    folder + file["filename"],
                    size=int(file["filesize"]),
                    checksum=_checksum(f"{told['type'].lower().replace('-', '')}:{told['value']}"),
                    unpack=_packed(file["filename"]),
                )
            )
        return files

    query = f"persistentId={quote(identifier, safe=':/')}"
    return Listing(f"https://{host}/api/datasets/:persistentId/versions/:latest-published/files?{query}", read)


def _packed(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _checksum(told: str) -> str:
    """As emozoo writes it; empty for a kind that it does not know."""
    kind, _, value = told.lower().partition(":")
    return f"{kind}:{value}" if kind in ("md5", "sha256") and value else ""
