"""`emozoo push`."""

from __future__ import annotations

from typing import Annotated

import typer

from emozoo.cli.options import Json, Token, own_folder, print_json


def push(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, also one over all folds.")],
    repository: Annotated[
        str, typer.Argument(metavar="USER/NAME", help="The repository on the Hub. It is created if it does not exist.")
    ],
    fold: Annotated[
        int | None,
        typer.Option(
            metavar="N", min=1, help="Of a run over all folds, publish this fold's model. Default: an ensemble of all."
        ),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Create the repository as private.")] = False,
    revision: Annotated[
        str | None,
        typer.Option(metavar="BRANCH", help="Branch to push to. It is created if it does not exist. Default: main."),
    ] = None,
    message: Annotated[str | None, typer.Option(metavar="TEXT", help="Commit message.")] = None,
    token: Token = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Publish nothing; show the files and the card that would be sent.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Publish a run and its model card on the Hugging Face Hub, and print the address."""
    from emozoo.cli.console import waiting
    from emozoo.cli.tables import show_push
    from emozoo.hub.reference import HUB_PREFIX
    from emozoo.publishing import push as publishing_push

    folder = own_folder(run, "a push")
    with waiting(f"publishing {repository}"):
        done = publishing_push.push(
            folder,
            repository.removeprefix(HUB_PREFIX),
            private=private,
            revision=revision,
            message=message,
            token=token,
            dry_run=dry_run,
            fold=fold,
        )
    if as_json:
        named = {"model": done.model} if done.model else {}
        print_json(
            {**named, "address": done.address, "commit": done.commit, "files": done.files, "removed": done.removed}
        )
    else:
        show_push(done)
