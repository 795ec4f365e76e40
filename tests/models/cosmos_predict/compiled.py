"""Compare fused blocks with plain ones; prints errors and how many graphs served all blocks.

python compiled.py inference|tuned|training|texts|heights
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from models.cosmos_predict.tiny import random_inputs, random_net, relative_error, tiny_config
from rareworld.models.cosmos_predict.model import compile_blocks


def main() -> None:
    """Run one family per generation, per frame and per clip."""
    torch.set_grad_enabled(sys.argv[1] == "training")
    if sys.argv[1] == "heights":
        many_heights()
        return
    errors = []
    config = tiny_config("predict2.5-2b", num_blocks=3)
    given = random_inputs(config, per_frame=True)
    tuned = sys.argv[1] == "tuned"
    plain, fused = random_net(config), compile_blocks(random_net(config), tuned=tuned)
    if sys.argv[1] == "texts":
        given = replace(given, context=(given.context, given.context + 1))
        several_texts(plain(*given), fused(*given))
        return
    expected, found = plain(*given), fused(*given)
    errors.append(relative_error(found, expected))
    if sys.argv[1] == "training":
        expected.square().sum().backward()
        found.square().sum().backward()
        pairs = zip(plain.parameters(), fused.parameters(), strict=True)
        errors += [relative_error(b.grad, a.grad) for a, b in pairs]
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    print(json.dumps({"errors": errors, "graphs": graphs}))


def several_texts(expected: tuple[torch.Tensor, ...], found: tuple[torch.Tensor, ...]) -> None:
    """Compare answers to two texts; the first block is cut in two, so three graphs serve."""
    errors = [relative_error(a, b) for a, b in zip(found, expected, strict=True)]
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    print(json.dumps({"errors": errors, "graphs": graphs}))


def many_heights() -> None:
    """Run ten heights, more shapes than PyTorch fuses on its own; the first once more."""
    config = tiny_config("predict2.5-2b", num_blocks=2)
    plain, fused = random_net(config), compile_blocks(random_net(config), backend="eager")
    errors = []
    for height in [*range(4, 24, 2), 4]:
        given = random_inputs(config, size=(2, height, 4))
        errors.append(relative_error(fused(*given), plain(*given)))
    graphs = torch._dynamo.utils.counters["stats"]["unique_graphs"]
    print(json.dumps({"errors": errors, "graphs": graphs}))


if __name__ == "__main__":
    main()
