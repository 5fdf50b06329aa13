"""The JSON Schema files in docs/schema."""

import json
from typing import Any

from jsonschema import Draft202012Validator

from support.places import ROOT

SCHEMAS = ROOT / "docs" / "schema"


def validate(document: Any, name: str) -> None:
    """Raises an error where a document does not fit docs/schema/NAME.json."""
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(document)
