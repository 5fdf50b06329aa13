"""How a training run looks on the terminal, during and after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

from rich.table import Table
from rich.text import Text

from emozoo.cli import console
from emozoo.cli.console import is_main_process, line, progress_bars, styled
from emozoo.cli.scores import dev_words, in_short, show_metrics, spread_heading, spread_words
from emozoo.text import number, percent
from emozoo.training.progress import Progress

if TYPE_CHECKING:
    from emozoo.checkpoint.results import Metrics, Summary
    from emozoo.data.splits.fold import Fold
    from emozoo.training.history import EpochRecord


class TrainingProgress(Progress):
    """A bar for the steps of an epoch, and a line for each epoch. Without a terminal, only the lines."""

    def __init__(self) -> None:
        self.folds: list[tuple[Fold, Metrics]] = []
        self.bars = progress_bars()
        self.task = self.bars.add_task("", total=1, visible=False)

    def __enter__(self) -> Self:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def _line(self, text: str | Text) -> None:
        if is_main_process():
            console.err.print(text, soft_wrap=True)

    def message(self, text: str) -> None:
        self._line(text)

    def fold(self, fold: Fold, of: int) -> None:
        parts = f"{len(fold.train)} clips to train, {len(fold.dev) or 'no'} dev, {len(fold.test)} test"
        self._line(line(styled(f"fold {fold.number} of {of}", "bold"), f": test on {fold.name}; {parts}"))

    def step(self, epoch: int, done: int, total: int) -> None:
        self.bars.update(
            self.task, description=f"epoch {epoch}", completed=done, total=total, visible=is_main_process()
        )

    def epoch(self, record: EpochRecord, total: int, is_best: bool) -> None:
        self.bars.update(self.task, visible=False)
        text = f"epoch {record.epoch:>3}/{total}  loss {record.loss:.3f}"
        if record.pretraining:
            text += "  (pretraining)"
        elif record.dev:
            text += f"  dev loss {record.dev.loss:.3f}{''.join(f'  dev {each}' for each in dev_words(record.dev))}"
        self._line(f"{text}  {record.seconds:.1f} s{'  best so far' if is_best and record.dev else ''}")

    def result(self, fold: Fold, metrics: Metrics) -> None:
        from emozoo.data.splits.fold import speaker_note

        self.folds.append((fold, metrics))
        note = speaker_note(fold)
        text = f"fold {fold.number}: test {', '.join(in_short(metrics))}"
        self._line(line(f"{text}; ", styled(note, "bold yellow")) if note else text)


def show_training(folder: str, summary: Summary, folds: Sequence[tuple[Fold, Metrics]]) -> None:
    """The test results of a run: each fold, mean and deviation, and the pooled confusion matrix."""
    names = [each.name for each in summary.spreads]
    table = Table(title="Test results")
    for name in ("fold", "test on", "clips", *map(spread_heading, summary.spreads)):
        table.add_column(name, justify="left" if name == "test on" else "right")
    for fold, metrics in folds:
        own = {score.name: percent(score.value) if score.share else number(score.value) for score in metrics.scores}
        table.add_row(str(fold.number), fold.name, str(metrics.count), *(own.get(name, "-") for name in names))
    if len(folds) > 1:
        table.add_section()
        clips = str(summary.pooled.count)
        table.add_row("all", "mean of folds ± deviation", clips, *map(spread_words, summary.spreads))
    console.out.print(table)
    if len(folds) > 1:
        console.out.print(f"pooled: the test clips of all {len(folds)} folds together", soft_wrap=True)
    show_metrics(summary.pooled, per_speaker=False)
    if summary.note:
        console.out.print(styled(summary.note, "bold yellow"))
    fold_one = f"{folder}/fold{folds[0][0].number}" if len(folds) > 1 else folder
    console.out.print(f"try it: emozoo predict clip.wav --model {fold_one}", soft_wrap=True)
