"""`python -m emozoo`."""

from __future__ import annotations

from emozoo.cli.app import main

main()
