"""Draw what training draws: noise levels, the learning rate, and what the average remembers.

    python tools/training_objective.py [docs/assets/training_objective.svg]

Every number comes from the functions that a run calls.
"""

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rareworld.diffusion import edm, flow
from rareworld.models.cosmos_predict.config import Objective
from rareworld.train.config import EmaConfig, ObjectiveConfig, ScheduleConfig
from rareworld.train.ema import beta_at, power_of
from rareworld.train.objective.draws import rules_of
from rareworld.train.schedule import factor

PICTURE = Path(__file__).resolve().parent.parent / "docs/assets/training_objective.svg"
LATENT_FRAMES = 24
"""Of 93 frames."""
DRAWN = 400_000
NAMES = {Objective.EDM_FLOW: "Predict2", Objective.FLOW: "Predict2.5"}
COLOURS = {Objective.EDM_FLOW: "#d9822b", Objective.FLOW: "#2b6cb0"}
RECIPES = {
    "traffic anomaly (seed 000)": ScheduleConfig(),
    "sports (seed 004)": ScheduleConfig(warm_up=2000, cycle=100_000, f_max=0.5, f_min=0.2),
}
SHOWN_STEPS = 10_000


def times_of(objective: Objective) -> np.ndarray:
    """Return many flow times as training draws them."""
    rules = rules_of(ObjectiveConfig(), objective)
    generator = torch.Generator().manual_seed(0)
    if objective is Objective.FLOW:
        return flow.draw_sigmas(DRAWN, shift=rules.shift, generator=generator).numpy()
    sigmas = edm.draw_sigmas(
        DRAWN,
        latent_frames=LATENT_FRAMES,
        high_share=rules.high_sigma_share,
        generator=generator,
    ).double()
    return (sigmas / (1 + sigmas)).numpy()


def draw_levels(ax: Axes) -> None:
    """Draw how often each flow time is trained."""
    for objective, name in NAMES.items():
        times = times_of(objective)
        ax.hist(times, bins=100, range=(0, 1), density=True, histtype="step", lw=1.3,
                color=COLOURS[objective], label=name)  # fmt: skip
    ax.set(xlabel="flow time (0 data, 1 noise)", ylabel="density", xlim=(0, 1))
    ax.set_title(f"noise levels, {LATENT_FRAMES} latent frames", fontsize=10)
    ax.legend(frameon=False, loc="upper left")


def draw_rates(ax: Axes) -> None:
    """Draw the factor on the learning rate."""
    steps = range(0, SHOWN_STEPS + 1, 50)
    for (name, config), colour in zip(RECIPES.items(), COLOURS.values(), strict=True):
        ax.plot(steps, [factor(step, config) for step in steps], color=colour, label=name)
    ax.set(xlabel="step", ylabel="factor", xlim=(0, SHOWN_STEPS), ylim=(0, 0.8))
    ax.set_title("learning rate", fontsize=10)
    ax.legend(frameon=False, loc="upper right")


def remembered(steps: int, s: float) -> np.ndarray:
    """Return what each step weighs in the average after the last."""
    power = power_of(s)
    betas = np.array([beta_at(step, power) for step in range(steps)])
    kept = np.append(np.cumprod(betas[:0:-1])[::-1], 1.0)
    return (1 - betas) * kept


def draw_average(ax: Axes) -> None:
    """Draw what the average is made of."""
    steps = 1000
    for s, colour in ((EmaConfig().s, COLOURS[Objective.FLOW]), (0.05, "#888888")):
        weights = remembered(steps, s)
        ax.plot(np.arange(steps) / steps, weights * steps, color=colour, label=f"s = {s:g}")
    ax.set(xlabel="step / steps so far", ylabel="density", xlim=(0, 1), ylim=(0, None))
    ax.set_title("power average of the weights", fontsize=10)
    ax.legend(frameon=False, loc="upper left")


def draw() -> Figure:
    """Return the picture."""
    figure = Figure(figsize=(11.2, 3.1), layout="constrained")
    for ax, fill in zip(
        figure.subplots(1, 3), (draw_levels, draw_rates, draw_average), strict=True
    ):
        fill(ax)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Write the picture."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    out.parent.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "rareworld"
    draw().savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
    print(out)


if __name__ == "__main__":
    main()
