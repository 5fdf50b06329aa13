"""Model cards, and what is written to the Hub: pushes and Spaces."""
