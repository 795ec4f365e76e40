"""Compare gradients of compiled or sharded blocks with plain ones; prints relative errors.

python compiled_activations.py compiled keep_attention|offload|full
python compiled_activations.py sharded
"""

import json
import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.cosmos_predict.tiny import (
    Inputs,
    random_inputs,
    random_net,
    relative_error,
    tiny_config,
)
from rareworld.models.cosmos_predict.activations import POLICIES, set_activations
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters
from rareworld.models.cosmos_predict.model import CosmosDiT


def adapted_net() -> CosmosDiT:
    net = random_net(tiny_config("predict2-2b", num_blocks=3))
    add_adapters(net, AdapterSpec(rank=4), seed=0)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            if "lora_B" in name:
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    return net


def grads(net: CosmosDiT, given: Inputs) -> list[Tensor]:
    net.zero_grad()
    net(*given).square().mean().backward()
    found = [p.grad for p in net.parameters() if p.grad is not None]
    return [g.full_tensor() if isinstance(g, DTensor) else g.clone() for g in found]


def errors(found: list[Tensor], expected: list[Tensor]) -> list[float]:
    return [relative_error(a, b) for a, b in zip(found, expected, strict=True)]


def compiled(policy: str) -> dict[str, list[float]]:
    """Take two steps: the second finds everything compiled."""
    net = adapted_net()
    given = random_inputs(net.config, per_frame=True)
    expected = grads(net, given)
    set_activations(net, policy, compile=True)
    found = [error for _ in range(2) for error in errors(grads(net, given), expected)]
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    return {"errors": found, "graphs": [graphs]}


def sharded() -> dict[str, list[float]]:
    """Shard blocks over a group of one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    net = adapted_net()
    given = random_inputs(net.config, per_frame=True)
    expected = grads(net, given)
    mesh = dist.init_device_mesh("cpu", (1,))
    for block in net.blocks:
        fully_shard(block, mesh=mesh)
    fully_shard(net, mesh=mesh)
    found = []
    for policy in POLICIES:
        set_activations(net, policy)
        found += errors(grads(net, given), expected)
    dist.destroy_process_group()
    return {"errors": found}


def main() -> None:
    """Run what is asked for."""
    work = sharded() if sys.argv[1] == "sharded" else compiled(sys.argv[2])
    print(json.dumps(work))


if __name__ == "__main__":
    main()
