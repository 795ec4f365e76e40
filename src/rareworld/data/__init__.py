"""The on-disk contract: the only place that knows file names and formats."""
