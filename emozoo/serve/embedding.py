"""The embeddings of a file of a request, as JSON."""

from __future__ import annotations

from typing import Any

from emozoo.inference.embeddings import Embedding


def embedding_dict(name: str, rows: list[Embedding], with_windows: bool) -> dict[str, Any]:
    """What `POST /v1/embed` answers for a file called `name`, from its row, or those of its windows."""
    first = rows[0]
    if first.error is not None:
        reason = {} if first.reason is None else {"reason": first.reason}
        return {"file": name, **reason, "error": first.error}
    if not with_windows:
        return {"file": name, "embedding": _numbers(first)}
    return {"file": name, "windows": [_window(row) for row in rows]}


def _window(row: Embedding) -> dict[str, Any]:
    span = {"start": row.start, "end": row.end}
    return {**span, "reason": row.reason} if row.vector is None else {**span, "embedding": _numbers(row)}


def _numbers(row: Embedding) -> list[float]:
    assert row.vector is not None
    return [float(number) for number in row.vector]
