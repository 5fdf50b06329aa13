"""Users' tables: files become rows, columns get their meaning."""
