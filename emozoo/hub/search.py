"""The models of the zoo on the Hub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emozoo.filenames import MOST_LABELS
from emozoo.hub.errors import check_token, explained, persistently

TAG = "emozoo"
FOUND = 50
LONGEST = 100
"""Models that a search lists at most, and characters of a text in their cards."""


@dataclass(frozen=True)
class HubModel:
    """A model of the zoo on the Hub, as its card's metadata tell."""

    name: str
    architecture: str
    labels: tuple[str, ...]
    wa: float | None
    ua: float | None
    downloads: int


def search(query: str | None = None) -> list[HubModel]:
    """The models of the zoo on the Hub, the most downloaded first. Raises EmozooError where it cannot be asked."""
    check_token(None)
    with explained("the Hub"):
        found = persistently(lambda: _ask_for_models(query))
        if not isinstance(found, list):
            raise ValueError("not a list of models")
    return [_described(each) for each in _objects(found) if isinstance(each.get("id"), str)]


def _ask_for_models(query: str | None) -> Any:
    """The Hub's own answer: `HfApi.list_models` would fail for all models where one card is not as it expects."""
    from huggingface_hub import constants
    from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

    asked = {"filter": TAG, "sort": "downloads", "limit": str(FOUND), "full": "true", "cardData": "true"}
    response = get_session().get(
        f"{constants.ENDPOINT}/api/models",
        params=asked | ({"search": query} if query else {}),
        headers=build_hf_headers(),
        timeout=30,
    )
    hf_raise_for_status(response)
    return response.json()


def _described(model: dict[str, Any]) -> HubModel:
    """What a card's metadata say, as far as they are what emozoo writes."""
    card = model["cardData"] if isinstance(model.get("cardData"), dict) else {}
    own = card["emozoo"] if isinstance(card.get("emozoo"), dict) else {}
    labels = own["labels"] if isinstance(own.get("labels"), list) else []
    scores = _scores(card)
    downloads = model.get("downloads")
    return HubModel(
        name=model["id"][:LONGEST],
        architecture=own["architecture"][:LONGEST] if isinstance(own.get("architecture"), str) else "",
        labels=tuple(label[:LONGEST] for label in labels[:MOST_LABELS] if isinstance(label, str)),
        wa=scores.get("WA"),
        ua=scores.get("UA"),
        downloads=downloads if isinstance(downloads, int) else 0,
    )


def _scores(card: dict[str, Any]) -> dict[str, float]:
    """The first share of each name in a card's results."""
    results = [result for index in _objects(card.get("model-index")) for result in _objects(index.get("results"))]
    scores: dict[str, float] = {}
    for metric in (metric for result in results for metric in _objects(result.get("metrics"))):
        value = metric.get("value")
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1:
            scores.setdefault(str(metric.get("name")), float(value))
    return scores


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
