"""Published corpora as datasets of emozoo, each in a module of its own, as they are unpacked."""
