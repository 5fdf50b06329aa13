"""The command line's surface: help, wrong words, narrow and missing terminals, the installed script."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support.small import emozoo, one_error

import emozoo as emozoo_package
from emozoo.architecture import Recipe
from emozoo.inspection.describe import describe, measured_results
from emozoo.registry.loading import get_architecture

COMMANDS = [
    "train", "tune", "evaluate", "compare", "calibrate", "predict", "listen", "demo", "space", "export", "benchmark", "push",
    "card", "list", "info", "check", "fetch", "new architecture", "new dataset",
]  # fmt: skip
OPTIONS = {
    "train": "--config --dataset --data-dir --columns --labels-as-is --labels --merge --crop --denoise --protocol "
    "--folds --fold --train-speakers --from --epochs --seed --seeds --split-seed --output --resume --set --device "
    "--precision --log --json",
    "tune": "--dataset --data-dir --columns --labels-as-is --labels --target --scale --merge --crop --denoise --from "
    "--protocol --fold --trials --space --seed --split-seed --output --set --device --precision --json",
    "evaluate": "--dataset --data-dir --columns --labels-as-is --merge --protocol --folds --fold --adapt --recordings "
    "--modality --coverage --by --output --device --json",
    "compare": "--common --dataset --data-dir --columns --labels-as-is --merge --scale --protocol --fold "
    "--output --device --json",
    "calibrate": "--dataset --data-dir --columns --labels-as-is --merge --device --json",
    "predict": "--model --speaker --segments --diarize --diarizer --adapt --timeline --hop --vad --min-confidence "
    "--coverage --plot --csv --jsonl --output --engine --address --shard --backend --device --json",
    "embed": "--output --model --windows --hop --vad --engine --address --shard --backend --device --json",
    "listen": "--model --microphone --rate --channels --format --vad --hop --min-confidence --speaker --adapt "
    "--device --json",
    "export": "--format --output --json",
    "benchmark": "--set --batch-sizes --device --json",
    "push": "--fold --private --revision --message --dry-run --token --json",
    "card": "",
    "demo": "--model --host --port --max-size --max-length --device",
    "space": "--model --output --private --token --dry-run --json",
    "list": "--hub --models --json",
    "info": "--json",
    "fetch": "--output --accept --json",
    "check": "--dataset --set --data-dir --columns --labels-as-is --labels --merge --target --scale --model --no-model "
    "--device --json",
    "new architecture": "--video --output",
    "new dataset": "--output",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_help_names_every_option_also_in_a_narrow_terminal(command: str) -> None:
    for columns in ("160", "60"):
        text = emozoo(*command.split(), "--help", COLUMNS=columns).stdout
        for option in OPTIONS[command].split():
            assert option in text
        assert not re.search(r"<\w+>|list\[|…|\\", text), "types, markup and words that are cut off"


def test_the_installed_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("emozoo")
    done = subprocess.run([script, "--version"], capture_output=True, text=True, timeout=60)
    assert done.stdout == emozoo("--version").stdout and done.stdout.startswith("emozoo ")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["trian", "cnn"], "no such command 'trian': did you mean 'train'?"),
        (["--jsn"], "no such option: --jsn; see emozoo --help"),
        (["train"], "name an architecture, such as cnn_rnn, or a model to fine-tune with --from"),
        (["train", "cnn", "--seed", "x"], "--seed x: must be a valid integer"),
        (["train", "cnn", "--precision", "fp8"], "--precision fp8: is not one of 'auto', 'fp32', 'bf16'"),
        (["train", "cnn", "--epochs"], "--epochs"),
        (["train", "cnn", "--fold", "²"], "--fold ²: must be"),
        (["benchmark", "cnn", "--batch-sizes", "²"], "--batch-sizes ²: must be"),
        (["evaluate", "run", "--fold", "0"], "--fold 0: must be greater than or equal to 1"),
        (["predict"], "missing argument 'FILE'; see emozoo predict --help"),
        (["card", "a", "b"], "(b); see emozoo card --help"),
    ],
)
def test_wrong_words_are_one_line_and_status_2(words: list[str], sentence: str) -> None:
    done = emozoo(*words, check=2)
    assert sentence in one_error(done)
    assert done.stdout == "" and done.stderr.count("\n") == 1


def test_ctrl_c_is_status_130_also_where_a_library_makes_an_error_of_it() -> None:
    code = """if True:
    import signal, sys
    from emozoo import EmozooError, cli
    from emozoo.publishing import card

    def write_card(folder):
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise {error}("initialization failed") from None

    card.write_card, sys.argv = write_card, ["emozoo", "card", "run"]
    cli.main()
    """
    for error in ("EmozooError", "SystemError", "KeyboardInterrupt"):
        command = [sys.executable, "-c", code.format(error=error)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "stopped\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_comes_while_an_object_is_finalized_still_ends_the_command(number: signal.Signals) -> None:
    code = f"""if True:
    import signal, sys, time
    from emozoo import cli
    from emozoo.publishing import card

    class Finalized:
        def __del__(self):
            signal.raise_signal({int(number)})

    def write_card(folder):
        Finalized()
        time.sleep(50)

    card.write_card, sys.argv = write_card, ["emozoo", "card", "run"]
    cli.main()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "stopped\n")


def test_info_of_an_architecture_is_complete() -> None:
    document = json.loads(emozoo("info", "cnn_rnn_3dcnn", "--json").stdout)
    architecture = get_architecture("cnn_rnn_3dcnn")
    network = architecture.build(architecture.config(), 4)
    assert document["parameters"] == sum(parameter.numel() for parameter in network.parameters())
    assert document["modalities"] == ["audio", "video"]
    assert set(document["recipe"]) == {field for field in Recipe.__dataclass_fields__}
    assert any("71.75" in line for line in document["published_results"])
    assert "2006.08129" in document["citation"]
    shapes = {layer["layer"]: layer["output"] for layer in document["layers"]}
    assert shapes["audio.convs.pool3"] == [24, 25, 37] and shapes["classifier.output"] == [4]


@pytest.mark.parametrize("name", ["iemocap", "ravdess", "manifest", "toy"])
def test_info_of_a_dataset_says_how_to_get_it(name: str) -> None:
    document = describe(name)
    assert document["kind"] == "dataset" and document["obtain"] and document["protocol"]
    assert name in emozoo("info", name).stdout


def test_info_of_nothing_gives_the_nearest() -> None:
    assert "did you mean cnn_rnn" in one_error(emozoo("info", "cnn_rn", check=2))


def test_measured_results_name_their_command() -> None:
    rows = measured_results()
    assert rows
    for row in rows:
        assert row["command"].startswith(f"emozoo train {row['architecture']} ")
        assert 0 <= float(row["ua_low"]) <= float(row["ua"]) <= float(row["ua_high"]) <= 1
    shown = json.loads(emozoo("info", "cnn", "--json").stdout)["measured_results"]
    assert len(shown) == sum(row["architecture"] == "cnn" for row in rows)
    assert len({tuple(row.values()) for row in shown}) == len(shown), "two rows of one corpus can be told apart"
    best = max(row["ua_mean"] for row in shown)
    table = emozoo("info", "cnn", COLUMNS="300").stdout
    assert "UA %, mean" in table and f"{100 * best:.1f}" in table and f"{best:.4f}" not in table


def test_a_narrow_terminal_and_a_pipe_lose_no_words() -> None:
    narrow = emozoo("list", COLUMNS="36").stdout
    assert max(map(len, narrow.splitlines())) <= 36
    assert "cnn_rnn_3dcnn" in re.sub(r"[│\s]", "", narrow)
    assert "\x1b" not in emozoo("list").stdout  # no colours in a pipe


def test_a_terminal_gets_colours_and_no_color_takes_them_away() -> None:
    def on_a_terminal(**environment: str) -> str:
        reader, writer = pty.openpty()
        kept = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "TERM")}
        process = subprocess.Popen(
            [sys.executable, "-m", "emozoo", "list"],
            stdout=writer,
            stderr=subprocess.DEVNULL,
            env={**kept, "TERM": "xterm", **environment},
        )
        os.close(writer)
        text = b""
        while True:
            try:
                chunk = os.read(reader, 4096)
            except OSError:
                break
            if not chunk:
                break
            text += chunk
        assert process.wait(60) == 0
        return text.decode()

    assert "\x1b[32mok" in on_a_terminal()
    assert "\x1b[32mok" not in on_a_terminal(NO_COLOR="1")


def test_the_core_names_no_plugin() -> None:
    folder = Path(emozoo_package.__file__).parent
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"emozoo_singh_fang", text), path
