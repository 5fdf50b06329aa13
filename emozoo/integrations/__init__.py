"""emozoo's models in other libraries, and `predict --engine ray`. Only the command line imports them, where it is asked."""

from __future__ import annotations
