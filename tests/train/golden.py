"""Twenty steps of a tiny net of each generation, by every part a real run is made of but the data.

python -m tests.train.golden            compare with the golden file and print
python -m tests.train.golden --write    write it anew, after a change that is meant to change it
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from rareworld.models.cosmos_predict.model import CosmosDiT
from rareworld.models.cosmos_predict.tiny import Generation, tiny_checkpoint
from rareworld.train.batch import Batch
from rareworld.train.config import EmaConfig, ObjectiveConfig, ScheduleConfig
from rareworld.train.ema import PowerEma
from rareworld.train.objective.world import WorldObjective
from rareworld.train.optimizer import UPSTREAM, clip_gradients, make_optimizer
from rareworld.train.schedule import factor

GOLDEN = Path(__file__).with_name("golden_losses.json")
GENERATIONS: tuple[Generation, ...] = ("predict2", "predict2.5")
STEPS, SEED = 20, 11
SCHEDULE = ScheduleConfig(warm_up=5, cycle=STEPS, f_max=1.0, f_min=0.1)


@dataclass(frozen=True)
class Run:
    """What is pinned of a run."""

    losses: list[float]
    gradient_norms: list[float]
    averaged_loss: float
    """Loss of the first batch under the averaged weights."""


def clips(channels: int, width: int) -> list[Batch]:
    """Four clips of smooth latents, in two micro-batches; their ids are set by the step."""
    generator = torch.Generator().manual_seed(0)
    out = []
    for first in (0, 2):
        coarse = torch.randn(2, channels, 3, 2, 2, generator=generator)
        latent = torch.nn.functional.interpolate(coarse, (4, 6, 8), mode="trilinear")
        context = torch.randn(2, 5, width, generator=generator)
        out.append(Batch(latent=latent, context=context, ids=(0, 1), clips=(f"{first}", "b")))
    return out


def at_step(batch: Batch, step: int) -> Batch:
    """Return clips with the places of a step in the run's series of draws."""
    ids = (2 * step, 2 * step + 1)
    return Batch(latent=batch.latent, context=batch.context, ids=ids, clips=batch.clips)


def run(generation: Generation) -> Run:
    """Train a tiny net whole, on the host, for twenty steps."""
    checkpoint = tiny_checkpoint(generation)
    family = checkpoint.family
    net = CosmosDiT(family.net)
    net.load_state_dict(checkpoint.state)
    objective = WorldObjective(
        net, family, ObjectiveConfig(), checkpoint.conditional_timestep, SEED
    )
    config = UPSTREAM[family.objective].model_copy(update={"lr": 2e-3})
    trained = {n: p for n, p in net.named_parameters() if not n.startswith("crossattn_proj")}
    optimizer = make_optimizer(trained.values(), config)
    ema = PowerEma(trained, EmaConfig())
    data = clips(family.net.latent_channels, family.net.context_dim)
    losses, norms = [], []
    for step in range(STEPS):
        loss = objective.loss(at_step(data[step % 2], step))
        loss.total.backward()
        norms.append(clip_gradients(trained.values(), config.clip).norm)
        for group in optimizer.param_groups:
            group["lr"] = config.lr * factor(step, SCHEDULE)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(step)
        losses.append(loss.total.item())
    with ema.applied(), torch.no_grad():
        averaged = objective.loss(at_step(data[0], 0)).total.item()
    return Run(losses, norms, averaged)


def read() -> dict[str, Run]:
    """Return the golden runs."""
    return {name: Run(**values) for name, values in json.loads(GOLDEN.read_text()).items()}


def main(arguments: list[str]) -> None:
    """Print each generation's losses; write the file where that is asked for."""
    runs: dict[str, Run] = {generation: run(generation) for generation in GENERATIONS}
    for name, made in runs.items():
        print(name, " ".join(f"{loss:.4f}" for loss in made.losses))
    if "--write" in arguments:
        pinned = {name: asdict(made) for name, made in runs.items()}
        GOLDEN.write_text(json.dumps(pinned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
