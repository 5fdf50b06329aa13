"""How the evaluation of a run over all folds looks on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emozoo.cli import console
from emozoo.cli.console import styled
from emozoo.cli.scores import SCORES, deviation, in_short, percentage, show_metrics

if TYPE_CHECKING:
    from emozoo.evaluation.whole import WholeEvaluation


def show_whole(result: WholeEvaluation) -> None:
    """The figures of each fold, their mean and deviation, and what all test clips together give."""
    console.out.print(f"{result.model} on {result.dataset}: {result.part}", soft_wrap=True)
    for name, one in zip(result.names, result.each, strict=True):
        console.out.print(f"{name}: {', '.join(in_short(one.metrics))}; {one.part}", soft_wrap=True)
    summary = result.summary
    told = []
    if summary.pooled.labels:
        for score, title in SCORES.items():
            mean, spread = (percentage(getattr(summary, f"{score}_{kind}")) for kind in ("mean", "std"))
            told.append(f"{title} {mean} ± {spread}")
    told += [f"CCC of {each.name} {deviation(each.ccc_mean, each.ccc_std)}" for each in summary.dimensions]
    if told:
        console.out.print(f"mean ± deviation over {summary.folds} folds: {', '.join(told)}", soft_wrap=True)
    if result.adapted:
        console.out.print(styled(result.adapted.note, "bold"), soft_wrap=True)
    console.out.print(f"pooled: the test clips of all {summary.folds} folds together", soft_wrap=True)
    show_metrics(summary.pooled)
    if result.note:
        console.out.print(styled(result.note, "bold yellow"))
