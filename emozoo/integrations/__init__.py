"""emozoo's models in other libraries, a module each. Nothing inside emozoo imports them."""

from __future__ import annotations
