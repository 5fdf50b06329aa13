"""The points of a plugin's contract, and the processes in which plugins are tried."""
