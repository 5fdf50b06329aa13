"""JSON Schemas (draft 2020-12) of what the service answers. docs/schema/ has them as files; fields are only added."""

from __future__ import annotations

from typing import Any

from emozoo.target import TARGETS

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_TEXT: dict[str, Any] = {"type": "string"}
_SHARE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
_SECONDS: dict[str, Any] = {"type": "number", "minimum": 0}
_VECTOR: dict[str, Any] = {"type": "array", "items": {"type": "number"}, "minItems": 1}
_SCHEMA: dict[str, Any] = {"const": 1, "description": "Version of this document. Fields may be added to it."}
_ERROR: dict[str, Any] = {"type": "string", "minLength": 1, "description": "Why there is no answer, in one sentence."}
_ANSWER: dict[str, Any] = {
    "emotion": {
        "type": ["string", "null"],
        "description": "The most probable label; null where there is a reason, and where a model of several labels "
        "finds none of them.",
    },
    "probabilities": {
        "type": "object",
        "additionalProperties": _SHARE,
        "description": "By label; they add up to 1, unless a model finds several labels.",
    },
    "dimensions": {
        "type": "object",
        "additionalProperties": {"type": "number"},
        "description": "Of a model that answers with dimensions, beside an emotion or instead of it: about 0 to 1.",
    },
    "ratings": {
        "type": "object",
        "additionalProperties": {"type": "number"},
        "description": "The dimensions on the scale of the corpus that the model was trained on, where it is known.",
    },
    "intervals": {
        "type": "object",
        "additionalProperties": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
        "description": "Between which values people's rating lies in the share of cases that was asked for.",
    },
    "emotions": {
        "type": "array",
        "items": _TEXT,
        "description": "Of a model whose clips may have several labels: all that are there, the most probable first.",
    },
    "reason": {"enum": ["silent", "no speech", "too short", "unsure"], "description": "Why there is no emotion."},
    "speech": {**_SHARE, "description": "How much of the sound is speech, where that was searched for."},
    "prediction_set": {
        "type": "array",
        "items": _TEXT,
        "description": "The labels that hold the true one in the share of cases that was asked for.",
    },
}
_SCALE: dict[str, Any] = {
    "type": "array",
    "items": {"type": "number"},
    "minItems": 2,
    "maxItems": 2,
    "description": "The lowest and the highest rating, where the model knows the scale of its corpus.",
}
_SPAN: dict[str, Any] = {"start": _SECONDS, "end": _SECONDS}


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


def _list(of: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "array", "items": of, **more}


_EITHER = [{"required": ["emotion"]}, {"required": ["dimensions"]}]
_WINDOW = {**_object("start end", **_SPAN, **_ANSWER), "anyOf": _EITHER}
_FILE = {
    **_object(
        "file",
        file={"type": "string", "description": "The name that the client gave the file."},
        **_ANSWER,
        error=_ERROR,
        modalities=_list({"enum": ["audio", "video"]}),
        warnings=_list(_TEXT, description="What is wrong with a file that was answered nonetheless."),
        windows=_list(_WINDOW, description="Only with timeline=true."),
    ),
    "anyOf": [*_EITHER, {"required": ["error"]}],
}
_EMBEDDED = {
    **_object(
        "file",
        file={"type": "string", "description": "The name that the client gave the file."},
        embedding={**_VECTOR, "description": "The mean over the file's windows."},
        windows=_list(
            _object("start end embedding", **_SPAN, embedding=_VECTOR), description="Only with windows=true."
        ),
        reason={"enum": ["silent", "no speech", "too short"]},
        error=_ERROR,
    ),
    "anyOf": [{"required": ["embedding"]}, {"required": ["windows"]}, {"required": ["error"]}],
}
_ADAPTED = {
    **_object(
        "to recordings adapted_with note",
        to={"const": "recordings"},
        recordings={"type": "integer", "minimum": 0, "description": "How many were answered."},
        adapted_with={"type": "integer", "minimum": 0, "description": "As many; 0 where nothing was subtracted."},
        note={"type": "string", "minLength": 1, "description": "What was done, or why nothing was."},
    ),
    "description": "With --adapt recordings: the answers are without the bias that the recordings show together.",
}
_MODEL = _object(
    "name labels modalities optional sampling_rate window_seconds streams",
    name={"type": "string", "description": "What requests call it: model=NAME."},
    labels=_list(_TEXT, minItems=1, description="The emotions; of a model of dimensions alone, these."),
    target={"enum": list(TARGETS), "description": "What it was trained on, and answers with."},
    dimensions=_list(_TEXT, description="Of a model that answers with them."),
    scale=_SCALE,
    several={"type": "boolean", "description": "Whether a clip may have several emotions."},
    modalities=_list({"enum": ["audio", "video"]}, minItems=1),
    optional=_list({"enum": ["audio", "video"]}, description="What a file may lack."),
    sampling_rate={"type": "integer"},
    window_seconds=_SECONDS,
    streams={"type": "boolean", "description": "Whether /v1/listen takes it."},
    calibrated={"type": "boolean", "description": "Whether it knows coverage."},
    synthetic={"type": "boolean", "description": "Whether it was trained on computed voices only."},
)
SCHEMAS: dict[str, dict[str, Any]] = {
    "serve": {
        "title": "emozoo serve --json: the line that says where it listens",
        **_object(
            "schema address host port models",
            schema=_SCHEMA,
            address={"type": "string", "description": "http://HOST:PORT/"},
            host=_TEXT,
            port={"type": "integer", "minimum": 1, "maximum": 65535},
            models=_list(_TEXT, minItems=1),
        ),
    },
    "serve-predict": {
        "title": "POST /v1/predict: what emozoo predict --json prints",
        **_object(
            "schema model labels predictions",
            schema=_SCHEMA,
            model=_TEXT,
            labels=_list(_TEXT),
            dimensions=_list(_TEXT, description="Of a model of dimensions; labels is empty where there are no words."),
            scale=_SCALE,
            adapted=_ADAPTED,
            predictions=_list(_FILE, minItems=1),
            error={**_ERROR, "description": "Only with status 422: no file could be answered."},
        ),
    },
    "serve-embed": {
        "title": "POST /v1/embed",
        **_object(
            "schema model embeddings",
            schema=_SCHEMA,
            model=_TEXT,
            embeddings=_list(_EMBEDDED, minItems=1),
            error={**_ERROR, "description": "Only with status 422: no file could be answered."},
        ),
    },
    "serve-listen": {
        "title": "WS /v1/listen: a line of the service",
        **_object("schema", schema=_SCHEMA, scale=_SCALE),
        "oneOf": [
            {"title": "the answer for a window, as emozoo listen --json prints it", **_WINDOW},
            {
                "title": "the last line of a stream",
                **_object(
                    "finished windows seconds",
                    finished={"const": True},
                    windows={"type": "integer", "minimum": 1},
                    seconds=_SECONDS,
                ),
            },
            {"title": "the last line where something is wrong", **_object("error", error=_ERROR)},
        ],
    },
    "serve-models": {
        "title": "GET /v1/models",
        **_object("schema default models", schema=_SCHEMA, default=_TEXT, models=_list(_MODEL, minItems=1)),
    },
    "serve-health": {
        "title": "GET /healthz",
        **_object("schema status", schema=_SCHEMA, status={"const": "ok"}),
    },
    "serve-error": {
        "title": "What the service answers where it does not answer",
        **_object("schema error", schema=_SCHEMA, error=_ERROR),
    },
}


def document(name: str) -> dict[str, Any]:
    """A schema as a file of docs/schema/ holds it."""
    return {"$schema": DRAFT, **SCHEMAS[name]}
