"""A dot-matrix alphabet of our own: seven rows of five dots per sign, as numbers in base 32."""

import numpy as np
from jaxtyping import Bool

from rareworld.errors import ConfigError

ROWS, COLUMNS = 7, 5

_SIGNS: dict[str, tuple[int, int, int, int, int, int, int]] = {
    " ": (0, 0, 0, 0, 0, 0, 0),
    "0": (14, 17, 19, 21, 25, 17, 14),
    "1": (4, 12, 4, 4, 4, 4, 14),
    "2": (14, 17, 1, 6, 8, 16, 31),
    "3": (14, 17, 1, 6, 1, 17, 14),
    "4": (2, 6, 10, 18, 31, 2, 2),
    "5": (31, 16, 30, 1, 1, 17, 14),
    "6": (6, 8, 16, 30, 17, 17, 14),
    "7": (31, 1, 2, 4, 4, 8, 8),
    "8": (14, 17, 17, 14, 17, 17, 14),
    "9": (14, 17, 17, 15, 1, 2, 12),
    "A": (14, 17, 17, 31, 17, 17, 17),
    "B": (30, 17, 17, 30, 17, 17, 30),
    "C": (14, 17, 16, 16, 16, 17, 14),
    "D": (28, 18, 17, 17, 17, 18, 28),
    "E": (31, 16, 16, 30, 16, 16, 31),
    "F": (31, 16, 16, 30, 16, 16, 16),
    "G": (14, 17, 16, 23, 17, 17, 15),
    "H": (17, 17, 17, 31, 17, 17, 17),
    "I": (14, 4, 4, 4, 4, 4, 14),
    "J": (7, 2, 2, 2, 2, 18, 12),
    "K": (17, 18, 20, 24, 20, 18, 17),
    "L": (16, 16, 16, 16, 16, 16, 31),
    "M": (17, 27, 21, 21, 17, 17, 17),
    "N": (17, 25, 21, 19, 17, 17, 17),
    "O": (14, 17, 17, 17, 17, 17, 14),
    "P": (30, 17, 17, 30, 16, 16, 16),
    "Q": (14, 17, 17, 17, 21, 18, 13),
    "R": (30, 17, 17, 30, 20, 18, 17),
    "S": (15, 16, 16, 14, 1, 1, 30),
    "T": (31, 4, 4, 4, 4, 4, 4),
    "U": (17, 17, 17, 17, 17, 17, 14),
    "V": (17, 17, 17, 17, 17, 10, 4),
    "W": (17, 17, 17, 21, 21, 27, 17),
    "X": (17, 17, 10, 4, 10, 17, 17),
    "Y": (17, 17, 10, 4, 4, 4, 4),
    "Z": (31, 1, 2, 4, 8, 16, 31),
    "-": (0, 0, 0, 31, 0, 0, 0),
    "_": (0, 0, 0, 0, 0, 0, 31),
    ".": (0, 0, 0, 0, 0, 12, 12),
    ":": (0, 12, 12, 0, 12, 12, 0),
    "/": (1, 1, 2, 4, 8, 16, 16),
}
"""Rows from the top; the highest of five bits is the left dot."""


def check_text(text: str) -> str:
    """Return the text in capitals.

    Raises:
        ConfigError: If a sign is not in the alphabet.
    """
    capital = text.upper()
    unknown = sorted(set(capital) - set(_SIGNS))
    if unknown:
        raise ConfigError(
            f"lens.stamp.text: cannot draw {', '.join(unknown)} in {text!r}; "
            f"use letters, digits, blanks and {' '.join('-_.:/')}"
        )
    return capital


def dots_of(text: str) -> Bool[np.ndarray, "7 n"]:
    """Return the dots of a line of text, one blank column between signs."""
    bits = 1 << np.arange(COLUMNS - 1, -1, -1)
    signs = [np.array(_SIGNS[sign])[:, None] & bits for sign in text]
    blank = np.zeros((ROWS, 1), np.int64)
    parts = [part for sign in signs for part in (sign, blank)]
    return np.concatenate(parts[:-1] or [blank], axis=1) > 0
