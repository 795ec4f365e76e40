"""What compiling needs."""

from pathlib import Path

import pytest
import torch

from rareworld.nn import fusing
from rareworld.nn.fusing import can_fuse


@pytest.mark.parametrize(
    ("device", "compiler", "triton", "fused"),
    [
        ("cuda", "/usr/bin/gcc", True, True),
        ("cuda", None, True, False),
        ("cuda", "/usr/bin/gcc", False, False),
        ("cpu", "/usr/bin/gcc", True, False),
    ],
)
def test_fusing_needs_a_gpu_triton_a_compiler_and_headers(
    device: str, compiler: str | None, triton: bool, fused: bool,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    (tmp_path / "Python.h").touch()
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr(fusing, "which", lambda _: compiler)
    monkeypatch.setattr(fusing, "find_spec", lambda _: object() if triton else None)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert can_fuse(torch.device(device)) is fused
    (tmp_path / "Python.h").unlink()
    assert not can_fuse(torch.device(device))
