"""Why the service does not answer: an HTTP status and one sentence, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from emozoo.text import SCHEMA, json_text

RETRY_SECONDS = 1
"""What a client is asked to wait where the service is busy."""
LONGEST = 500
"""Characters of a sentence."""


class Refused(Exception):
    """A request is not answered. `more` goes into the JSON beside the sentence."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def response(self) -> Response:
        return answer({**error(self.sentence), **self.more}, self.status, self.headers)


def busy(sentence: str) -> Refused:
    """For a client that may try again."""
    return Refused(503, sentence, headers={"Retry-After": str(RETRY_SECONDS)})


def error(sentence: str) -> dict[str, Any]:
    """The JSON of an error: one line."""
    words = " ".join(sentence.split())
    return {"schema": SCHEMA, "error": words if len(words) <= LONGEST else f"{words[: LONGEST - 3]}..."}


def answer(document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document as JSON."""
    return Response(json_text(document), status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")
