"""Checkpoints of other libraries, opened as emozoo's: one file a reader, and the networks that they are translated to.

A reader looks at config files as data. It runs nothing of a checkpoint and unpickles nothing; transformers is imported
when a checkpoint is read or a network is built.
"""
