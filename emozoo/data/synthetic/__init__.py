"""Synthetic clips: voices, faces, and the files that they are written into."""
