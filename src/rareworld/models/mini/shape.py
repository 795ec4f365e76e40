"""The shape of `mini`: Predict2.5's network and Wan 2.1's tokenizer in small sizes.

A clip is 17 frames of 128 x 224 at 8 a second (2.1 s); the tokenizer makes 16 x 5 x 16 x 28 of it
and patches of 1 x 2 x 2 make 560 tokens. Proved in `tests/models/mini/test_shape.py`.
"""

from dataclasses import replace

from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.defaults import Defaults
from rareworld.models.cosmos_predict.weights.shapes import custom_family
from rareworld.models.wan_vae.config import WanVaeConfig

MINI_NET = NetConfig(
    width=320,
    num_blocks=8,
    num_heads=5,
    adaln_dim=64,
    raw_context_dim=512,
    context_dim=256,
    timestep_scale=0.001,
    fp32_modulation=True,
)
"""The transformer."""
MINI_FAMILY = replace(custom_family(MINI_NET), name="predict2.5-mini")
"""What its output means: the velocity of Predict2.5's rectified flow."""
MINI_TOKENIZER = WanVaeConfig(base_dim=16, num_res_blocks=1)
"""Shape of the tokenizer, less its own statistics: for tests and dry runs before one is trained."""
MINI_DEFAULTS = Defaults(
    height=128,
    width=224,
    num_frames=17,
    fps=8,
    num_steps=12,
    guidance=1.0,
    shift=2.0,
    negative_prompt="",
    text_width=512,
)
"""What it was trained at, and how it samples unless told otherwise."""
