"""Every attention back end that runs here against the plain twin, and how one is chosen."""

import sys
from types import ModuleType

import pytest
import torch
from torch import Tensor

from rareworld.errors import DeviceError
from rareworld.nn import attention
from rareworld.nn.attention import AttentionBackend, Choice, LocalAttend, attend, choose, plain

CPU = torch.device("cpu")
ON_CPU = [AttentionBackend.AUTO, AttentionBackend.FLASH]
ON_CUDA = [
    AttentionBackend.AUTO,
    AttentionBackend.CUDNN,
    AttentionBackend.FLASH,
    AttentionBackend.EFFICIENT,
]
PACKAGED = [AttentionBackend.FLASH3, AttentionBackend.FA4, AttentionBackend.SAGE]


def random_qkv(n: int = 37, m: int = 21, h: int = 3, d: int = 16) -> tuple[Tensor, Tensor, Tensor]:
    g = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, length, h, d, generator=g) for length in (n, m, m))


def test_plain_is_the_formula_in_float64() -> None:
    q, k, v = random_qkv()
    found = plain(q, k, v)
    for head in range(3):
        scores = q[1, :, head].double() @ k[1, :, head].double().T / 16**0.5
        expected = scores.softmax(dim=-1) @ v[1, :, head].double()
        assert torch.allclose(found[1, :, head].double(), expected, atol=1e-6)


@pytest.mark.parametrize("backend", ON_CPU)
def test_back_ends_agree_with_the_plain_twin(backend: AttentionBackend) -> None:
    q, k, v = random_qkv()
    assert torch.allclose(attend(q, k, v, backend), plain(q, k, v), atol=1e-6)


@pytest.mark.parametrize("backend", ON_CPU)
def test_gradients_agree_with_the_plain_twin(backend: AttentionBackend) -> None:
    def gradients(chosen: AttentionBackend) -> list[Tensor]:
        inputs = [x.requires_grad_() for x in random_qkv()]
        LocalAttend(chosen)(*inputs).square().sum().backward()
        return [x.grad for x in inputs if x.grad is not None]

    found, expected = gradients(backend), gradients(AttentionBackend.PLAIN)
    assert len(found) == len(expected) == 3
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, expected, strict=True))


@pytest.mark.gpu
@pytest.mark.parametrize("head_dim", [64, 128])
@pytest.mark.parametrize("backend", ON_CUDA)
def test_cuda_back_ends_agree_with_the_plain_twin(backend: AttentionBackend, head_dim: int) -> None:
    q, k, v = (x.cuda().bfloat16() for x in random_qkv(n=300, m=170, d=head_dim))
    expected = plain(q.double(), k.double(), v.double())
    assert torch.allclose(attend(q, k, v, backend).double(), expected, atol=2e-2)


@pytest.mark.gpu
@pytest.mark.parametrize("backend", ON_CUDA)
def test_cuda_output_needs_no_copy_to_join_its_heads(backend: AttentionBackend) -> None:
    q, k, v = (x.cuda().bfloat16() for x in random_qkv(n=256, m=256, d=128))
    assert attend(q, k, v, backend).is_contiguous()


def test_output_needs_no_copy_to_join_its_heads() -> None:
    assert attend(*random_qkv(), AttentionBackend.FLASH).is_contiguous()


def test_auto_takes_the_fastest_exact_one_and_says_what_it_passed_over() -> None:
    choice = choose(AttentionBackend.AUTO, CPU, torch.float32)
    assert choice.backend is AttentionBackend.FLASH
    assert "cudnn: needs CUDA, found cpu" in choice.why
    assert str(choice).startswith("attention: flash (fastest exact one on cpu")


@pytest.mark.gpu
def test_auto_takes_cudnn_on_hopper_and_efficient_for_float32() -> None:
    device = torch.device("cuda")
    if torch.cuda.get_device_capability() >= (9, 0):
        assert choose(AttentionBackend.AUTO, device, torch.bfloat16).backend == "cudnn"
    assert choose(AttentionBackend.AUTO, device, torch.float32).backend == "efficient"


@pytest.mark.parametrize("backend", [AttentionBackend.PLAIN, AttentionBackend.FLASH])
def test_a_named_one_that_runs_is_taken(backend: AttentionBackend) -> None:
    assert choose(backend, CPU, torch.float32) == Choice(backend, "asked for")


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        (AttentionBackend.CUDNN, "needs CUDA, found cpu; what runs here: flash, plain"),
        (AttentionBackend.EFFICIENT, "needs CUDA"),
        (AttentionBackend.FLASH3, "package flash_attn_interface is not installed"),
        (AttentionBackend.FA4, "package flash_attn.cute is not installed"),
        (AttentionBackend.SAGE, "package sageattention is not installed"),
    ],
)
def test_a_named_one_that_cannot_run_is_refused(backend: AttentionBackend, says: str) -> None:
    with pytest.raises(DeviceError, match=says):
        choose(backend, CPU, torch.bfloat16)


@pytest.mark.parametrize("backend", PACKAGED)
def test_a_missing_package_is_named_when_called(backend: AttentionBackend) -> None:
    with pytest.raises(DeviceError, match="is not installed"):
        attend(*random_qkv(), backend)


@pytest.mark.parametrize("backend", PACKAGED)
@pytest.mark.parametrize("with_statistics", [True, False])
def test_packages_are_called_in_our_layout(
    backend: AttentionBackend, with_statistics: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in with a package's signature: layout, tuple results and keys left alone."""
    module, function = attention._PACKAGES[backend]
    told: list[dict[str, object]] = []

    def kernel(q: Tensor, k: Tensor, v: Tensor, **options: object) -> object:
        told.append(options)
        out = plain(q, k, v)
        if backend is AttentionBackend.SAGE:
            k.sub_(k.mean(dim=1, keepdim=True))
        return (out, None) if with_statistics else out

    stand_in = ModuleType(module)
    vars(stand_in)[function] = kernel
    monkeypatch.setitem(sys.modules, module, stand_in)
    monkeypatch.setattr(attention, "_is_installed", lambda name: name == module)
    q, k, v = random_qkv()
    kept = k.clone()
    assert torch.equal(attend(q, k, v, backend), plain(q, k, v))
    assert torch.equal(k, kept)
    wanted = {"tensor_layout": "NHD"} if backend is AttentionBackend.SAGE else {}
    assert told == [wanted]
    with pytest.raises(DeviceError, match="needs CUDA, found cpu"):
        choose(backend, CPU, torch.bfloat16)
