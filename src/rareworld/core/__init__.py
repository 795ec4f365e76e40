"""The vocabulary of the house: plain types on numpy arrays, no I/O."""
