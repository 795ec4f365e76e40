"""The noise a sample starts from: made on the host, the same for every device and GPU count.

Source: cosmos-predict2's `arch_invariant_rand`, numpy's legacy Mersenne-Twister normal numbers,
whose stream numpy has frozen; the same seed starts from the same noise there and here.
Proved in `tests/diffusion/test_noise.py` by pinned values.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from rareworld.errors import ConfigError

MAX_SEED = 2**32 - 1
"""Largest seed of the generator."""


def seeded_noise(seed: int, shape: Sequence[int]) -> Float32[Tensor, "..."]:
    """Return unit normal noise of a shape, on the host, for a seed from 0 to `MAX_SEED`.

    Raises:
        ConfigError: If the seed is out of range.
    """
    if not 0 <= seed <= MAX_SEED:
        raise ConfigError(f"seed must be from 0 to {MAX_SEED}, found {seed}")
    draws = np.random.RandomState(seed).standard_normal(tuple(shape))
    return torch.from_numpy(draws.astype(np.float32))
