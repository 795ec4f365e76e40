"""A checkpoint from layout to layout and an adapter folded in, on tiny random weights.

    python examples/move_weights.py OUT

With a real checkpoint only the paths change; it is mapped, so memory stays at its own size.
"""

import sys
from pathlib import Path

import torch

from rareworld.models.cosmos_predict.tiny import tiny_checkpoint, write_tiny_adapter
from rareworld.models.cosmos_predict.weights.convert import ConvertConfig, Target, convert
from rareworld.models.cosmos_predict.weights.inspection import inspect_checkpoint
from rareworld.models.cosmos_predict.weights.loading import load_net
from rareworld.models.cosmos_predict.weights.reader import read_checkpoint
from rareworld.models.cosmos_predict.weights.writer import write_pt


def main(out: Path) -> None:
    """Write upstream's layout, move it to diffusers' and back, merge an adapter."""
    first, moved, back, fused = (out / name for name in ("pt", "diffusers", "back", "merged"))
    write_pt(first, tiny_checkpoint("predict2.5"))
    facts = inspect_checkpoint(first)
    told = facts.conditional_timestep
    print(f"{facts.family}: {facts.parameters:,} parameters, clean frames are told {told}")

    print("moved", convert(first, moved, ConvertConfig(to=Target.DIFFUSERS)))
    print("back", convert(moved, back, ConvertConfig(to=Target.PT)))
    before, after = read_checkpoint(first), read_checkpoint(back)
    equal = all(torch.equal(before.state[key], after.state[key]) for key in before.state)
    same_timestep = before.conditional_timestep == after.conditional_timestep
    print(f"bit-equal: {equal}, timestep of clean frames kept: {same_timestep}")

    adapter = write_tiny_adapter(out / "adapter", "predict2.5")
    convert(first, fused, ConvertConfig(to=Target.MERGED, adapters=(f"{adapter}=0.5",)))
    net = load_net(fused)
    changed = [
        name
        for name, tensor in net.state_dict().items()
        if not torch.equal(tensor, before.state[name])
    ]
    print(f"the adapter changed {len(changed)} of {len(before.state)} tensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
