"""V-JEPA's published weights: encoder and probe, two checkpoints of Meta's.

    vith16.pth.tar        encoder under `target_encoder`, names behind `module.backbone.`
    ssv2-probe.pth.tar    probe under `classifier`, names behind `module.`; its pooler is used

Both from dl.fbaipublicfiles.com/jepa/vith16/, CC BY-NC 4.0: not fetched by us, given as a folder or
put into our cache. Proved in `tests/models/vjepa/test_weights.py`.
"""

from pathlib import Path

import torch
from torch import Tensor

from rareworld.data.atomic import sha256_bytes
from rareworld.errors import FormatError
from rareworld.models.find import cache_folder
from rareworld.models.packaged import WeightsRecord, given_record
from rareworld.models.states import fill, load_state
from rareworld.models.video_vit import VitShape
from rareworld.models.vjepa.net import VJepa

VIT_H = VitShape(width=1280, depth=32, heads=16, hidden=5120, patch=16)
ENCODER = "vith16.pth.tar"
PROBE = "ssv2-probe.pth.tar"
URL = "https://dl.fbaipublicfiles.com/jepa/vith16/"
CACHE = "facebookresearch/jepa"
_UNUSED = ("linear.", "pooler.cross_attention_block.xattn.proj.")


def vjepa_folder(given: Path | None) -> tuple[Path, WeightsRecord]:
    """Return the folder of both files and their record.

    Raises:
        FormatError: If one is missing, naming where it is and where to put it.
    """
    folder = (given or cache_folder(CACHE)).expanduser()
    lacking = [name for name in (ENCODER, PROBE) if not (folder / name).is_file()]
    if lacking:
        urls = " and ".join(URL + name for name in lacking)
        raise FormatError(
            f"vjepa-ssv2: {folder} lacks {' and '.join(lacking)} of V-JEPA (CC BY-NC 4.0); "
            f"download {urls} and put them there, or give the folder that holds them"
        )
    records = [given_record(folder / name, what="V-JEPA") for name in (ENCODER, PROBE)]
    joined = sha256_bytes("".join(record.sha256 for record in records).encode())
    name = " + ".join(record.name for record in records)
    origin = f"cache, {CACHE}" if given is None else records[0].origin
    return folder, WeightsRecord(name=name, sha256=joined, origin=origin)


def read_vjepa(folder: Path, shape: VitShape = VIT_H) -> VJepa:
    """Return the network with the weights of a folder.

    Raises:
        FormatError: If a file is damaged, of another format or of another network.
    """
    state = _renamed(folder / ENCODER, "target_encoder", "module.backbone.", "encoder.")
    state |= _renamed(folder / PROBE, "classifier", "module.", "")
    with torch.device("meta"):
        net = VJepa(shape)
    fill(net, state, source=str(folder))
    return net


def _renamed(path: Path, shell: str, prefix: str, ours: str) -> dict[str, Tensor]:
    """Return a checkpoint's tensors with our prefix for theirs, without what is not used."""
    loaded = load_state(path, (shell,))
    bare = {name.removeprefix(prefix): value.float() for name, value in loaded.items()}
    return {ours + name: value for name, value in bare.items() if not name.startswith(_UNUSED)}
