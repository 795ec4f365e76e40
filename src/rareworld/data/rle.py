"""Run lengths of masks as COCO stores them.

Pixels are read column by column; counts alternate between background and mask, background first,
and are written in base 32 (5 bits and a continuation bit per character from "0" on), from the
third count on as the difference to the count two before (pycocotools, `maskApi.c`; Lin et al.
2014). Proved against pycocotools in `tests/data/test_rle.py`.
"""

import numpy as np
from jaxtyping import Bool, Int64, UInt8

from rareworld.errors import FormatError

_MOST_CHARACTERS = 13


def encode_mask(
    mask: Bool[np.ndarray, "h w"], *, x: int = 0, y: int = 0, height: int = 0, width: int = 0
) -> str:
    """Return the compressed counts of a mask.

    The mask may be the cut-out of a larger image of `height` x `width` whose top-left pixel is
    (x, y); everything outside it is background. Without a size the mask is the image.
    """
    return pack_counts(_counts(mask, x, y, height or mask.shape[0], width or mask.shape[1]))


def decode_mask(text: str, height: int, width: int) -> Bool[np.ndarray, "h w"]:
    """Return the mask behind compressed counts.

    Raises:
        FormatError: If the text is damaged or belongs to an image of another size.
    """
    counts = unpack_counts(text)
    if counts.sum() != height * width or (counts < 0).any():
        raise FormatError(
            f"mask covers {int(counts.sum())} pixels, the image {height} x {width} has "
            f"{height * width}; give the size the mask was made with"
        )
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    return flat.reshape(width, height).T


def mask_area(text: str) -> int:
    """Return the number of pixels in a mask without drawing it."""
    return int(unpack_counts(text)[1::2].sum())


def pack_counts(counts: Int64[np.ndarray, "n"]) -> str:
    """Return counts in COCO's base-32 text."""
    left = counts.copy()
    left[3:] -= counts[1:-2]
    table = np.zeros((len(counts), _MOST_CHARACTERS), np.uint8)
    alive = np.ones(len(counts), np.bool_)
    for column in range(_MOST_CHARACTERS):
        low = left & 31
        left = left >> 5
        more: Bool[np.ndarray, " n"] = np.asarray(left != np.where(low & 16, -1, 0))
        table[:, column] = np.where(alive, low + 48 + 32 * more, 0)
        alive = alive & more
        if not alive.any():
            break
    return table[table > 0].tobytes().decode("ascii")


def unpack_counts(text: str) -> Int64[np.ndarray, "n"]:
    """Return the counts behind COCO's base-32 text.

    Raises:
        FormatError: If a character is out of range or the text is cut short.
    """
    digits = _digits(text)
    more = (digits & 32) > 0
    ends = np.flatnonzero(~more)
    starts = np.concatenate([[0], ends[:-1] + 1]).astype(np.int64)
    place = np.arange(len(digits)) - np.repeat(starts, ends - starts + 1)
    parts = (digits & 31) << (5 * place)
    values = np.add.reduceat(parts, starts) if len(ends) else parts
    negative = (digits[ends] & 16) > 0
    values = values - np.where(negative, np.int64(1) << (5 * (place[ends] + 1)), 0)
    return _undo_differences(values)


def _digits(text: str) -> Int64[np.ndarray, "n"]:
    raw: UInt8[np.ndarray, " n"] = np.frombuffer(text.encode("utf-8"), np.uint8)
    digits = raw.astype(np.int64) - 48
    if ((digits < 0) | (digits > 63)).any() or (len(digits) and digits[-1] & 32):
        raise FormatError(f"not a COCO run-length text: {text[:40]!r}; make the labels again")
    return digits


def _undo_differences(values: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    """Sum every second value up; the first count stands apart from the chains."""
    out = values.copy()
    out[1::2] = np.cumsum(values[1::2])
    out[2::2] = np.cumsum(values[2::2])
    return out


def _counts(
    mask: Bool[np.ndarray, "h w"], x: int, y: int, height: int, width: int
) -> Int64[np.ndarray, "n"]:
    """Return alternating run lengths in column-major order of the whole image."""
    rows, columns = mask.shape
    padded = np.zeros((columns, rows + 2), np.int8)
    padded[:, 1:-1] = mask.T
    step = np.diff(padded, axis=1)
    starts = _places(step == 1, x, y, height)
    ends = _places(step == -1, x, y, height)
    joined = np.isin(starts, ends)
    kept_starts, kept_ends = starts[~joined], ends[~np.isin(ends, starts)]
    borders = np.stack([kept_starts, kept_ends], axis=1).ravel()
    last = borders[-1] if len(borders) else 0
    tail = [height * width] if last < height * width else []
    return np.diff(np.concatenate([[0], borders, tail]).astype(np.int64))


def _places(
    changes: Bool[np.ndarray, "w h"], x: int, y: int, height: int
) -> Int64[np.ndarray, "n"]:
    """Return the index in the flattened image of each change."""
    column, row = np.nonzero(changes)
    return (column + x) * height + row + y
