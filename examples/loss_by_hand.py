"""What post-training teaches: one clip, its draws, its noisy latents, its loss.

    python examples/loss_by_hand.py OUT

The same seed and place in a run give the same draws, on any device and number of GPUs.
"""

import sys
from pathlib import Path

import torch

from rareworld.models.cosmos_predict.tiny import tiny_checkpoint
from rareworld.models.cosmos_predict.weights.loading import build_net
from rareworld.train.batch import Batch
from rareworld.train.config import ObjectiveConfig
from rareworld.train.objective.draws import draw, rules_of
from rareworld.train.objective.world import WorldObjective


def main(_: Path) -> None:
    """Print what is drawn for a sample, and its loss, twice."""
    checkpoint = tiny_checkpoint("predict2.5")
    net = build_net(checkpoint, adapters=[], dtype=torch.float32, device=torch.device("cpu"))
    config = ObjectiveConfig(conditional_frames={1: 0.5, 2: 0.5})
    objective = WorldObjective(
        net, checkpoint.family, config, conditional_timestep=0.1, seed=7, dtype=torch.float32
    )
    generator = torch.Generator().manual_seed(0)
    batch = Batch(
        latent=torch.randn(1, 16, 5, 8, 12, generator=generator),
        context=torch.randn(1, 512, 64, generator=generator),
        ids=(1234,),
        clips=("a clip",),
    )
    rules = rules_of(config, checkpoint.family.objective)
    drawn = draw(7, 1234, batch.latent.shape[1:], rules)
    print(f"noise level {float(drawn.sigma):.3f}, {int(drawn.clean_frames)} clean latent frames")
    first, again = (objective.loss(batch).per_sample for _ in range(2))
    print(f"loss {float(first):.3f}, the same again: {torch.equal(first, again)}")
    other = Batch(latent=batch.latent, context=batch.context, ids=(1235,), clips=("a clip",))
    print(f"in another place of the run: {float(objective.loss(other).per_sample):.3f}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
