"""A run trains, goes on bit for bit after a stop, and says what it trained on."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from rareworld.errors import ConfigError, DeviceError, StoreError
from rareworld.models.wan_vae.weights import load_tokenizer
from rareworld.train.tokenizer.config import TokenizerConfig, TokenizerObjectiveConfig
from rareworld.train.tokenizer.data import read_footage
from rareworld.train.tokenizer.loop import Trainer
from rareworld.train.tokenizer.run import train_tokenizer
from train.tokenizer.footage import NAMES, small_config, write_footage

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_footage(tmp_path_factory.mktemp("footage"))


def train(folder: Path, config: TokenizerConfig, *, new_phase: bool = False) -> list[str]:
    told: list[str] = []
    train_tokenizer(folder, config, device=CPU, new_phase=new_phase, say=told.append)
    return told


def rows(folder: Path) -> list[dict[str, float]]:
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    return [
        {name: value for name, value in json.loads(line).items() if name != "steps_per_s"}
        for line in lines
    ]


class KilledError(Exception):
    """Stands for kill -9: nothing is cleaned up or saved."""


def train_until_killed(
    folder: Path, config: TokenizerConfig, at: int, patch: pytest.MonkeyPatch
) -> None:
    whole = Trainer.step

    def step(trainer: Trainer, footage: object, step: int) -> object:
        if step == at:
            raise KilledError
        return whole(trainer, footage, step)  # type: ignore[arg-type]  # as it was called

    with patch.context() as patched:
        patched.setattr(Trainer, "step", step)
        with pytest.raises(KilledError):
            train(folder, config)


def test_a_killed_run_goes_on_bit_for_bit(
    footage: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = small_config(footage, steps=5)
    train(tmp_path / "whole", config)
    train_until_killed(tmp_path / "killed", config, 3, monkeypatch)
    train(tmp_path / "killed", config)
    assert rows(tmp_path / "whole") == rows(tmp_path / "killed")
    for name in ("config.json", "diffusion_pytorch_model.safetensors"):
        one, two = (tmp_path / run / "vae" / name for run in ("whole", "killed"))
        assert one.read_bytes() == two.read_bytes()


def test_the_result_is_a_tokenizer_whose_latents_are_standard(
    footage: Path, tmp_path: Path
) -> None:
    config = small_config(footage, steps=2)
    train(tmp_path, config)
    tokenizer = load_tokenizer(tmp_path / "vae")
    files = sorted((footage / "videos").glob("*.mp4"))
    films = read_footage(files, config.footage)
    clips = films.frames.unflatten(0, (len(NAMES), -1))[:, :17].float() / 127.5 - 1
    latents = tokenizer.encode(clips.permute(0, 4, 1, 2, 3))
    assert latents.shape == (4, 4, 5, 4, 6)
    # three of these four were measured, in other windows too
    assert latents.mean(dim=(0, 2, 3, 4)).abs().max() < 0.5
    assert (latents.std(dim=(0, 2, 3, 4)) - 1).abs().max() < 0.5
    measured = json.loads((tmp_path / "measured.json").read_text())
    assert measured["float32"].keys() == {"psnr", "psnr_first", "ssim"}
    for name in ("pictures-0.png", "pictures-2.png", "curves.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_loss_falls_and_more_of_the_picture_comes_back(footage: Path, tmp_path: Path) -> None:
    config = small_config(footage, steps=60, measure_every=60, save_every=60)
    train(tmp_path, config)
    found = rows(tmp_path)
    losses = [row["loss"] for row in found if "loss" in row]
    assert sum(losses[-10:]) < 0.75 * sum(losses[:10])
    quality = [row["held_out/psnr"] for row in found if "held_out/psnr" in row]
    assert quality[-1] > quality[0] + 3


def test_other_videos_need_a_new_phase(footage: Path, tmp_path: Path) -> None:
    more = Path(shutil.copytree(footage, tmp_path / "more"))
    run, longer = tmp_path / "run", small_config(more, steps=4)
    with pytest.MonkeyPatch.context() as patch:
        train_until_killed(run, longer, 3, patch)
    write_footage(more, ("00003-0-cam0-000",))
    with pytest.raises(ConfigError, match=r"the run has 2 videos, this call 3.*--new-phase"):
        train(run, longer)
    train(run, longer, new_phase=True)
    phases = json.loads((run / "phases.json").read_text())["phases"]
    assert [(p["from_step"], len(p["trained"])) for p in phases] == [(0, 2), (2, 3)]


def test_other_settings_are_refused(footage: Path, tmp_path: Path) -> None:
    train(tmp_path, small_config(footage, steps=2))
    with pytest.raises(ConfigError, match="seed: the run has 0, this call 1"):
        train(tmp_path, small_config(footage, steps=2, seed=1))


def test_a_damaged_checkpoint_is_named(footage: Path, tmp_path: Path) -> None:
    config = small_config(footage, steps=2)
    train(tmp_path, config)
    broken = tmp_path / "checkpoint" / "first.safetensors"
    broken.write_bytes(broken.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"first\.safetensors: cannot be read"):
        train(tmp_path, config)


def test_what_is_missing_is_named(footage: Path, tmp_path: Path) -> None:
    wanting = small_config(footage, objective=TokenizerObjectiveConfig())
    with pytest.raises(ConfigError, match=r"objective\.perceptual: weight 0\.3"):
        train(tmp_path, wanting)
    if not torch.cuda.is_available():
        with pytest.raises(DeviceError, match="--device cpu"):
            train_tokenizer(tmp_path, small_config(footage), device=torch.device("cuda"))
