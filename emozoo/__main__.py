"""`python -m emozoo`."""

from emozoo.cli import main

main()
