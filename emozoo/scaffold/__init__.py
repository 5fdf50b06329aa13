"""`emozoo new`: a plugin that works, for its author to change."""
