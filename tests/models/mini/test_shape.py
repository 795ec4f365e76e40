"""The shape of `mini`: what it costs, and that its parts fit together."""

from rareworld.models.cosmos_predict.families import count_parameters
from rareworld.models.cosmos_predict.sizes import latents_of
from rareworld.models.mini.shape import MINI_DEFAULTS, MINI_FAMILY, MINI_NET, MINI_TOKENIZER
from rareworld.models.wan_vae.config import SPACE_STRIDE


def test_the_network_has_as_many_parameters_as_its_family_says() -> None:
    assert count_parameters(MINI_NET) == MINI_FAMILY.parameters == 15_393_856


def test_a_clip_is_560_tokens() -> None:
    frames, rows, columns = MINI_NET.patch
    tokens = (
        latents_of(MINI_DEFAULTS.num_frames) // frames
        * (MINI_DEFAULTS.height // SPACE_STRIDE // rows)
        * (MINI_DEFAULTS.width // SPACE_STRIDE // columns)
    )  # fmt: skip
    assert tokens == 560


def test_parts_fit_together() -> None:
    assert MINI_TOKENIZER.z_dim == MINI_NET.latent_channels
    assert MINI_DEFAULTS.text_width == MINI_NET.raw_context_dim
    assert MINI_NET.head_dim * MINI_NET.num_heads == MINI_NET.width
