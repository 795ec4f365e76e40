"""Tiny random checkpoints in the real names and layouts, made by the tools that make them."""

import random
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
import torch.distributed.checkpoint as dcp
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor

from models.cosmos_predict.tiny import random_net, tiny_config
from rareworld.models.cosmos_predict.config import NetConfig
from rareworld.models.cosmos_predict.model import CosmosDiT

TARGETS = ["q_proj", "k_proj", "v_proj", "output_proj", "mlp.layer1", "mlp.layer2"]
"""What upstream's recipes adapt."""

SMALLEST = {"width": 32, "adaln_dim": 4, "context_dim": 12}

DROPPABLE = {
    "net.pos_embedder.seq": torch.arange(8),
    "net.accum_iteration": torch.tensor(3),
    "net.blocks.0.self_attn.attn_op._extra_state": torch.zeros(1),
}
"""Entries that upstream saves beside the weights."""


def config(family: str = "predict2.5-2b", **changes: object) -> NetConfig:
    """Return a family's structure, as small as it gets: most tests only move bits."""
    raw = None if family.startswith("predict2-") else 20
    return tiny_config(family, **{**SMALLEST, "raw_context_dim": raw, **changes})


def state_of(net: CosmosDiT) -> dict[str, Tensor]:
    return {key: tensor.detach().clone() for key, tensor in net.state_dict().items()}


def tiny_state(
    family: str = "predict2.5-2b", seed: int = 0, **changes: object
) -> dict[str, Tensor]:
    return state_of(random_net(config(family, **changes), seed))


def with_peft(net: CosmosDiT, seed: int = 5, **settings: object) -> CosmosDiT:
    """Return the net with an adapter injected by PEFT, as upstream does; factors are random."""
    peft = LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": TARGETS, **settings})
    out = inject_adapter_in_model(peft, net)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in out.named_parameters():
            if "lora_A" in name or "lora_B" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
            elif "lora_magnitude" in name:
                parameter.mul_(1.0 + 0.1 * torch.rand(parameter.shape, generator=generator))
    return out


def prefixed(state: dict[str, Tensor], prefix: str = "net.") -> dict[str, Tensor]:
    return {prefix + key: tensor for key, tensor in state.items()}


def save_upstream(path: Path, tensors: dict[str, Tensor]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path)
    return path


def save_dcp(folder: Path, tensors: dict[str, Tensor]) -> Path:
    """Save with PyTorch's own writer, no process group."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dcp.save(tensors, checkpoint_id=str(folder))
    return folder


def same(found: dict[str, Tensor], expected: dict[str, Tensor]) -> bool:
    """Return whether two states are equal bit by bit, types included."""
    return found.keys() == expected.keys() and all(
        found[key].dtype == expected[key].dtype and torch.equal(found[key], expected[key])
        for key in expected
    )


def mutations(content: bytes, count: int = 60, seed: int = 0) -> Iterator[bytes]:
    """Yield damaged copies: some bytes changed, cut, doubled or overwritten with 0xff."""
    dice = random.Random(seed)
    for _ in range(count):
        data, at = bytearray(content), dice.randrange(len(content))
        kind = dice.randrange(4)
        if kind == 0:
            for place in dice.choices(range(len(data)), k=dice.randint(1, 8)):
                data[place] = dice.randrange(256)
        elif kind == 1:
            del data[at : at + dice.randint(1, 40)]
        elif kind == 2:
            data[at:at] = data[at : at + 20]
        else:
            data[at : at + 4] = b"\xff" * 4
        yield bytes(data)
