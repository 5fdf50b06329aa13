"""Downloads the corpus of a dataset into a folder. Who calls this has made sure that the user accepts the terms."""

from __future__ import annotations

import shutil
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from emozoo.data.download import Download, RemoteFile, file_problem
from emozoo.data.fetching.bringing import bring, read_listing
from emozoo.data.fetching.of_hub import CACHE, bring_dataset
from emozoo.data.fetching.record import RECORD, Came, Report, Tally, read_record, recorded, write_record
from emozoo.data.fetching.unpacking import require_room, unpack
from emozoo.errors import EmozooError, blamed
from emozoo.text import shown

if TYPE_CHECKING:
    from emozoo.data.corpus import Corpus

LOCK = ".fetch.lock"
GRACE = 2.0
"""Seconds in which a download that is stopped may end what it is at."""
TOGETHER = 4
"""Files that come at once."""


@dataclass(frozen=True)
class Fetched:
    folder: Path
    files: int
    bytes: int
    anew: bool
    """False: it was there already."""


def offer_of(corpus: Corpus) -> Download:
    """Where the corpus can be downloaded. Raises EmozooError for one that cannot."""
    if corpus.download is not None:
        return corpus.download
    if corpus.synthetic:
        raise EmozooError(f"{corpus.name} is not downloaded: emozoo generates it, so --dataset {corpus.name} is enough")
    raise EmozooError(f"emozoo cannot fetch {corpus.name}: {corpus.obtain}".rstrip(". "))


def there(corpus: Corpus, folder: Path) -> Fetched | None:
    """The corpus, where an earlier fetch has put all of it into the folder and all is still there; else None.

    Raises EmozooError for a folder that holds something else."""
    record = read_record(folder)
    if record is None:
        if folder.exists() and not folder.is_dir():
            raise EmozooError(f"{folder} is a file: name a folder with --output")
        if folder.is_dir() and any(path.name != LOCK for path in folder.iterdir()):
            raise EmozooError(f"{folder} holds other files: name an empty or new folder with --output")
        return None
    if record.get("dataset") != corpus.name:
        other = shown(record.get("dataset"))[1:-1]
        raise EmozooError(f"{folder} holds the dataset {other}: name another folder with --output")
    came = recorded(record, folder)
    return came and _fetched(folder, came, anew=False) or None


def fetch(corpus: Corpus, folder: Path, report: Report = lambda tally: None) -> Fetched:
    """Downloads the corpus into the folder; what an earlier try brought is not sent again.

    Raises EmozooError where it cannot be had; what came by then is kept.
    """
    from filelock import FileLock, Timeout

    download = offer_of(corpus)
    if found := there(corpus, folder):
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            write_record(corpus, folder, [], complete=False)
            sent = _sent(corpus, download, folder, report)
            came, spent = _made(corpus, download, sent, folder)
            write_record(corpus, folder, came, complete=True)
            for path in spent:  # not before, or an interrupted command would have to download it again
                path.unlink(missing_ok=True)
            shutil.rmtree(folder / CACHE, ignore_errors=True)
    except Timeout:
        raise EmozooError(
            f"another emozoo fetch writes to {folder}: wait for it, or name another with --output"
        ) from None
    except OSError as error:
        raise EmozooError(f"cannot write {folder}: {error.strerror or error}") from error
    with suppress(OSError):
        (folder / LOCK).unlink()
    return _fetched(folder, came, anew=True)


def _fetched(folder: Path, came: Sequence[Came], *, anew: bool) -> Fetched:
    return Fetched(folder, len(came), sum(each.size for each in came), anew)


def _sent(corpus: Corpus, download: Download, folder: Path, report: Report) -> list[tuple[Came, bool]]:
    """The files as they were sent, and whether each is an archive."""
    if download.hub:
        try:
            return [(each, False) for each in bring_dataset(download.hub, download.patterns, folder, report)]
        except EmozooError as error:
            raise EmozooError(f"{error}; or download by hand from {download.page}") from error
    files = _files(corpus, download)
    had = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    needed = (sum(each.size or 0 for each in files) or download.size) - had
    require_room(folder, max(0, needed), f"the download of {corpus.name}")
    sent = _bring_all(files, folder, download, report)
    return [(one, file.unpack) for file, one in zip(files, sent, strict=True)]


def _made(
    corpus: Corpus, download: Download, sent: Sequence[tuple[Came, bool]], folder: Path
) -> tuple[list[Came], list[Path]]:
    """What the builder reads, made of what was sent; and the files that are not needed after that."""
    came, spent = [], []
    for one, packed in sent:
        if not packed:
            came.append(one)
            continue
        archive = folder / one.name
        spent.append(archive)
        for name in unpack(archive, archive.parent):
            path = archive.parent / name
            came.append(Came(path.relative_to(folder).as_posix(), path.stat().st_size, one.address, one.sha256))
    if download.prepare is None:
        return came, spent
    with blamed(corpus.name, "cannot make its recordings of what was downloaded"):
        spent += download.prepare(folder)
    known = {folder / each.name for each in came} | {folder / RECORD, folder / LOCK}
    made = [
        Came(path.relative_to(folder).as_posix(), path.stat().st_size)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path not in known and path.relative_to(folder).parts[0] != CACHE
    ]
    return [each for each in came if folder / each.name not in spent] + made, spent


def _files(corpus: Corpus, download: Download) -> Sequence[RemoteFile]:
    """The files to bring, checked."""
    if download.listing is None:
        return download.files
    address = download.listing.address
    answer = read_listing(address, download.page)
    try:
        files = tuple(download.listing.read(answer))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EmozooError(
            f"{address} answers with another list than before: download by hand from {download.page}"
        ) from error
    if not files:
        raise EmozooError(f"{address} lists no file of {corpus.name}: see {download.page}")
    if problems := [problem for each in files if (problem := file_problem(each))]:
        raise EmozooError(f"{address} is not to be trusted ({problems[0]}): download by hand from {download.page}")
    return files


def _bring_all(files: Sequence[RemoteFile], folder: Path, download: Download, report: Report) -> list[Came]:
    """Several files at once, in the order of `files`. Where one fails, the others are stopped, and what came is kept."""
    sizes = [each.size for each in files]
    tally = Tally(len(files), download.size or None if None in sizes else sum(filter(None, sizes)))
    stop, lock = threading.Event(), threading.Lock()

    def advance(count: int) -> None:
        with lock:
            tally.bytes += count
            report(tally)

    def one(file: RemoteFile) -> Came:
        target = folder / file.name
        digest = bring(file, target, download.page, advance, stop)
        with lock:
            tally.done += 1
            report(tally)
        return Came(file.name, target.stat().st_size, file.address, digest.partition(":")[2])

    todo, results = deque(enumerate(files)), SimpleQueue[tuple[int, Came | BaseException]]()

    def work() -> None:
        while not stop.is_set():
            try:
                number, file = todo.popleft()
            except IndexError:
                return
            try:
                results.put((number, one(file)))
            except BaseException as error:  # noqa: BLE001 - it is raised where the results are taken
                results.put((number, error))

    # No pool: it would wait for a server that is silent before an interrupted command may end.
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(TOGETHER, len(files)))]
    for thread in threads:
        thread.start()
    came: dict[int, Came] = {}
    try:
        while len(came) < len(files):
            number, result = results.get()
            if isinstance(result, BaseException):
                raise result
            came[number] = result
    finally:
        stop.set()
        end = time.monotonic() + GRACE
        for thread in threads:  # else the next call may meet what they are at
            thread.join(max(0.0, end - time.monotonic()))
    return [came[number] for number in range(len(files))]
