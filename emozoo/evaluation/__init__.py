"""A model measured on labelled clips."""
