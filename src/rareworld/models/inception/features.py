"""FID's and KID's features: the Inception behind `load_feature_net("inception")`.

Proved in `tests/models/inception/test_features.py`.
"""

from pathlib import Path
from typing import final

import torch
from jaxtyping import Float32, UInt8
from torch import Tensor, nn

from rareworld.data.config import nearest
from rareworld.errors import ConfigError
from rareworld.models.clip_input import channels_first, check_clips, exact_float32, in_chunks
from rareworld.models.inception.net import WIDTH
from rareworld.models.inception.pixels import RESIZES, to_net
from rareworld.models.inception.weights import read_inception
from rareworld.models.packaged import INCEPTION, WeightsRecord, packaged_weights
from rareworld.models.states import frozen

DEFAULT = "torch-fidelity"
_AT_ONCE_CPU = 4
_AT_ONCE_GPU = 64


@final
class InceptionFeatures:
    """A row of 2048 for each frame; see `models.features.FeatureNet`."""

    name = "inception"
    width = WIDTH
    frames = 1

    def __init__(
        self, net: nn.Module, weights: WeightsRecord, *, preprocessing: str, device: torch.device
    ) -> None:
        self.weights = weights
        self.preprocessing = preprocessing
        self.device = device
        self._net = frozen(net, device)
        self._at_once = _AT_ONCE_CPU if device.type == "cpu" else _AT_ONCE_GPU

    def features(self, clips: UInt8[Tensor, "n t h w 3"]) -> Float32[Tensor, "m 2048"]:
        """Return a row for each frame, clip by clip (m = n t).

        Raises:
            ConfigError: If these are not bytes of RGB clips.
        """
        check_clips(clips, self.name)
        pictures = clips.flatten(0, 1)
        with exact_float32():
            rows = [self._rows(chunk) for chunk in in_chunks(pictures, self._at_once)]
            return torch.cat(rows)

    def _rows(self, pictures: UInt8[Tensor, "b h w 3"]) -> Float32[Tensor, "b 2048"]:
        images = to_net(channels_first(pictures.to(self.device)), self.preprocessing)
        return self._net(images.contiguous(memory_format=torch.channels_last))


def load_inception(
    weights: Path | None = None,
    *,
    device: torch.device,
    preprocessing: str | None = None,
) -> InceptionFeatures:
    """Return the network with weights from a path, the cache or a download.

    Raises:
        ConfigError: If there is no such pre-processing.
        FormatError: If the weights cannot be had or are not this network's.
    """
    mode = preprocessing or DEFAULT
    if mode not in RESIZES:
        raise ConfigError(f"inception: no pre-processing {mode!r}{nearest(mode, tuple(RESIZES))}")
    path, record = packaged_weights(INCEPTION, weights)
    return InceptionFeatures(read_inception(path), record, preprocessing=mode, device=device)
