"""Train the tokenizer of `mini` on footage, from random weights, with one command.

    python -m rareworld.recipes.mini_tokenizer FOLDER... -o RUN [--steps N] [--set key=value]

FOLDERs hold mp4 files of 128x224 pixels (rendered normal traffic); RUN takes checkpoints, curves
and the result `vae/`. The same command goes on after any end. Proved in
`tests/recipes/test_mini_tokenizer.py`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rareworld.data.config import override

if TYPE_CHECKING:
    import torch

    from rareworld.train.tokenizer.config import TokenizerConfig
    from rareworld.train.tokenizer.objective import Perceptual


def mini_tokenizer(
    folders: Sequence[Path], *, steps: int = 4000, overrides: Sequence[str] = ()
) -> "TokenizerConfig":
    """Return the settings: the learning rate falls to the last of so many steps.

    Raises:
        ConfigError: If an override is not a setting's.
    """
    from rareworld.train.tokenizer.config import TokenizerConfig

    standard = TokenizerConfig().model_dump(mode="json")
    standard["footage"]["folders"] = [str(folder) for folder in folders]
    standard["steps"] = steps
    standard["schedule"] |= {"cycle": steps, "warm_up": min(200, steps // 10)}
    return TokenizerConfig.parse(override(standard, overrides), source="mini_tokenizer")


def perceptual_net(weights: Path | None, device: "torch.device") -> "Perceptual":
    """Return LPIPS with gradients for pictures in [-1, 1].

    Raises:
        FormatError: If the weights cannot be had or are not LPIPS's.
    """
    from rareworld.models.lpips.net import LpipsNet
    from rareworld.models.lpips.weights import read_lpips
    from rareworld.models.packaged import LPIPS, packaged_weights
    from rareworld.models.states import frozen

    net = LpipsNet()
    read_lpips(net, packaged_weights(LPIPS, weights)[0])
    return frozen(net, device)


def main(words: Sequence[str] | None = None) -> Path:
    """Read the command line, train and return the folder of the result."""
    call = _parser().parse_args(words)
    import torch

    from rareworld.train.tokenizer.run import train_tokenizer

    config = mini_tokenizer(call.folders, steps=call.steps, overrides=call.set)
    name = call.device or ("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    perceptual = perceptual_net(call.lpips, device) if config.objective.perceptual else None
    return train_tokenizer(
        call.out, config, device=device, perceptual=perceptual, new_phase=call.new_phase
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "rareworld.recipes.mini_tokenizer", description=(__doc__ or "").splitlines()[0]
    )
    add = parser.add_argument
    add("folders", type=Path, nargs="+", help="folders with videos/*.mp4 or *.mp4")
    add("-o", "--out", type=Path, required=True, help="folder of the run")
    add("--steps", type=int, default=4000, help="optimizer steps in all")
    add("--set", action="append", default=[], metavar="KEY=VALUE", help="any setting")
    add("--device", help="cpu or cuda; default: a GPU where there is one")
    add("--lpips", type=Path, help="file of LPIPS weights; default: cache or download")
    add("--new-phase", action="store_true", help="go on with another list of videos")
    return parser


if __name__ == "__main__":
    main()
