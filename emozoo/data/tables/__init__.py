"""Lines of users' tables become rows of a dataset."""
