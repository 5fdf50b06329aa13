"""Diarizers as distributions of third parties: which one is used, and what becomes of each that fails."""

import os
from pathlib import Path

import numpy as np
import pytest
from support.distributions import distribution

from emozoo.diarizer import Diarizer, diarizer_problem
from emozoo.errors import EmozooError
from emozoo.inference.diarizing import find_diarizer
from emozoo.inference.segments import Segment
from emozoo.registry.entry_points import DIARIZERS

SOUND = np.zeros(10 * 16_000, np.float32)
SOURCE = """
    import sys
    from emozoo import EmozooError
    from emozoo.diarizer import Diarizer

    def diarize(sound):
        assert sound.dtype == "float32" and sound.ndim == 1
        print("LOUD")
        {body}

    diarizer = Diarizer(name="{name}", diarize=diarize, summary="for a test", requires={requires})
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path / "site")
    return tmp_path / "site"


def install(site: Path, body: str, name: str = "turns", requires: tuple[str, ...] = ()) -> None:
    source = SOURCE.format(name=name, body=body, requires=requires)
    # a module of its own, because Python keeps those that it has imported
    module = f"emozoo-{name}-{os.urandom(4).hex()}"
    distribution(site, module, {name: f"{module.replace('-', '_')}:diarizer"}, source, DIARIZERS)


def test_the_only_one_is_used(site: Path, capfd: pytest.CaptureFixture[str]) -> None:
    install(site, "return [(4, 6.5, 'anna'), (0.0, 5, 7), (9.5, 10.4, 'anna'), (10.2, 10.9, 'anna')]")
    found = find_diarizer().segments(SOUND, "call.wav")
    assert found == [Segment(0, 5, "7"), Segment(4, 6.5, "anna"), Segment(9.5, 10, "anna")]
    assert capfd.readouterr().out == ""  # standard output is for the answers


def test_a_generator_of_numpys_numbers_will_do(site: Path) -> None:
    install(site, "import numpy; yield numpy.array([1.0, 2.5]).tolist(); yield numpy.float32(3), 4, numpy.int64(2)")
    assert find_diarizer().segments(SOUND, "x.wav") == [Segment(1, 2.5), Segment(3, 4, "2")]


def test_nobody_speaks(site: Path) -> None:
    install(site, "return []")
    assert find_diarizer().segments(SOUND, "x.wav") == []


def test_without_one_there_is_a_way_out() -> None:
    with pytest.raises(EmozooError, match="no diarizer is installed: pip install emozoo-sherpa adds one .*--segments"):
        find_diarizer()
    with pytest.raises(EmozooError, match="no diarizer is named 'turns'; none is installed"):
        find_diarizer("turns")


def test_of_several_one_must_be_named(site: Path) -> None:
    install(site, "return [(0, 1, 'a')]")
    install(site, "return [(0, 1, 'b')]", name="others")
    with pytest.raises(EmozooError, match=r"several diarizers are installed \(others, turns\): choose one with"):
        find_diarizer()
    assert find_diarizer("others").segments(SOUND, "x.wav")[0].speaker == "b"
    with pytest.raises(EmozooError, match=r"no diarizer is named 'turn'; did you mean turns\?"):
        find_diarizer("turn")


def test_one_that_is_switched_off_is_not_used(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "return []")
    monkeypatch.setenv("EMOZOO_PLUGINS", "")
    with pytest.raises(EmozooError, match="no diarizer is installed"):
        find_diarizer()
    with pytest.raises(EmozooError, match="the diarizer 'turns' of emozoo-turns-.* is switched off"):
        find_diarizer("turns")


def test_what_it_needs_is_asked_for_before_a_file_is_read(site: Path) -> None:
    install(site, "return []", requires=("numpy", "no_such_module.part", "nothing_like_it"))
    with pytest.raises(EmozooError, match=r"'turns' of .* needs no_such_module.part, nothing_like_it: pip install -U"):
        find_diarizer()


def test_one_that_cannot_be_imported(site: Path) -> None:
    distribution(site, "torn-turns", {"turns": "torn_turns:diarizer"}, "raise ImportError('no torch')", DIARIZERS)
    with pytest.raises(EmozooError, match="'turns' of torn-turns 1.2 cannot be used: ImportError: no torch"):
        find_diarizer()


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("raise RuntimeError('boom')", r"fails on call.wav: RuntimeError: boom \(emozoo_turns.*py, line 9\)"),
        ("raise EmozooError('its weights are missing: fetch them')", "its weights are missing: fetch them"),
        ("yield 0, 1, 'a'; raise KeyError('late')", "fails on call.wav: KeyError: 'late'"),
        ("sys.exit(3)", r"fails on call.wav: RuntimeError: it ends the program \(exit status 3\)"),
        ("return None", "fails on call.wav: TypeError: 'NoneType' object is not iterable"),
        ("return 'abc'", "no usable segments for call.wav: segment 1 is 'a', and must be"),
        ("return [(0, float('nan'), 'a')]", "no usable segments for call.wav: segment 1: nan is no time in seconds"),
        ("return [(0, 1, 'a'), (3, 2, 'a')]", r"segment 2: the end \(2 s\) is before the start \(3 s\)"),
        ("return [('0', '1', 'a')]", "segment 1: '0' is no time in seconds"),
        ("return [(0, 1, ['a'])]", r"segment 1: \['a'\] is no name"),
        ("return [(-2, 1, 'a')]", "segment 1: -2 to 1 s is no time within a recording"),
        ("return [(0, 1, 'a'), (0, 10_000, 'a')]", r"segment 2 ends at 10000 s, the file at 10.00 s"),
        ("return [5]", r"segment 1 is 5, and must be \(start, end, speaker\)"),
    ],
)
def test_what_fails_is_one_sentence_with_its_name(site: Path, body: str, sentence: str) -> None:
    install(site, body)
    with pytest.raises(EmozooError, match=sentence) as caught:
        find_diarizer().segments(SOUND, "call.wav")
    assert "\n" not in str(caught.value)
    if not body.startswith("raise EmozooError"):
        assert str(caught.value).startswith("the diarizer 'turns' of emozoo-turns-")


def test_the_contract() -> None:
    def diarize(sound: np.ndarray) -> list[tuple[float, float, str]]:
        return []

    assert diarizer_problem(Diarizer("a", diarize), "a") is None
    assert "gives a int, not an emozoo.diarizer.Diarizer" in str(diarizer_problem(5, "a"))
    assert "is named 'b', the diarizer 'a'" in str(diarizer_problem(Diarizer("a", diarize), "b"))
    assert "install a newer emozoo" in str(diarizer_problem(Diarizer("a", diarize, contract=99), "a"))
    assert "diarize cannot be called" in str(diarizer_problem(Diarizer("a", 5), "a"))  # type: ignore[arg-type]
    assert "requires are 'x'" in str(diarizer_problem(Diarizer("a", diarize, requires="x"), "a"))  # type: ignore[arg-type]
