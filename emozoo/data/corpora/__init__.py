"""One module per dataset. The names below are for the rest of emozoo, which names no dataset."""

USUAL = "iemocap"
"""The dataset of `emozoo train` where none is named."""
SYNTHETIC = "toy"
"""A dataset that needs no data and takes seconds to train on."""
