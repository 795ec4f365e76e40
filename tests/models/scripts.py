"""TorchScript archives for tests: a tree of tensors by dotted names, saved as torch saves one."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn


class Holder(nn.Module):
    """A module that only holds tensors and others."""

    def forward(self, x: Tensor) -> Tensor:
        return x


def tree(tensors: Mapping[str, Tensor]) -> Holder:
    """Return modules that hold tensors under their names, in the order given."""
    root = Holder()
    for name, value in tensors.items():
        *modules, leaf = name.split(".")
        below: nn.Module = root
        for module in modules:
            if module not in dict(below.named_children()):
                below.add_module(module, Holder())
            below = below.get_submodule(module)
        below.register_buffer(leaf, value)
    return root


def save_script(module: nn.Module, path: Path) -> Path:
    """Write a module as TorchScript; torch tells that TorchScript is old."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(module).save(str(path))
    return path
