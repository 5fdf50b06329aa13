"""One module a dataset."""
