"""How a dataset is split into folds, and how a run keeps its split."""
