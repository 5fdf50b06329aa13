"""Plugins: found through entry points, loaded when used, configured by `--set`."""
