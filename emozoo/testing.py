"""The contract for a plugin's own tests: a class each for an architecture, a dataset and a reader, with a test per point.

    import emozoo.testing

    class TestMeanPool(emozoo.testing.ArchitectureConformance):
        architecture = "mean_pool"

The points are those of `emozoo check`. Needs pytest, which emozoo itself does not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, ClassVar

import pytest

from emozoo.architecture import Architecture
from emozoo.conformance import corpus, network
from emozoo.conformance.corpus import CorpusSubject
from emozoo.conformance.loads import LOADS
from emozoo.conformance.network_subject import NetworkSubject
from emozoo.conformance.points import BROKEN, LEFT_OUT, Point, find
from emozoo.conformance.reader import POINTS as READER_POINTS
from emozoo.conformance.reader_subject import ReaderSubject
from emozoo.data.corpus import Corpus
from emozoo.reader import Reader
from emozoo.registry import entry_points
from emozoo.registry.entry_points import ARCHITECTURES, DATASETS, READERS

__all__ = ["ArchitectureConformance", "DatasetConformance", "ReaderConformance"]


class ArchitectureConformance:
    """Derive from it, name the architecture, and pytest checks its contract."""

    architecture: ClassVar[str | Architecture]
    """The name of an installed one, or the object."""
    settings: ClassVar[Mapping[str, str]] = {}
    """As `--set` takes them: where the defaults need what tests lack, or to be quick."""
    device: ClassVar[str] = "cpu"
    without: ClassVar[tuple[str, ...]] = ()
    """Points that are left out, such as "trains" where a network needs minutes for it."""

    @pytest.mark.parametrize("point", [LOADS, *network.POINTS], ids=lambda point: point.name)
    def test_contract(self, point: Point[Any]) -> None:
        _skip_unless_asked(point, self.without)
        name = self.architecture if isinstance(self.architecture, str) else self.architecture.name
        if point is LOADS:
            return _judge(point, entry_points.find(ARCHITECTURES, name))
        _judge(point, NetworkSubject(self.architecture, self.settings, self.device))


class DatasetConformance:
    """Derive from it, name the dataset and where its data are, and pytest checks its contract."""

    dataset: ClassVar[str | Corpus]
    """The name of an installed one, or the object."""
    without: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def data_dir(self) -> str | os.PathLike[str] | None:
        """Override it, with a fixture that writes a few files in the dataset's layout, or names a folder that has them."""
        return None

    @pytest.mark.parametrize("point", [LOADS, *corpus.POINTS], ids=lambda point: point.name)
    def test_contract(self, point: Point[Any], data_dir: str | os.PathLike[str] | None) -> None:
        _skip_unless_asked(point, self.without)
        name = self.dataset if isinstance(self.dataset, str) else self.dataset.name
        if point is LOADS:
            return _judge(point, entry_points.find(DATASETS, name))
        _judge(point, CorpusSubject(self.dataset, data_dir))


class ReaderConformance:
    """Derive from it, name the reader and a checkpoint that it opens, and pytest checks its contract."""

    reader: ClassVar[str | Reader]
    """The name of an installed one, or the object."""
    without: ClassVar[tuple[str, ...]] = ()

    @pytest.fixture
    def checkpoint(self) -> str | os.PathLike[str] | None:
        """Override it, with a fixture that writes a small checkpoint as its library does, with random weights."""
        return None

    @pytest.mark.parametrize("point", [LOADS, *READER_POINTS], ids=lambda point: point.name)
    def test_contract(self, point: Point[Any], checkpoint: str | os.PathLike[str] | None) -> None:
        _skip_unless_asked(point, self.without)
        name = self.reader if isinstance(self.reader, str) else self.reader.name
        if point is LOADS:
            return _judge(point, entry_points.find(READERS, name))
        _judge(point, ReaderSubject(self.reader, checkpoint))


def _skip_unless_asked(point: Point[Any], without: tuple[str, ...]) -> None:
    if point.name in without:
        pytest.skip(f"{point.name} is left out by this class")


def _judge(point: Point[Any], subject: Any) -> None:
    finding = find(point, subject)
    if finding.fails:
        pytest.fail(str(finding), pytrace=False)
    if finding.state == BROKEN:
        pytest.skip(f"not required: {finding}")
    if finding.state == LEFT_OUT:
        pytest.skip(finding.found)
