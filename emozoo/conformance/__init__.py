"""The contract's points, and the processes in which plugins are tried."""
