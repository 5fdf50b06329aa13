"""How `emozoo predict` prints answers: as a table, one JSON document, lines of JSON or CSV."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import typer

from emozoo.cli.options import print_json
from emozoo.text import json_text

if TYPE_CHECKING:
    from emozoo.inference.adaptation import SpeakerBias
    from emozoo.inference.answers import Prediction
    from emozoo.inference.model import Model
    from emozoo.inference.options import PredictOptions
    from emozoo.inference.recordings import RecordingsBias
    from emozoo.target import Outputs


class AnswerPrinter(ABC):
    """Prints answers."""

    bias: SpeakerBias | RecordingsBias | None = None
    """What was subtracted from all of them."""

    @abstractmethod
    def add(self, answer: Prediction) -> None:
        """Call this for each answer."""

    def finish(self) -> None:  # noqa: B027 - those that print at once have nothing left
        """Call this after the last one."""

    def adapted(self, bias: RecordingsBias) -> None:
        """Says what was done to the answers that follow."""
        from emozoo.cli.console import say

        say(bias.sentence)
        self.bias = bias


class _Table(AnswerPrinter):
    """Prints all answers together, as a table."""

    def __init__(self, model: Model, options: PredictOptions, timeline: bool) -> None:
        self.bias = options.bias
        self._model = model
        self._options = options
        self._timeline = timeline
        self._answers: list[Prediction] = []

    def add(self, answer: Prediction) -> None:
        self._answers.append(answer)

    def finish(self) -> None:
        from emozoo.cli.tables import show_predictions

        show_predictions(self._answers, self._model.outputs, self._timeline, self._options)


class _JsonDocument(_Table):
    """Prints all answers together, as a JSON document."""

    def __init__(self, name: str, model: Model, options: PredictOptions, timeline: bool) -> None:
        super().__init__(model, options, timeline)
        self._name = name

    def finish(self) -> None:
        from emozoo.inference.answers import document

        print_json(document(self._name, self._model.outputs, self._answers, self._timeline, self.bias))
        for answer in self._answers:
            _warn_of_error(answer)


class _JsonLines(AnswerPrinter):
    """Prints each answer as a line of JSON, at once."""

    def __init__(self, name: str, outputs: Outputs, options: PredictOptions, timeline: bool) -> None:
        self.bias = options.bias
        self._name = name
        self._outputs = outputs
        self._timeline = timeline

    def add(self, answer: Prediction) -> None:
        from emozoo.inference.answers import line_document

        given = self._name, self._outputs, answer, self._timeline, self.bias
        typer.echo(json_text(line_document(*given)))
        sys.stdout.flush()
        _warn_of_error(answer)


class _Csv(AnswerPrinter):
    """Prints each answer as lines of CSV, at once."""

    def __init__(self, model: Model, options: PredictOptions, timeline: bool) -> None:
        from emozoo.cli.console import say
        from emozoo.cli.tables import adapted_with
        from emozoo.inference.csv_answers import CsvTable

        if options.bias:
            say(adapted_with(options.bias))
        self._table = CsvTable(
            model.outputs, timeline, sys.stdout, options.segments is not None, options.coverage is not None
        )
        self._table.begin()

    def add(self, answer: Prediction) -> None:
        self._table.add(answer)
        _warn_of_error(answer)


def printer_of(
    name: str, model: Model, options: PredictOptions, timeline: bool, as_csv: bool, as_json: bool, as_jsonl: bool
) -> AnswerPrinter:
    """What prints the answers of the model called `name`: a table, unless another form is asked for."""
    if as_csv:
        return _Csv(model, options, timeline)
    if as_jsonl:
        return _JsonLines(name, model.outputs, options, timeline)
    return _JsonDocument(name, model, options, timeline) if as_json else _Table(model, options, timeline)


def _warn_of_error(answer: Prediction) -> None:
    from emozoo.cli.console import warn

    if answer.error is not None:
        warn(answer.error)
