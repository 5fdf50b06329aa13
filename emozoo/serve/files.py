"""`POST /v1/predict` and `POST /v1/embed`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from emozoo.errors import EmozooError
from emozoo.inference.answers import Prediction, document
from emozoo.inference.checks import check_options
from emozoo.inference.options import PredictOptions
from emozoo.inference.together import adapt_together
from emozoo.serve.answering import answer_all, embed_upload, in_request_words, predict_upload
from emozoo.serve.asked import EMBED, PREDICT, read_asked
from emozoo.serve.batching import Joined
from emozoo.serve.models import Served
from emozoo.serve.refusal import Refused, answer
from emozoo.serve.service import Service, Slot
from emozoo.serve.upload import Form, read_form
from emozoo.text import SCHEMA

Handler = Callable[[Service, Slot, Request, Form], Awaitable[Response]]


def answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """A route that reads a form with files, while it holds a place among the requests in flight."""

    async def route(request: Request) -> Response:
        service: Service = request.app.state.service
        slot = service.take_slot()
        try:
            form = await read_form(request, service.limits)
            try:
                return await handler(service, slot, request, form)
            finally:
                form.close()
        finally:
            slot.let_go()

    return route


async def predict(service: Service, slot: Slot, request: Request, form: Form) -> Response:
    asked = read_asked(PREDICT, request.query_params.multi_items(), form.fields)
    served, options = service.model(asked.text("model")), asked.options(service.limits.timeout)
    model = _joined(served, options)
    work = partial(predict_upload, service, model, options)
    answers = await answer_all(service, slot, request, model, form.uploads, work)
    _count(service, served.name, [each.error for each in answers])
    bias = None
    if service.adapts:
        answers, bias = adapt_together(served.model, answers, options)
    return _answered(document(served.name, served.model.outputs, answers, options.timeline, bias), answers)


async def embed(service: Service, slot: Slot, request: Request, form: Form) -> Response:
    asked = read_asked(EMBED, request.query_params.multi_items(), form.fields)
    served, options = service.model(asked.text("model")), asked.options(service.limits.timeout)
    model = _joined(served, options)
    work = partial(embed_upload, service, model, options, bool(asked.boolean("windows")))
    found = await answer_all(service, slot, request, model, form.uploads, work)
    errors = [each["error"] for each in found if "error" in each]
    _count(service, served.name, [each.get("error") for each in found])
    document = {"model": served.name, "embeddings": found}
    if len(errors) < len(found):
        return answer({"schema": SCHEMA, **document})
    raise Refused(422, errors[0], more=document)


def _joined(served: Served, options: PredictOptions) -> Joined:
    """The model for one request. Raises Refused for options that it cannot have."""
    model = served.joined()
    try:
        check_options(model, options)
    except EmozooError as error:
        raise Refused(422, in_request_words(str(error))) from None
    return model


def _answered(found: dict[str, Any], answers: Sequence[Prediction]) -> Response:
    """Status 200, or 422 if no file could be answered: where `emozoo predict` ends with 2."""
    errors = [each.error for each in answers if each.error is not None]
    if len(errors) < len(answers):
        return answer(found)
    raise Refused(422, errors[0], more={key: value for key, value in found.items() if key != "schema"})


def _count(service: Service, model: str, errors: Sequence[str | None]) -> None:
    for error in errors:
        service.metrics.files.labels(model, "answered" if error is None else "failed").inc()
