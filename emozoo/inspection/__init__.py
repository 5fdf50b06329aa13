"""What there is to know about a model or a dataset, and how fast a network is."""
