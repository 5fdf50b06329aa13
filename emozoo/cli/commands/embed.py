"""`emozoo embed`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from emozoo.checkpoint.bundled import DEFAULT
from emozoo.cli.many import Address, Asked, EngineBy, EngineName, ShardOf, answer_many
from emozoo.cli.models import load_model, start_decoder
from emozoo.cli.options import (
    Backend,
    Device,
    Files,
    Hop,
    Json,
    Model,
    Precision,
    PrecisionOf,
    RunBy,
    Timeout,
    Vad,
    print_json,
)
from emozoo.text import printable

if TYPE_CHECKING:
    from emozoo.inference.embeddings import Embedding

Output = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        help="The file to write, which ends in .parquet or .npz. With a / at its end, a folder of Parquet files, to which "
        "clips without a row are added, as of emozoo predict --output.",
        show_default=False,
    ),
]
Windows = Annotated[
    bool, typer.Option("--windows", help="Write a row for each window (usually 3 seconds), not for each file.")
]


def embed(
    files: Files,
    output: Output,
    model: Model = DEFAULT,
    windows: Windows = False,
    hop: Hop = None,
    vad: Vad = None,
    backend: RunBy = Backend.torch,
    precision: PrecisionOf = Precision.fp32,
    timeout: Timeout = 20.0,
    engine: EngineBy = EngineName.local,
    address: Address = None,
    shard: ShardOf = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Write the embeddings of sound and video files: what the network makes of them before it decides.

    A file without a voice gets none. The exit status is 2, and nothing is written, if no file could be embedded.
    """
    from emozoo.cli.console import say, track, warn
    from emozoo.hub.reference import name_of
    from emozoo.inference.checks import check_options
    from emozoo.inference.embedding_tables import embedding_table, table_path
    from emozoo.inference.embeddings import embed_each
    from emozoo.inference.options import PredictOptions
    from emozoo.media.files import find_files
    from emozoo.version import version

    asked = Asked(model, backend, precision, device, engine, address, shard)
    asked.check(output.endswith("/"))
    options = PredictOptions(hop=hop, vad=vad, timeout=timeout)
    if output.endswith("/"):
        from emozoo.bulk.questions import Embeddings

        answer_many(asked, files, lambda _: Embeddings(options, windows), output, as_json)
        return
    place = table_path(output)
    names = asked.share(find_files(files, warn=warn), str)
    if not names:
        say(f"no file falls to --shard {asked.shard}, so {printable(output)} is not written")
        return
    start_decoder(names)
    loaded = load_model(model, backend, device, precision)
    check_options(loaded, options)
    done = _Summary(name_of(model), windows)
    try:
        with embedding_table(place, windows, {"emozoo.model": done.model, "emozoo.version": version()}) as table:
            for rows in track(embed_each(loaded, names, options, windows), "embedding", len(names)):
                for row in rows:
                    table.add(row)
                    done.add(row)
            if not done.rows:
                raise _NothingEmbedded
    except _NothingEmbedded:
        done.tell(None, as_json)
        say(f"error: nothing was embedded, so {printable(output)} was not written: name a file that can be read")
        raise typer.Exit(2) from None  # by the error's own way, a second document would follow that of --json
    done.tell(output, as_json)


class _NothingEmbedded(Exception):
    pass


class _Summary:
    """What was embedded, and what was not."""

    def __init__(self, model: str, windows: bool) -> None:
        self.model = model
        self.rows = 0
        self._windows = windows
        self._features = 0
        self._failed: list[dict[str, str]] = []

    def add(self, row: Embedding) -> None:
        from emozoo.cli.console import warn

        if row.vector is not None:
            self.rows += 1
            self._features = len(row.vector)
        if row.error is not None:
            reason = {} if row.reason is None else {"reason": row.reason}
            self._failed.append({"file": row.file, "error": row.error, **reason})
            warn(row.error)

    def tell(self, output: str | None, as_json: bool) -> None:
        """`output` is the file that was written; None: none was."""
        from emozoo.cli.console import out

        if as_json:
            print_json(
                {
                    "model": self.model,
                    "windows": self._windows,
                    "features": self._features or None,
                    "rows": self.rows,
                    "failed": self._failed,
                    "output": output,
                }
            )
        elif output is not None:
            failed = f", failed files: {len(self._failed)}" if self._failed else ""
            out.print(f"{output}: rows: {self.rows}, features: {self._features}{failed}", soft_wrap=True)
