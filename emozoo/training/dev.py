"""What an epoch's answers on the dev split are worth: few numbers, quickly."""

from __future__ import annotations

import numpy as np

from emozoo.architecture import Recipe
from emozoo.data.truth import UNDECIDED, Truth
from emozoo.evaluation.dimensions import concordances
from emozoo.evaluation.metrics import recalls
from emozoo.evaluation.votes import divergence, macro_f1
from emozoo.target import Outputs
from emozoo.training.history import DevScores

FLOOR = 1e-12
"""The smallest probability whose logarithm is taken."""


def dev_scores(outputs: Outputs, truth: Truth, words: np.ndarray, answers: np.ndarray, recipe: Recipe) -> DevScores:
    """Of answers float64 [clips, outputs]; `words` are as `Objective` takes them."""
    shares = answers[:, outputs.of_labels]
    loss, found = 0.0, {}
    if outputs.multi and truth.counts is not None:
        loss = float(-np.log(np.maximum(np.where(words > 0, shares, 1 - shares), FLOOR)).mean())
        found["macro_f1"] = macro_f1(truth.counts, shares)
    elif outputs.labels:
        surprise = -np.log(np.maximum(shares, FLOOR))
        loss = float((surprise[np.arange(len(words)), words] if words.ndim == 1 else (words * surprise).sum(1)).mean())
        decided = truth.words != UNDECIDED
        if decided.any():
            found["wa"], found["ua"] = recalls(truth.words[decided], shares[decided].argmax(1), len(outputs.labels))
        if (voted := truth.shares()) is not None:
            found["divergence"] = float(divergence(voted, shares).mean())
    if outputs.dimensions:
        known = [each for each in concordances(truth.ratings, answers[:, outputs.of_dimensions]) if np.isfinite(each)]
        weight = recipe.dimension_weight if outputs.labels else 1.0
        loss += weight * (1 - float(np.mean(known)) if known else 1.0)
        if known:
            found["ccc"] = float(np.mean(known))
    return DevScores(loss, **found)
