"""Compare fused blocks with plain ones; prints errors and how many graphs served all blocks.

python compiled.py inference|training
"""

import json
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error, tiny_config
from rareworld.models.cosmos_predict.model import compile_blocks


def main() -> None:
    """Run one family per generation, per frame and per clip."""
    torch.set_grad_enabled(sys.argv[1] == "training")
    errors = []
    config = tiny_config("predict2.5-2b", num_blocks=3)
    given = random_inputs(config, per_frame=True)
    plain, fused = random_net(config), compile_blocks(random_net(config))
    expected, found = plain(*given), fused(*given)
    errors.append(relative_error(found, expected))
    if sys.argv[1] == "training":
        expected.square().sum().backward()
        found.square().sum().backward()
        pairs = zip(plain.parameters(), fused.parameters(), strict=True)
        errors += [relative_error(b.grad, a.grad) for a, b in pairs]
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    print(json.dumps({"errors": errors, "graphs": graphs}))


if __name__ == "__main__":
    main()
