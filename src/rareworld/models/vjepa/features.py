"""JEDi's features: V-JEPA behind `load_feature_net("vjepa-ssv2")`.

Pre-processing `jedi`: frames squashed to 224 x 224 with torch's bilinear, scaled to 0 to 1 and
normalised by ImageNet's mean and deviation. Features are the probe's pooled token: 1280 for a clip
of 16 frames. The package videojedi 1.1.0 takes ViT-H/16, whatever the paper's tables say of ViT-L,
and leaves the resize to its caller.

JEDi itself is the squared MMD of these rows with the kernel (x . y / 1280)^2, means over all pairs,
times 100. Source: Luo et al. 2024 (2410.05203). Proved in `tests/models/vjepa/test_features.py`.
"""

from pathlib import Path
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor

from rareworld.errors import ConfigError
from rareworld.models.clip_input import check_clips, exact_float32, in_chunks, squashed
from rareworld.models.packaged import WeightsRecord
from rareworld.models.states import frozen
from rareworld.models.video_vit import VitShape
from rareworld.models.vjepa.net import VJepa
from rareworld.models.vjepa.weights import VIT_H, read_vjepa, vjepa_folder

PREPROCESSING = "jedi"
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of red, green and blue."""
_AT_ONCE_CPU = 1
_AT_ONCE_GPU = 8


@final
class VJepaFeatures:
    """A row for each clip; see `models.features.FeatureNet`."""

    name = "vjepa-ssv2"
    preprocessing = PREPROCESSING

    def __init__(self, net: VJepa, weights: WeightsRecord, *, device: torch.device) -> None:
        self.weights = weights
        self.device = device
        self.width = net.shape.width
        self.frames = net.shape.frames
        self._size = net.shape.size
        self._net = frozen(net, device)
        self._at_once = _AT_ONCE_CPU if device.type == "cpu" else _AT_ONCE_GPU

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n d"]:
        """Return a row for each clip.

        Raises:
            ConfigError: If these are not bytes of RGB clips of the protocol's length.
        """
        check_clips(clips, self.name, frames=self.frames)
        with exact_float32():
            chunks = in_chunks(clips, self._at_once)
            return torch.cat([self._net(self._pixels(chunk)) for chunk in chunks])

    def _pixels(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "n 3 t y x"]:
        scaled = squashed(clips.to(self.device), self._size) / 255
        mean, deviation = (
            torch.tensor(values, device=self.device)[:, None, None, None]
            for values in (MEAN, DEVIATION)
        )
        return (scaled - mean) / deviation


def load_vjepa(
    weights: Path | None = None,
    *,
    device: torch.device,
    preprocessing: str | None = None,
    shape: VitShape = VIT_H,
) -> VJepaFeatures:
    """Return the network with weights from a folder or our cache.

    Raises:
        ConfigError: If there is no such pre-processing.
        FormatError: If the weights are not there (they are not downloaded) or not this network's.
    """
    if preprocessing not in (None, PREPROCESSING):
        raise ConfigError(f"vjepa-ssv2: no pre-processing {preprocessing!r} (known: jedi)")
    folder, record = vjepa_folder(weights)
    return VJepaFeatures(read_vjepa(folder, shape), record, device=device)
