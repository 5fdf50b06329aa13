"""The OpenAPI document of a service."""

from __future__ import annotations

from typing import Any

from emozoo.listening.pcm import FORMATS
from emozoo.serve.limits import Limits
from emozoo.serve.schemas import SCHEMAS
from emozoo.serve.service import Service
from emozoo.serve.upload import FILES
from emozoo.version import version

BOOLEAN = {"type": "boolean"}
_STATUSES = {
    400: "The body is no form with files.",
    401: "The token is missing or wrong.",
    403: "Another site made the request.",
    404: "No model has that name.",
    408: "The request arrived too slowly.",
    413: "A file is too large or too long, or there are too many.",
    415: "The body is no multipart/form-data.",
    421: "The service does not answer under that name (--allow-host).",
    426: "The address takes a WebSocket.",
    500: "The service failed.",
    503: "As many are in flight as may be, or the service is ending. Retry-After says when to try again.",
    504: "The answer takes too long.",
}
_ANYWHERE = (403, 421, 500)
_OF_FORMS = (400, 401, 404, 408, 413, 415, 503, 504)


def describe(service: Service) -> dict[str, Any]:
    """OpenAPI 3.1, for the models and limits of this service."""
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "emozoo serve",
            "version": version(),
            "summary": "Emotion in speech and video",
            "description": _limits(service.limits),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/predict": {"post": _form("Predict the emotion in files.", "serve-predict", _predict_options(service))},
            "/v1/embed": {
                "post": _form("Embed files: what the network makes of them.", "serve-embed", _embed_options(service))
            },
            "/v1/listen": {"get": _stream(service)},
            "/v1/models": {"get": _get("The models of this service.", "serve-models", 401, 503)},
            "/healthz": {"get": _get("Whether this service answers. Needs no token.", "serve-health", 503)},
            "/metrics": {"get": _text("Counters for Prometheus.", "text/plain", 401)},
            "/openapi.json": {"get": _text("This document. Needs no token.", "application/json", 503)},
            "/docs": {"get": _text("This document as a page. Needs no token.", "text/html", 503)},
            "/": {"get": {"summary": "Leads to /docs.", "responses": {"307": {"description": "See /docs."}}}},
        },
        "components": {"schemas": SCHEMAS},
    }
    if service.token is not None:
        found["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        for path in ("/v1/predict", "/v1/embed", "/v1/listen", "/v1/models", "/metrics"):
            for operation in found["paths"][path].values():
                operation["security"] = [{"bearer": []}]
    return found


def _limits(limits: Limits) -> str:
    return (
        f"A request holds at most {limits.files} files, {limits.megabytes:g} MB and {limits.seconds:g} s a file. "
        f"{limits.requests} requests and {limits.streams} streams are answered at a time, each request within "
        f"{limits.timeout:g} s. What is given is deleted with its answer. Options stand in the query or in the form."
    )


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(description: str, name: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": _reference(name)}}}


def _errors(*statuses: int) -> dict[str, Any]:
    return {str(status): _json(_STATUSES[status], "serve-error") for status in sorted({*statuses, *_ANYWHERE})}


def _get(summary: str, name: str, *statuses: int) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _json("The answer.", name), **_errors(*statuses)}}


def _text(summary: str, kind: str, *statuses: int) -> dict[str, Any]:
    answer = {"description": "The answer.", "content": {kind: {}}}
    return {"summary": summary, "responses": {"200": answer, **_errors(*statuses)}}


def _form(summary: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
    content = {"schema": {"type": "object", "required": [FILES], "properties": {FILES: files, **options}}}
    return {
        "summary": summary,
        "parameters": _parameters(options),
        "requestBody": {"required": True, "content": {"multipart/form-data": content}},
        "responses": {
            "200": _json("The answers, in the order of the files. Files that failed have an error.", name),
            **_errors(*_OF_FORMS),
            "422": {
                "description": "An option cannot be, or no file could be answered.",
                "content": {"application/json": {"schema": {"anyOf": [_reference("serve-error"), _reference(name)]}}},
            },
        },
    }


def _stream(service: Service) -> dict[str, Any]:
    return {
        "summary": "A WebSocket: raw samples in, a line of JSON out for each window.",
        "description": (
            'Samples go in as binary messages, and the text {"finish": true} after the last. What comes out is one line of '
            "serve-listen a message. The service closes with 1000 when the stream is finished, with 1001 when it ends, and "
            "with 4000 and the HTTP status after an error."
        ),
        "parameters": _parameters(_listen_options(service)),
        "responses": {"101": {"description": "The stream is open."}, **_errors(401, 426, 503)},
    }


def _parameters(options: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "query",
            "description": schema["description"],
            "schema": {key: value for key, value in schema.items() if key != "description"},
        }
        for name, schema in options.items()
    ]


def _voice_options(service: Service) -> dict[str, Any]:
    names = list(service.models)
    return {
        "model": {"enum": names, "default": names[0], "description": "Which model answers."},
        "hop": {"type": "number", "description": "Seconds from one window to the next; by default the model's."},
        "vad": {
            **BOOLEAN,
            "description": "Whether sound without speech gets no answer. Default: where speech can be found, and the model "
            "knows real voices.",
        },
    }


def _confidence_options() -> dict[str, Any]:
    return {
        "min_confidence": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
            "description": "Below it, the answer is null, with the reason unsure.",
        },
        "coverage": {
            "type": "number",
            "exclusiveMinimum": 0,
            "exclusiveMaximum": 1,
            "description": "Also gives the set of emotions that holds the true one in this share of cases, and the interval "
            "of each dimension that holds people's rating.",
        },
    }


def _predict_options(service: Service) -> dict[str, Any]:
    timeline = {**BOOLEAN, "default": False, "description": "Whether the windows' answers are given as well."}
    return {**_voice_options(service), **_confidence_options(), "timeline": timeline}


def _embed_options(service: Service) -> dict[str, Any]:
    windows = {
        **BOOLEAN,
        "default": False,
        "description": "Whether the windows' embeddings are given in place of their mean.",
    }
    return {**_voice_options(service), "windows": windows}


def _listen_options(service: Service) -> dict[str, Any]:
    return {
        **_voice_options(service),
        **_confidence_options(),
        "rate": {"type": "integer", "default": 16000, "description": "Samples a second."},
        "channels": {"type": "integer", "default": 1, "description": "Their mean is used."},
        "format": {"enum": list(FORMATS), "default": "s16le", "description": "How a sample is written, as in ffmpeg."},
    }
