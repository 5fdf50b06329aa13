"""The command line beside a Hub on loopback, and checkpoints that lie there without a push."""

import subprocess
from pathlib import Path
from typing import Any

from emozoo.publishing.push import PUBLISHED
from support.hub_server import Hub, Repo
from support.small import emozoo

NAME = "anna/emo-cnn"


def environment(hub: Hub, home: Path, token: str | None = "hf_writer") -> dict[str, str]:
    secret = {"HF_TOKEN": token} if token else {}
    return {
        "HF_HOME": str(home), "HF_ENDPOINT": hub.url, "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1", **secret,
    }  # fmt: skip


def cli(
    hub: Hub, home: Path, *words: Any, check: int | None = 0, token: str | None = "hf_writer", **more: str
) -> subprocess.CompletedProcess[str]:
    done = emozoo(*map(str, words), check=check, **{**environment(hub, home, token), **more})
    for secret in (*hub.tokens, "hf_wrong"):
        assert secret not in done.stdout + done.stderr
    return done


def publish(hub: Hub, run: Path, name: str = NAME, **changes: Any) -> Repo:
    """Puts a checkpoint there without a push."""
    repo = hub.models.setdefault(name, Repo(name, **changes))
    repo.commit({path.name: path.read_bytes() for path in run.iterdir() if path.name in PUBLISHED}, "by hand")
    return repo
