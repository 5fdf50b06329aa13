"""The Tab key: what a shell asks emozoo, and what it is told, without a plugin or anything heavy being imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.small import emozoo

SCRIPTS = Path(sys.executable).parent


def asked(words: str, shell: str = "bash", cwd: Path | None = None, **environment: str) -> list[str]:
    """The lines that a shell gets for what stands before the cursor."""
    done = emozoo(
        cwd=cwd,
        _EMOZOO_COMPLETE=f"complete_{shell}",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split(" ")) - 1),
        _TYPER_COMPLETE_ARGS=words,
        _TYPER_COMPLETE_FISH_ACTION="get-args",
        **environment,
    )
    assert done.stderr == ""
    return done.stdout.split("\n")[:-1]


def in_bash(script: str, home: Path, check: int = 0) -> subprocess.CompletedProcess[str]:
    """The script's last command must not take bash's place: completion looks for the shell among its parents."""
    path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "HOME": str(home)}
    done = subprocess.run(
        ["bash", "--norc", "-c", f"{script}\nexit $?"],
        env=environment,
        cwd=home,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == check, done.stderr
    return done


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("emozoo tr", {"train"}),
        ("emozoo new ", {"architecture", "dataset"}),
        ("emozoo train ", {"cnn", "cnn_rnn", "av_fusion"}),
        ("emozoo train cnn --dataset ", {"iemocap", "ravdess", "toy", "manifest"}),
        ("emozoo train --from ", {"speech"}),
        ("emozoo predict clip.wav --model sp", {"speech"}),
        ("emozoo evaluate ", {"speech"}),
        ("emozoo compare speech ", {"speech"}),
        ("emozoo info ", {"cnn", "toy", "speech"}),
        ("emozoo check r", {"resnet_gru", "ravdess"}),
        ("emozoo benchmark re", {"resnet_gru"}),
        ("emozoo train cnn --pre", {"--precision"}),
        ("emozoo train cnn --precision ", {"fp32", "bf16"}),
    ],
)
def test_names_are_offered_from_what_is_installed(words: str, offered: set[str]) -> None:
    begun = words.rpartition(" ")[2]
    found = asked(words)
    assert offered <= set(found) and all(word.startswith(begun) for word in found)


def test_files_are_left_to_the_shell() -> None:
    assert asked("emozoo predict ") in ([], [""])
    assert asked("emozoo predict ", "zsh") == ["_files"]
    assert asked("emozoo new architecture ") in ([], [""])  # a name that nobody has yet


def test_runs_are_offered_by_their_folders(tmp_path: Path) -> None:
    for name in ("a", "b/fold1", "empty", "$(touch gone)"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        if name != "empty":
            (tmp_path / "runs" / name / "config.json").write_text("{}")
    assert asked("emozoo push ", cwd=tmp_path) == ["runs/a", "runs/b/fold1"]
    assert asked("emozoo predict x --model ", cwd=tmp_path) == ["speech", "runs/a", "runs/b/fold1"]
    (tmp_path / "runs" / "b" / "summary.json").write_text("{}")
    assert asked("emozoo compare runs/a ", cwd=tmp_path) == ["speech", "runs/a", "runs/b/fold1", "runs/b"]


def test_a_plugins_name_is_offered_and_never_run(tmp_path: Path) -> None:
    info = tmp_path / "far-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: far\nVersion: 1.0\n")
    names = ("far_net", "$(touch gone)", "`x`", "a'b")
    (info / "entry_points.txt").write_text(
        "[emozoo.architectures]\n" + "".join(f"{name} = no_such_module:architecture\n" for name in names)
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    found = asked("emozoo train ", PYTHONPATH=path)
    assert "far_net" in found and "cnn" in found and not [word for word in found if set(word) & set("$`'")]
    assert "far_net" not in asked("emozoo train ", PYTHONPATH=path, EMOZOO_PLUGINS="")


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same(shell: str) -> None:
    assert "cnn_rnn" in "\n".join(asked("emozoo train cnn_", shell))


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys\nfrom emozoo import cli\nsys.argv = ['emozoo']\ntry: cli.main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'datasets', 'huggingface_hub', 'emozoo_singh_fang'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    environment = {"_EMOZOO_COMPLETE": "complete_bash", "COMP_WORDS": "emozoo info ", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0 and "speech" in done.stdout, done.stderr


def test_bash_completes_with_the_script_that_is_shown(tmp_path: Path) -> None:
    script = (
        'eval "$(emozoo --show-completion)"; COMP_WORDS=(emozoo train cnn_l); COMP_CWORD=2; '
        '_emozoo_completion emozoo; echo "${COMPREPLY[@]}"'
    )
    assert in_bash(script, tmp_path).stdout == "cnn_lstm\n"


def test_the_script_is_installed_where_bash_finds_it(tmp_path: Path) -> None:
    done = in_bash("emozoo --install-completion; :", tmp_path)
    assert "bash completion installed" in done.stdout
    (installed,) = (tmp_path / ".bash_completions").iterdir()
    assert str(installed) in (tmp_path / ".bashrc").read_text()
    (tmp_path / "file").write_text("")
    done = in_bash("HOME=$PWD/file emozoo --install-completion", tmp_path, check=2)
    assert done.stderr.startswith("error: ") and "Traceback" not in done.stderr
