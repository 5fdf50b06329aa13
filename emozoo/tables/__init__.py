"""Users' tables: files become lines of fields, columns get their meaning, times become seconds."""
