"""The search for settings: what is tried, the trials, and what they found."""
