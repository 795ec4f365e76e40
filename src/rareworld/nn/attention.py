"""Unmasked scaled dot-product attention by several back ends, chosen at run time and named.

Layout "b n h d" everywhere: what a projection writes, read by every kernel without a copy.
Sources: Vaswani et al. 2017 (the plain twin), PyTorch's SDPA kernels, and the packages
flash-attn-3, flash-attn-4 (cute) and sageattention where installed. SageAttention quantises
queries and keys, so it is never chosen unasked.
Proved in `tests/nn/test_attention.py`: every back end that runs here against the plain twin.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast, final, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import scaled_dot_product_attention

from rareworld.errors import DeviceError

HEAD_DIM = 128
"""Channels of a head that back ends are asked about unless told otherwise."""


@final
class AttentionBackend(StrEnum):
    """What computes softmax(q k^T / sqrt(d)) v."""

    AUTO = "auto"
    """The first exact one that takes the tensors: cuDNN, flash, efficient, plain."""
    PLAIN = "plain"
    """The formula, a matrix of all scores in memory: the readable twin of the others."""
    CUDNN = "cudnn"
    """PyTorch's SDPA by cuDNN."""
    FLASH = "flash"
    """PyTorch's SDPA by its flash kernels, on CPU too."""
    EFFICIENT = "efficient"
    """PyTorch's SDPA by its memory-efficient kernel, float32 too."""
    FLASH3 = "flash3"
    """FlashAttention 3 (Hopper), package `flash-attn-3`."""
    SAGE = "sage"
    """SageAttention, 8-bit scores: approximate, package `sageattention`."""
    FA4 = "fa4"
    """FlashAttention 4 (Hopper and Blackwell), package `flash-attn-4`."""


@final
@dataclass(frozen=True)
class Choice:
    """A back end that runs, and why it was taken; printed at the start of a job."""

    backend: AttentionBackend
    why: str

    def __str__(self) -> str:
        """Return one line for the log."""
        return f"attention: {self.backend} ({self.why})"


@runtime_checkable
class Attend(Protocol):
    """Attention of queries over keys and values: the seam for back ends and sequence sharding."""

    def __call__(
        self,
        q: Float[Tensor, "b n h d"],
        k: Float[Tensor, "b m h d"],
        v: Float[Tensor, "b m h d"],
    ) -> Float[Tensor, "b n h d"]:
        """Return the attended values, a row per query."""
        ...


@final
@dataclass(frozen=True)
class LocalAttend:
    """Attention within one process."""

    backend: AttentionBackend = AttentionBackend.AUTO

    def __call__(
        self,
        q: Float[Tensor, "b n h d"],
        k: Float[Tensor, "b m h d"],
        v: Float[Tensor, "b m h d"],
    ) -> Float[Tensor, "b n h d"]:
        """Return the attended values, a row per query."""
        return attend(q, k, v, self.backend)


def attend(
    q: Float[Tensor, "b n h d"],
    k: Float[Tensor, "b m h d"],
    v: Float[Tensor, "b m h d"],
    backend: AttentionBackend = AttentionBackend.AUTO,
) -> Float[Tensor, "b n h d"]:
    """Return softmax(q k^T / sqrt(d)) v per head.

    Raises:
        DeviceError: If an installed package is wanted and missing; `choose` says what runs.
    """
    if backend is AttentionBackend.PLAIN:
        return plain(q, k, v)
    if backend in _PACKAGES:
        return _packaged(q, k, v, backend)
    if backend is AttentionBackend.AUTO:
        kernels = sdpa_kernel([*_SDPA.values(), SDPBackend.MATH], set_priority=True)
    else:
        kernels = sdpa_kernel(_SDPA[backend])
    q, k, v = (x.transpose(1, 2) for x in (q, k, v))
    with kernels:
        return scaled_dot_product_attention(q, k, v).transpose(1, 2)


def plain(
    q: Float[Tensor, "b n h d"], k: Float[Tensor, "b m h d"], v: Float[Tensor, "b m h d"]
) -> Float[Tensor, "b n h d"]:
    """Return attention by its formula, scores in float32: n x m numbers a head in memory."""
    scores = torch.einsum("bnhd,bmhd->bhnm", q.float(), k.float()) * q.shape[-1] ** -0.5
    return torch.einsum("bhnm,bmhd->bnhd", scores.softmax(dim=-1), v.float()).to(q.dtype)


def choose(
    wanted: AttentionBackend, device: torch.device, dtype: torch.dtype, head_dim: int = HEAD_DIM
) -> Choice:
    """Return the back end to use on a device, and why.

    Raises:
        DeviceError: If a named back end cannot run there; says what stands in its way.
    """
    if wanted is AttentionBackend.AUTO:
        return _choose_fastest(device, dtype, head_dim)
    obstacle = _obstacle(wanted, device, dtype, head_dim)
    if obstacle:
        runs = ", ".join(b for b in _EXACT if not _obstacle(b, device, dtype, head_dim))
        raise DeviceError(f"attention {wanted}: {obstacle}; what runs here: {runs}")
    return Choice(wanted, "asked for")


_SDPA = {
    AttentionBackend.CUDNN: SDPBackend.CUDNN_ATTENTION,
    AttentionBackend.FLASH: SDPBackend.FLASH_ATTENTION,
    AttentionBackend.EFFICIENT: SDPBackend.EFFICIENT_ATTENTION,
}
"""PyTorch's kernels, the order AUTO tries them in."""

_PACKAGES = {
    AttentionBackend.FLASH3: ("flash_attn_interface", "flash_attn_func"),
    AttentionBackend.FA4: ("flash_attn.cute", "flash_attn_func"),
    AttentionBackend.SAGE: ("sageattention", "sageattn"),
}
"""Module and function of each packaged back end; all take and give "b n h d"."""

_EXACT = (
    AttentionBackend.CUDNN,
    AttentionBackend.FLASH,
    AttentionBackend.EFFICIENT,
    AttentionBackend.PLAIN,
)
"""What AUTO looks at, fastest first on Hopper and later."""


@torch.compiler.disable(recursive=True)
def _packaged(q: Tensor, k: Tensor, v: Tensor, backend: AttentionBackend) -> Tensor:
    """Run an installed package's kernel; compiled graphs break round it."""
    module, function = _PACKAGES[backend]
    if not _is_installed(module):
        raise DeviceError(f"attention {backend}: package {module} is not installed")
    kernel = cast(Callable[..., object], vars(import_module(module))[function])
    # SageAttention subtracts the keys' mean in place
    arguments = {"tensor_layout": "NHD"} if backend is AttentionBackend.SAGE else {}
    keys = k.clone() if backend is AttentionBackend.SAGE else k
    out = kernel(q, keys, v, **arguments)
    # FlashAttention returns (out, log-sum-exp) in some releases
    return cast(Tensor, out[0] if isinstance(out, tuple) else out)


def _choose_fastest(device: torch.device, dtype: torch.dtype, head_dim: int) -> Choice:
    order = list(_EXACT)
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < (9, 0):
        order.sort(key=[AttentionBackend.FLASH, *_EXACT].index)  # cuDNN leads from Hopper on
    passed: list[str] = []
    for backend in order:
        obstacle = _obstacle(backend, device, dtype, head_dim)
        if not obstacle:
            why = f"fastest exact one on {device.type} in {dtype}"
            return Choice(backend, "; ".join([why, *passed]))
        passed.append(f"{backend}: {obstacle}")
    raise DeviceError(f"attention: nothing runs on {device}: {'; '.join(passed)}")


def _obstacle(
    backend: AttentionBackend, device: torch.device, dtype: torch.dtype, head_dim: int
) -> str:
    """Return what keeps a back end from running, or nothing."""
    if backend is AttentionBackend.PLAIN:
        return ""
    if backend in _PACKAGES:
        return _packaged_obstacle(backend, device, dtype)
    if device.type != "cuda":
        runs = backend is AttentionBackend.FLASH and device.type == "cpu"
        return "" if runs else f"needs CUDA, found {device.type}"
    return _sdpa_obstacle(backend, device, dtype, head_dim)


def _packaged_obstacle(backend: AttentionBackend, device: torch.device, dtype: torch.dtype) -> str:
    module = _PACKAGES[backend][0]
    if not _is_installed(module):
        return f"package {module} is not installed"
    if device.type != "cuda":
        return f"needs CUDA, found {device.type}"
    half = dtype in {torch.float16, torch.bfloat16}
    return "" if half else f"needs float16 or bfloat16, found {dtype}"


def _sdpa_obstacle(
    backend: AttentionBackend, device: torch.device, dtype: torch.dtype, head_dim: int
) -> str:
    """Ask PyTorch about a kernel, with a small input of the type and head wanted."""
    probe = torch.empty(1, 1, 64, head_dim, device=device, dtype=dtype)
    no_mask, dropout, causal, grouped = None, 0.0, False, False
    asked = torch.backends.cuda.SDPAParams(probe, probe, probe, no_mask, dropout, causal, grouped)
    able = {
        AttentionBackend.CUDNN: torch.backends.cuda.can_use_cudnn_attention,
        AttentionBackend.FLASH: torch.backends.cuda.can_use_flash_attention,
        AttentionBackend.EFFICIENT: torch.backends.cuda.can_use_efficient_attention,
    }[backend]
    if able(asked):
        return ""
    return f"PyTorch's kernel does not take {dtype} with {head_dim} channels a head"


def _is_installed(module: str) -> bool:
    """Tell whether a module can be found, without loading it."""
    parent, _, _ = module.partition(".")
    return find_spec(parent) is not None and find_spec(module) is not None
