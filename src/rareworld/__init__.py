"""Make, label, re-light, curate, learn and judge video of the events cameras rarely catch."""

__version__ = "0.1.0"

__all__ = ["__version__"]
