"""Claims about run lengths, against pycocotools."""

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rareworld.core.seed import Seed
from rareworld.data.rle import decode_mask, encode_mask, mask_area, pack_counts, unpack_counts
from rareworld.errors import FormatError

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24))


@given(MASKS)
def test_masks_survive(mask: np.ndarray) -> None:
    text = encode_mask(mask)
    np.testing.assert_array_equal(decode_mask(text, *mask.shape), mask)
    assert mask_area(text) == mask.sum()


@given(MASKS)
def test_text_is_that_of_pycocotools(mask: np.ndarray) -> None:
    coco = pytest.importorskip("pycocotools.mask")
    oracle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert encode_mask(mask) == oracle


def test_large_mask_is_that_of_pycocotools() -> None:
    coco = pytest.importorskip("pycocotools.mask")
    random = Seed(2).child("mask").generator()
    mask = np.kron(random.random((54, 96)) < 0.4, np.ones((20, 20))).astype(bool)
    oracle = coco.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"].decode()
    assert encode_mask(mask) == oracle


@given(MASKS, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.integers(0, 9))
def test_a_cut_out_gives_the_text_of_the_whole(
    mask: np.ndarray, left: int, top: int, right: int, bottom: int
) -> None:
    whole = np.pad(mask, ((top, bottom), (left, right)))
    height, width = whole.shape
    assert encode_mask(mask, x=left, y=top, height=height, width=width) == encode_mask(whole)


@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=30))
def test_counts_survive_at_any_size(counts: list[int]) -> None:
    array = np.array(counts, np.int64)
    np.testing.assert_array_equal(unpack_counts(pack_counts(array)), array)


@pytest.mark.parametrize("text", ["\x01", "é", "P"])
def test_damaged_text_is_named(text: str) -> None:
    with pytest.raises(FormatError, match="not a COCO run-length text"):
        unpack_counts(text)


def test_wrong_image_size_is_named() -> None:
    text = encode_mask(np.ones((3, 4), bool))
    with pytest.raises(FormatError, match="covers 12 pixels, the image 4 x 4 has 16"):
        decode_mask(text, 4, 4)
