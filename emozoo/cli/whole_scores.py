"""How the evaluation of a run over all folds looks on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.cli.scores import in_short, show_metrics, spread_words

if TYPE_CHECKING:
    from emozoo.evaluation.whole import WholeEvaluation


def show_whole(result: WholeEvaluation) -> None:
    """The figures of each fold, their mean and deviation, and what all test clips together give."""
    console.out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    for name, one in zip(result.names, result.each, strict=True):
        console.out.print(f"{name}: {', '.join(in_short(one.metrics))}; {one.part}", soft_wrap=True)
    summary = result.summary
    told = [f"{each.name} {spread_words(each)}" for each in summary.spreads]
    if told:
        console.out.print(f"mean of {summary.folds} folds ± deviation: {', '.join(told)}", soft_wrap=True)
    if result.adapted:
        console.out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    console.out.print(f"pooled: the test clips of all {summary.folds} folds together", soft_wrap=True)
    show_metrics(summary.pooled)
    if result.note:
        console.out.print(styled(result.note, "bold yellow"))
