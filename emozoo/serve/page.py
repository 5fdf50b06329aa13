"""The OpenAPI document as a page: plain HTML, which runs no script and loads nothing."""

from __future__ import annotations

import json
from html import escape
from typing import Any

STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 0 auto; padding: 1rem; }
code, pre { font-family: ui-monospace, monospace; font-size: 0.875em; }
pre { overflow-x: auto; padding: 0.75rem; border: 1px solid; border-radius: 0.5rem; border-color: #8886; }
h2 { margin-top: 2.5rem; border-top: 1px solid #8886; padding-top: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #8883; }
summary { cursor: pointer; }
"""
EXAMPLES = {
    "/v1/predict": "curl -F files=@clip.wav '{server}/v1/predict?timeline=true'",
    "/v1/embed": "curl -F files=@clip.wav '{server}/v1/embed'",
    "/v1/models": "curl '{server}/v1/models'",
    "/healthz": "curl '{server}/healthz'",
    "/metrics": "curl '{server}/metrics'",
}


def render(document: dict[str, Any]) -> str:
    """HTML for a document of `emozoo.serve.openapi.describe`."""
    info = document["info"]
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style><main>",
        f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
        f"<p>{escape(info['summary'])}. {escape(info['description'])}</p>",
        "<p>Machines read <a href='/openapi.json'>openapi.json</a> (OpenAPI 3.1).</p>",
    ]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parts += _operation(path, method, operation)
    parts.append("<h2>Answers</h2>")
    parts += [
        f"<details><summary><code id='{escape(name)}'>{escape(name)}</code>: {escape(schema['title'])}</summary>"
        f"<pre>{escape(json.dumps(schema, indent=2, ensure_ascii=False))}</pre></details>"
        for name, schema in document["components"]["schemas"].items()
    ]
    return "".join([*parts, "</main></html>"])


def _operation(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    kind = "WS" if "101" in operation["responses"] else method.upper()
    parts = [f"<h2><code>{kind} {escape(path)}</code></h2><p>{escape(operation['summary'])}</p>"]
    if "description" in operation:
        parts.append(f"<p>{escape(operation['description'])}</p>")
    if "security" in operation:
        parts.append("<p>Needs the header <code>Authorization: Bearer TOKEN</code>.</p>")
    if path in EXAMPLES:
        parts.append(f"<pre>{escape(EXAMPLES[path].format(server='http://127.0.0.1:8000'))}</pre>")
    if options := operation.get("parameters"):
        parts.append(_table(("Option", "Meaning"), [(each["name"], _meaning(each)) for each in options]))
    statuses = [(status, answer["description"]) for status, answer in operation["responses"].items()]
    parts.append(_table(("Status", "Meaning"), statuses))
    return parts


def _meaning(option: dict[str, Any]) -> str:
    schema = option["schema"]
    words = [option["description"]]
    if "enum" in schema:
        words.append(f"One of {', '.join(schema['enum'])}.")
    if "default" in schema:
        words.append(
            f"Default: {json.dumps(schema['default']) if not isinstance(schema['default'], str) else schema['default']}."
        )
    return " ".join(words)


def _table(heads: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    head = "".join(f"<th>{escape(each)}</th>" for each in heads)
    body = "".join(f"<tr><td><code>{escape(key)}</code></td><td>{escape(text)}</td></tr>" for key, text in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
