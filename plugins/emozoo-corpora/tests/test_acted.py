"""The corpora whose paths say what a recording is, on files laid out like the originals, and Emozionalmente."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import conftest  # noqa: F401 - gives every process a cache of its own
import pytest
from emozoo_corpora import acted, emozionalmente

from emozoo import EmozooError
from emozoo.data.corpus import Corpus, corpus_problem, read_votes
from emozoo.data.rows import read_rows

CORPORA = {each.name: each for each in (*acted.CORPORA, emozionalmente.corpus)}
LAYOUTS = {
    "tess": {
        "TESS/OAF_Pleasant_surprise/OAF_back_ps.wav": ("OAF", "F", "surprised", "Say the word back."),
        "TESS/YAF_fear/YAF_bar_fear.wav": ("YAF", "F", "fearful", "Say the word bar."),
    },
    "savee": {"AudioData/DC/a01.wav": ("DC", "M", "angry", ""), "ALL/KL_su15.wav": ("KL", "M", "surprised", "")},
    "emovo": {"f1/dis-f1-b1.wav": ("f1", "F", "disgusted", ""), "m3/gio-m3-n5.wav": ("m3", "M", "happy", "")},
    "shemo": {"female/F01A01.wav": ("F01", "F", "angry", ""), "male/M12W03.wav": ("M12", "M", "surprised", "")},
    "subesco": {
        "F_01_OISHI_S_10_ANGRY_1.wav": ("F_01_OISHI", "F", "angry", ""),
        "M_09_ABC_S_1_SURPRISE_5.wav": ("M_09_ABC", "M", "surprised", ""),
    },
    "cafe": {
        "CaFE_48k/Peur/Fort/12-P-2-5.wav": ("12", "F", "fearful", ""),
        "CaFE_48k/Colère/Faible/01-C-1-1.wav": ("01", "M", "angry", ""),
    },
    "esd": {
        "0001/Angry/0001_000351.wav": ("0001", "", "angry", ""),
        "0020/Surprise/train/0020_001421.wav": ("0020", "", "surprised", ""),
    },
    "mesd": {
        "Anger_C_A_abajo.wav": ("", "", "angry", "abajo"),
        "Happiness_F_B_buenos_dias.wav": ("", "F", "happy", "buenos dias"),
    },
    "emov_db": {
        "bea_Disgusted/disgust_1-28_0001.wav": ("bea", "F", "disgusted", ""),
        "sam/Sleepy/sleepiness_1-28_0001.wav": ("sam", "M", "sleepy", ""),
    },
    "jl": {
        "JL(wav+txt)/female1_angry_10a_1.wav": ("female1", "F", "angry", ""),
        "JL(wav+txt)/male2_apologetic_3b_2.wav": ("male2", "M", "apologetic", ""),
    },
    "urdu": {"Angry/SM1_F10_A010.wav": ("SM1", "M", "angry", ""), "Sad/SF9_F2_S02.wav": ("SF9", "F", "sad", "")},
}
"""Speaker, gender, emotion and words by path."""


def files(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"not opened here")
    return folder


def read(corpus: Corpus, folder: Path) -> list[dict[str, Any]]:
    return read_rows(corpus, folder, folder / "cache").to_list()


@pytest.mark.parametrize("name", CORPORA)
def test_each_says_what_it_is_and_how_to_obtain_it(name: str, tmp_path: Path) -> None:
    corpus = CORPORA[name]
    assert corpus_problem(corpus, name) is None and corpus.environment == f"EMOZOO_{name.upper()}"
    assert all((corpus.licence, corpus.language, corpus.summary, corpus.citation)) and "http" in corpus.obtain
    with pytest.raises(EmozooError) as error:
        read(corpus, files(tmp_path, "other/song.wav"))
    assert str(error.value).endswith(corpus.obtain) and "\n" not in str(error.value)


@pytest.mark.parametrize("name", LAYOUTS)
def test_recordings_as_they_are_published(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In either case and converted, too; a copy counts once, and another file is counted."""
    expected = {str(tmp_path / path): told for path, told in LAYOUTS[name].items()}
    first = next(iter(LAYOUTS[name]))
    files(tmp_path, *LAYOUTS[name], f"zz/{first}", first.replace(".wav", ".FLAC"), "other/song.wav")
    rows = read(CORPORA[name], tmp_path)
    found = {row["audio_path"]: (row["speaker"], row["gender"], row["emotion"], row["transcript"]) for row in rows}
    assert found == expected and len({row["utterance_id"] for row in rows}) == 2
    assert "1 files are there twice and count once" in caplog.text
    assert "1 files are not named like a recording, such as song.wav" in caplog.text


def test_emozionalmente_as_it_is_published(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files(tmp_path, "audio/1.wav", "audio/2.wav")
    tables = {
        "samples": "file_name,actor,emotion_expressed,sentence\n1.wav,anna,joy,Ciao.\n2.wav,ben,x,No.\n3.wav,ben,fear,No.\n",
        "users": "username,gender,age\nanna,female,30\nben,other,40\n",
        "evaluations": "file_name,actor,emotion_recognized\n1.wav,a,joy\n1.wav,b,joy\n1.wav,c,anger\n",
    }
    (tmp_path / "metadata").mkdir()
    for name, text in tables.items():
        (tmp_path / "metadata" / f"{name}.csv").write_text(text)
    (row,) = read(emozionalmente.corpus, tmp_path)
    assert (row["speaker"], row["gender"], row["emotion"], row["transcript"]) == ("anna", "F", "happy", "Ciao.")
    assert read_votes(row["votes"]) == {"happy": 2, "angry": 1} and Path(row["audio_path"]).name == "1.wav"
    assert "1 lines have no known emotion, such as 2.wav; 1 recordings are missing, such as 3.wav" in caplog.text
