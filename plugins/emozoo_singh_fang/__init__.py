"""The four networks of Singh and Fang (2020), "Emotion Recognition in Audio and Video Using Deep Neural Networks".

Each module is one network, and an entry point of its own; `family` holds what they share.
"""
