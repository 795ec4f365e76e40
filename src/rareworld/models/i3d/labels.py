"""Names of Kinetics-400's classes in the order of I3D's logits, to check weights by eye.

    best_classes(net.features(clips))     # [[("playing cricket", 0.99), ...], ...]

`kinetics400.txt` is `label_map.txt` of DeepMind's kinetics-i3d (Apache-2.0). Proved in
`tests/models/i3d/test_labels.py`.
"""

from functools import cache
from importlib.resources import files

from jaxtyping import Float32
from torch import Tensor

FILE = "kinetics400.txt"


@cache
def kinetics_labels() -> tuple[str, ...]:
    """Return the 400 names."""
    text = (files("rareworld.models.i3d") / FILE).read_text("utf-8")
    return tuple(text.splitlines())


def best_classes(logits: Float32[Tensor, "n 400"], count: int = 3) -> list[list[tuple[str, float]]]:
    """Return names and probabilities of each clip's likeliest classes."""
    names = kinetics_labels()
    best = logits.softmax(-1).topk(count)
    rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return [
        [(names[place], value) for place, value in zip(places, values, strict=True)]
        for places, values in rows
    ]
