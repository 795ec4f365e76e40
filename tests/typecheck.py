"""The run-time checker of every annotation in tests: beartype, with ints allowed as floats."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""Named by `--jaxtyping-packages` in pyproject.toml."""
