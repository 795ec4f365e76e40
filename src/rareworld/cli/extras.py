"""Which extra brings an optional package; proved complete in tests/cli/test_extras.py."""

from rareworld.errors import MissingExtraError

EXTRAS: dict[str, tuple[str, str]] = {
    "PIL": ("pillow", "report"),
    "cv2": ("opencv-python-headless", "export"),
    "huggingface_hub": ("huggingface-hub", "models"),
    "jinja2": ("jinja2", "report"),
    "libsumo": ("libsumo", "simulate"),
    "mapbox_earcut": ("mapbox-earcut", "annotate"),
    "matplotlib": ("matplotlib", "report"),
    "mujoco": ("mujoco", "simulate"),
    "numba": ("numba", "annotate"),
    "peft": ("peft", "train"),
    "pyoidn": ("pyoidn", "denoise"),
    "safetensors": ("safetensors", "models"),
    "scipy": ("scipy", "annotate"),
    "shapely": ("shapely", "simulate"),
    "tensorboard": ("tensorboard", "train"),
    "tokenizers": ("tokenizers", "models"),
    "torch": ("torch", "models"),
    "transformers": ("transformers", "models"),
    "warp": ("warp-lang", "gpu"),
}
"""Module as imported, to the package and an extra that brings it."""


def missing_extra(error: ModuleNotFoundError) -> MissingExtraError | None:
    """Return the error to show if an optional package is missing; None if it is another module."""
    module = (error.name or "").partition(".")[0]
    if module not in EXTRAS:
        return None
    package, extra = EXTRAS[module]
    return MissingExtraError(package, extra=extra)
