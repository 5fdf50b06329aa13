"""`emozoo fetch`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.cli.options import Json, print_json
from emozoo.errors import EmozooError

if TYPE_CHECKING:
    from emozoo.data.corpus import Corpus
    from emozoo.data.fetching.fetch import Fetched


def fetch(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A dataset. Without one: lists those that can be downloaded.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Where to put the corpus. Default: data/NAME.", show_default=False),
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="You have read the terms of the corpus, and accept them.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Download a corpus that is free to download, check it and unpack it.

    Shows the terms first. An interrupted download continues when the command is repeated.
    """
    if name is None:
        if output is not None or accept:
            raise EmozooError("name the dataset to download; emozoo fetch alone lists those that there are")
        return _list(as_json)
    from emozoo.cli.console import out, say
    from emozoo.cli.fetch_tables import downloading, show_terms
    from emozoo.data.fetching.fetch import fetch as bring
    from emozoo.data.fetching.fetch import offer_of, there
    from emozoo.data.loading import get_corpus
    from emozoo.paths import user_path

    corpus = get_corpus(name)
    download = offer_of(corpus)
    folder = user_path(output if output is not None else Path("data", corpus.name))
    found = there(corpus, folder)
    if found is None:
        show_terms(corpus, download)
        _require_acceptance(corpus, accept)
        with downloading(corpus.name) as report:
            found = bring(corpus, folder, report)
    following = f"emozoo train cnn_rnn --dataset {corpus.name} --data-dir {shlex.quote(str(folder))}"
    if as_json:
        print_json(_document(corpus, found, following))
        return
    files = f"{found.files:,} file{'s' * (found.files > 1)}"
    say(f"{corpus.name} {'is in' if found.anew else 'is already in'} {folder}: {files}; next:")
    out.print(following, soft_wrap=True)


def _require_acceptance(corpus: Corpus, accept: bool) -> None:
    """Raises EmozooError unless the user accepts the terms, by the option or when asked."""
    from emozoo.cli.console import err

    download = corpus.download
    assert download is not None
    if accept:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise EmozooError(
            f"the terms of {corpus.name} ({download.licence}) must be accepted before it is downloaded: "
            f"read {download.terms}, then repeat the command with --accept"
        )
    err.print("Do you accept these terms? [y/N]", end=" ")  # not by typer, which prints a blank on standard output
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise EmozooError(f"{corpus.name} was not downloaded, for its terms were not accepted")


def _document(corpus: Corpus, found: Fetched, following: str) -> dict[str, object]:
    download = corpus.download
    assert download is not None
    return {
        "dataset": corpus.name,
        "folder": str(found.folder),
        "state": "fetched" if found.anew else "present",
        "files": found.files,
        "bytes": found.bytes,
        "licence": download.licence,
        "terms": download.terms,
        "next": following,
    }


def _list(as_json: bool) -> None:
    from emozoo.cli.console import waiting, warn
    from emozoo.cli.fetch_tables import show_offers
    from emozoo.conformance.trial import checked_with_facts
    from emozoo.data.loading import get_corpus
    from emozoo.inspection.describe import describe_download
    from emozoo.registry.entry_points import DATASETS

    with waiting("checking plugins"):
        tried = [plugin for plugin, _ in checked_with_facts(DATASETS)]
    offers = []
    for plugin in tried:
        if plugin.problem:
            warn(f"the dataset {plugin.name} of {plugin.origin} is broken: {plugin.problem}")
        elif (corpus := get_corpus(plugin.name)).download is not None:
            told = {"name": corpus.name, "summary": corpus.summary, "language": corpus.language}
            offers.append({**told, **describe_download(corpus.download)})
    if as_json:
        print_json({"datasets": offers})
    else:
        show_offers(offers)
