"""Compare fused blocks that have adapters with plain ones; prints errors and how many graphs."""

import copy
import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error, tiny_config
from rareworld.models.cosmos_predict.adapt import AdapterSpec, add_adapters, without_adapters
from rareworld.models.cosmos_predict.model import compile_blocks


def main() -> None:
    """Run LoRA and DoRA over a bfloat16-free net, with the adapters on and off."""
    config = tiny_config("predict2.5-2b", num_blocks=2)
    given, errors = random_inputs(config), []
    specs = [AdapterSpec(rank=4), AdapterSpec(rank=4, dora=True, targets="with_norms")]
    for spec in specs:
        plain = add_adapters(random_net(config), spec, seed=0)
        with torch.no_grad():
            for name, parameter in plain.trained.items():
                parameter.add_(0.1 if "lora_B" in name else 0.0)
        fused = copy.deepcopy(plain)
        compile_blocks(fused.net, backend="aot_eager")
        expected, found = plain.net(*given), fused.net(*given)
        errors.append(relative_error(found, expected))
        expected.square().mean().backward()
        found.square().mean().backward()
        pairs = zip(plain.parameters, fused.parameters, strict=True)
        errors += [relative_error(b.grad, a.grad) for a, b in pairs]
        with torch.no_grad(), without_adapters(plain) as one, without_adapters(fused) as two:
            errors.append(relative_error(two(*given), one(*given)))
        errors.append(relative_error(fused.net(*given), expected))
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    # the first block's tokens take no gradient, the others' do; without adapters all are alike
    print(json.dumps({"errors": errors, "graphs": graphs, "expected_graphs": 3 * len(specs)}))


if __name__ == "__main__":
    main()
