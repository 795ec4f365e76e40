"""Names of weights: upstream's `Wan2.1_VAE.pth` (Cosmos' `tokenizer.pth`) and diffusers', ours.

Source: Wan 2.1 `vae.py` for upstream's, where layers are numbered in sequences.
Proved in `tests/models/wan_vae/test_names.py` by diffusers' own conversion.
"""

import re
from collections.abc import Iterable

_RULES: tuple[tuple[str, str], ...] = (
    (r"^quant_conv\.", "conv1."),
    (r"^post_quant_conv\.", "conv2."),
    (r"\.conv_in\.", ".conv1."),
    (r"\.norm_out\.", ".head.0."),
    (r"\.conv_out\.", ".head.2."),
    (r"\.mid_block\.resnets\.0\.", ".middle.0."),
    (r"\.mid_block\.attentions\.0\.", ".middle.1."),
    (r"\.mid_block\.resnets\.1\.", ".middle.2."),
    (r"\.down_blocks\.", ".downsamples."),
)
_INSIDE_BLOCK: tuple[tuple[str, str], ...] = (
    (r"\.norm1\.", ".residual.0."),
    (r"\.conv1\.", ".residual.2."),
    (r"\.norm2\.", ".residual.3."),
    (r"\.conv2\.", ".residual.6."),
    (r"\.conv_shortcut\.", ".shortcut."),
)
_UP = re.compile(r"\.up_blocks\.(\d+)\.(resnets|upsamplers)\.(\d+)\.")
MARK = "encoder.conv1.weight"
"""A name that only upstream's files hold."""


def upstream_name(name: str, res_blocks: int) -> str:
    """Return upstream's name of one of our weights; `res_blocks` is the encoder's per resolution.

    >>> upstream_name("decoder.up_blocks.1.resnets.0.norm1.gamma", 2)
    'decoder.upsamples.4.residual.0.gamma'
    """
    in_block = re.search(r"\.(resnets|down_blocks)\.\d+\.", name) is not None

    def flat(match: re.Match[str]) -> str:
        level, kind, index = int(match[1]), match[2], int(match[3])
        place = index if kind == "resnets" else res_blocks + 1
        return f".upsamples.{level * (res_blocks + 2) + place}."

    name = _UP.sub(flat, name)
    for pattern, replacement in _RULES + (_INSIDE_BLOCK if in_block else ()):
        name = re.sub(pattern, replacement, name)
    return name


def from_upstream(names: Iterable[str], res_blocks: int) -> dict[str, str]:
    """Return our name of each upstream name, for all of our names."""
    return {upstream_name(name, res_blocks): name for name in names}
