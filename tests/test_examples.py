"""Every example runs, stays short enough to read at once, and says what it is for."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SAYS = {
    "embed_captions": [
        "1 done, 0 kept",
        "0001: (512, 256), 15 rows kept, True",
        "0002: (512, 256)",
    ],
    "generate_tiny": ["from_text: 9 frames", "from_image: 9 frames", "from_video: 9 frames"],
    "loss_by_hand": [
        "noise level 0.907, 2 clean latent frames",
        "the same again: True",
        "in another place of the run: ",
    ],
    "move_weights": [
        "predict2.5-tiny: 176,512 parameters, clean frames are told 0.1",
        "bit-equal: True, timestep of clean frames kept: True",
        "the adapter changed 10 of 49 tensors",
    ],
    "sample_by_hand": [
        "image -> clean latent (1, 16, 1, 8, 12)",
        "prompt -> context (1, 512, 64)",
        "noise -> 7 guided passes of ab2 -> (1, 16, 3, 8, 12)",
        "clean frame unchanged: True",
        "video: 9 frames",
    ],
    "train_adapter": ["6 steps done", "losses: ", "rank 4, 20 layers, 13312 values"],
}
"""What each prints, among other things."""


def test_every_example_is_run() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_does_what_it_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(EXAMPLES / f"{name}.py"))["main"](tmp_path)
    printed = capsys.readouterr().out
    assert [line for line in SAYS[name] if line not in printed] == []


@pytest.mark.parametrize("name", SAYS)
def test_an_example_is_short_and_tells_how_to_start_it(name: str) -> None:
    text = (EXAMPLES / f"{name}.py").read_text()
    assert len(text.splitlines()) < 60
    assert f"    python examples/{name}.py OUT\n" in text
