"""Draw the transformer of Cosmos Predict in one picture, from the real module tree.

    python tools/architecture.py [docs/assets/architecture.svg]

The network is built and run on the meta device (no memory), at 704 x 1280 pixels and 93 frames:
every shape and every count in the picture is read off it.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import matplotlib as mpl
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from torch import Tensor

from rareworld.models.cosmos_predict.config import FAMILIES
from rareworld.models.cosmos_predict.families import build_on_meta, families_table
from rareworld.models.cosmos_predict.model import CosmosDiT

PICTURE = Path(__file__).resolve().parent.parent / "docs/assets/architecture.svg"
SHOWN = "predict2.5-2b"
LATENT = (24, 88, 160)
"""Latent frames, rows and columns of the clip whose shapes are shown."""
TEXT_ROWS = 512

PATH, SIDE, ATTENTION, MIX, DATA = "#dbe9f6", "#e8e2f4", "#fde3cf", "#dff0d8", "#f2f2f2"
INK, FAINT = "#222222", "#777777"
LINE = 2.5
"""Height of a line of text, in the picture's units."""


@dataclass(frozen=True)
class Traced:
    """A network without memory, and the shape that each module gave back."""

    net: CosmosDiT
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def count(self, name: str) -> str:
        """Return the parameters under a name, in millions."""
        total = sum(p.numel() for p in self.net.get_submodule(name).parameters())
        return f"{total / 1e6:,.2f} M" if total >= 1e4 else f"{total:,}"

    def shape(self, name: str) -> str:
        """Return the output's shape without the batch."""
        return " x ".join(f"{n:,}" for n in self.shapes[name][1:])

    def linear(self, name: str) -> str:
        """Return a linear layer's channels in and out."""
        weight = self.net.get_parameter(f"{name}.weight")
        return f"{weight.shape[1]:,} to {weight.shape[0]:,}"


@dataclass(frozen=True)
class Box:
    """A labelled rectangle; y grows downwards."""

    x: float
    y: float
    w: float
    h: float
    title: str
    lines: Sequence[str] = ()
    colour: str = PATH

    @property
    def middle(self) -> tuple[float, float]:
        """Return the centre."""
        return self.x + self.w / 2, self.y + self.h / 2


def trace(family: str) -> Traced:
    """Build and run a family on the meta device, keeping what every module returns."""
    traced = Traced(build_on_meta(FAMILIES[family].net))
    for name, module in traced.net.named_modules():
        module.register_forward_hook(
            lambda _module, _inputs, out, name=name: traced.shapes.update({name: tuple(out.shape)})
        )
    config = traced.net.config

    def zeros(*shape: int) -> Tensor:
        return torch.zeros(1, *shape, device="meta")

    with torch.no_grad():
        traced.net(
            zeros(config.latent_channels, *LATENT),
            zeros(LATENT[0]),
            zeros(TEXT_ROWS, config.raw_context_dim or config.context_dim),
            zeros(1, *LATENT),
        )
    return traced


def main_path(t: Traced) -> list[Box]:
    """Return the way of the latents, top to bottom."""
    config = t.net.config
    size = " x ".join(map(str, LATENT))
    blocks = f"{config.num_blocks} blocks, {t.count('blocks.0')} each"
    return [
        Box(2, 2, 34, 7, "noisy latents and two masks",
            [f"{config.latent_channels} + 1 (condition) + 1 (padding) x {size}"], DATA),
        Box(2, 13, 34, 9, "x_embedder", [
            f"patches of {' x '.join(map(str, config.patch))}, {t.linear('x_embedder.proj.1')}",
            f"{t.count('x_embedder')} parameters"]),
        Box(2, 26, 34, 12, "blocks", [
            blocks, f"{t.count('blocks')} parameters", f"tokens {t.shape('blocks.0')}"], ATTENTION),
        Box(2, 42, 34, 11, "final_layer", [
            "LayerNorm, modulated likewise, no gate", t.linear("final_layer.linear"),
            f"{t.count('final_layer')} parameters"]),
        Box(2, 57, 34, 7, "velocity", [
            f"{config.latent_channels} channels x {size}"], DATA),
    ]  # fmt: skip


def side_inputs(t: Traced) -> list[Box]:
    """Return what all blocks are told: timestep, text and positions."""
    config = t.net.config
    ratios = ", ".join(f"{r:g}" for r in config.rope_ratios)
    return [
        Box(42, 2, 28, 9, "timestep", [
            f"one per clip or latent frame, x {config.timestep_scale:g}",
            f"{config.width:,} cosines and sines, float32"], DATA),
        Box(42, 14, 15, 12, "t_embedding_norm", [
            "RMS norm:", "the embedding", t.count("t_embedding_norm")], SIDE),
        Box(58, 14, 12, 12, "t_embedder", [
            "2 linear layers:", "the shared vector", t.count("t_embedder")], SIDE),
        Box(42, 30, 28, 12, "crossattn_proj", [
            f"{t.linear('crossattn_proj.0')}, GELU", f"{t.count('crossattn_proj')} parameters",
            f"text {t.shape('crossattn_proj')}, no mask"], SIDE),
        Box(42, 46, 28, 9, "rotary table", [
            "frames, rows, columns; half against half",
            f"ratios {ratios} (rows, columns, frames)"], SIDE),
    ]  # fmt: skip


def block_parts(t: Traced) -> list[Box]:
    """Return the three branches of a block."""
    config = t.net.config
    heads = f"{config.num_heads} heads of {config.head_dim}"
    where = "blocks.0."
    return [
        Box(91, 8.5, 26, 15, "self_attn", [
            f"q, k, v, output: {t.linear(where + 'self_attn.q_proj')}", heads,
            "RMS norm and rotation of q and k", f"{t.count(where + 'self_attn')} parameters"],
            ATTENTION),
        Box(91, 27.5, 26, 15, "cross_attn", [
            f"k, v: {t.linear(where + 'cross_attn.k_proj')} of the text",
            "RMS norm of q and k, no mask",
            f"{t.count(where + 'cross_attn')} parameters"],
            ATTENTION),
        Box(91, 46.5, 26, 13, "mlp", [
            f"{t.linear(where + 'mlp.layer1')}, GELU, {t.linear(where + 'mlp.layer2')}",
            f"hidden {t.shape(where + 'mlp.layer1')}", f"{t.count(where + 'mlp')} parameters"],
            MIX),
    ]  # fmt: skip


def draw_box(ax: Axes, box: Box) -> None:
    """Draw a rectangle with its title and lines, close together."""
    style = "round,pad=0,rounding_size=0.8"
    ax.add_patch(
        FancyBboxPatch((box.x, box.y), box.w, box.h, boxstyle=style, fc=box.colour, ec=INK, lw=0.7)
    )
    x, _ = box.middle
    step = min(box.h / (len(box.lines) + 1), LINE)
    first = box.y + (box.h - step * len(box.lines)) / 2
    for rank, text in enumerate([box.title, *box.lines]):
        weight = "bold" if rank == 0 else "normal"
        ax.text(x, first + step * rank, text, ha="center", va="center", color=INK,
                fontsize=8.6 if rank == 0 else 8.2, fontweight=weight)  # fmt: skip


def draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw an arrow."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 0.8})


def draw_flow(ax: Axes, boxes: Sequence[Box]) -> None:
    """Draw boxes with an arrow from each to the one below."""
    for upper, lower in pairwise(boxes):
        x, _ = upper.middle
        draw_arrow(ax, (x, upper.y + upper.h), (x, lower.y))
    for box in boxes:
        draw_box(ax, box)


def draw_line(ax: Axes, *points: tuple[float, float]) -> None:
    """Draw a line through corners that ends in an arrow."""
    xs, ys = zip(*points[:-1], strict=True)
    ax.plot(xs, ys, color=INK, lw=0.8, solid_capstyle="butt")
    draw_arrow(ax, points[-2], points[-1])


def draw_sides(ax: Axes, sides: Sequence[Box], blocks: Box) -> None:
    """Draw what blocks are told, and that it goes to the blocks."""
    timestep, norm, shared, text, rotary = sides
    right, (_, middle) = blocks.x + blocks.w, blocks.middle
    for box in (norm, shared):
        x, below = box.middle[0], box.y + box.h
        draw_arrow(ax, (x, timestep.y + timestep.h), (x, box.y))
        draw_line(ax, (x, below), (x, below + 2), (right + 1, below + 2), (right, below + 2))
    draw_arrow(ax, (text.x, middle + 2), (right, middle + 2))
    x, y = rotary.x - 2.5, rotary.middle[1]
    draw_line(ax, (rotary.x, y), (x, y), (x, middle + 5), (right, middle + 5))
    for box in sides:
        draw_box(ax, box)


def modulation(t: Traced, part: Box) -> Box:
    """Return the box of a branch's modulation."""
    name = f"blocks.0.adaln_modulation_{part.title}"
    rank = t.net.config.adaln_dim
    up = t.linear(f"{name}.2").split(" to ")[1]
    return Box(76.5, part.y, 12.5, part.h, "adaLN", [
        f"SiLU, to {rank},", f"to {up}", "+ shared vector", t.count(name)], SIDE)  # fmt: skip


def draw_block(ax: Axes, parts: Sequence[Box], t: Traced) -> None:
    """Draw one block: three branches, each modulated before and gated after."""
    frame = FancyBboxPatch(
        (75, 2), 44, 62, boxstyle="round,pad=0,rounding_size=1", fc="white", ec=FAINT, ls="--"
    )
    ax.add_patch(frame)
    ax.text(97, 5, "one block, three branches", ha="center", va="center", fontsize=9,
            fontweight="bold", color=INK)  # fmt: skip
    draw_flow(ax, parts)
    for part in parts:
        told = modulation(t, part)
        draw_arrow(ax, (told.x + told.w, told.middle[1]), (part.x, part.middle[1]))
        draw_box(ax, told)
    ax.text(97, 61.8, "each adds gate * branch(LayerNorm(x) * (1 + scale) + shift) to x",
            ha="center", va="center", fontsize=8, color=INK)  # fmt: skip


def draw_table(ax: Axes) -> None:
    """Draw a row per family."""
    names = ["family", "width", "blocks", "heads", "rope_h_w_t", "raw_context", "parameters"]
    titles = ["family", "width", "blocks", "heads", "rotary ratios", "text in", "parameters"]
    places = [2, 24, 36, 46, 60, 80, 98]
    rows = families_table()
    for place, title, name in zip(places, titles, names, strict=True):
        ax.text(place, 68.5, title, fontsize=8.4, fontweight="bold", color=INK, va="center")
        for rank, row in enumerate(rows):
            value = row[name]
            text = f"{value:,}" if isinstance(value, int) else str(value)
            ax.text(place, 71.5 + 2.8 * rank, text, fontsize=8.4, color=INK, va="center")


def draw(t: Traced) -> Figure:
    """Return the picture."""
    figure = Figure(figsize=(11.2, 8.0))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, 121), ylim=(83, -3.5))
    ax.axis("off")
    ax.text(2, -1.2, f"{SHOWN}, 93 frames of 704 x 1280 pixels", fontsize=10, fontweight="bold",
            va="center", color=INK)  # fmt: skip
    path = main_path(t)
    draw_flow(ax, path)
    draw_sides(ax, side_inputs(t), path[2])
    draw_block(ax, block_parts(t), t)
    draw_table(ax)
    return figure


def main() -> None:
    """Write the picture."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else PICTURE
    out.parent.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "rareworld"
    draw(trace(SHOWN)).savefig(out, metadata={"Date": None} if out.suffix == ".svg" else None)
    print(out)


if __name__ == "__main__":
    main()
