"""The guardrail's adapter against a stand-in of the package."""

import sys
from types import ModuleType

import numpy as np
import pytest

from rareworld.errors import ConfigError, MissingExtraError, RareworldError
from rareworld.generate.guard import PACKAGE, CosmosGuard, NoGuard, make_guard

FRAMES = np.full((2, 4, 6, 3), 200, np.uint8)


class Checker:
    """Refuses prompts with 'blood' and black videos; darkens the rest as a blur would."""

    def __init__(self):
        self.moves: list[str] = []

    def to(self, device):
        self.moves.append(device)

    def check_text_safety(self, prompt):
        assert self.moves[-1] == "fake"
        return "blood" not in prompt

    def check_video_safety(self, frames):
        assert self.moves[-1] == "fake"
        return None if (frames == 0).all() else frames // 2


class Cropper(Checker):
    def check_video_safety(self, frames):
        return frames[:1]


class Gated(Checker):
    def __init__(self):
        raise OSError("401 Client Error.\nCannot access gated repo")


def install(monkeypatch, checker):
    package = ModuleType(PACKAGE)
    package.CosmosSafetyChecker = checker
    monkeypatch.setitem(sys.modules, PACKAGE, package)


def test_it_is_off_by_default_and_says_so():
    guard = make_guard(enabled=False, device="cpu")
    guard.check_prompt("blood")
    assert isinstance(guard, NoGuard)
    assert guard.name == "off"
    assert guard.check_video(FRAMES) is FRAMES


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, PACKAGE, None)
    with pytest.raises(MissingExtraError, match=r"rareworld\[guardrail\]"):
        make_guard(enabled=True, device="cpu")


def test_a_package_broken_inside_is_not_taken_for_a_missing_one(monkeypatch, tmp_path):
    (tmp_path / f"{PACKAGE}.py").write_text("import not_there_either\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="not_there_either"):
        make_guard(enabled=True, device="cpu")


def test_gated_weights_are_explained(monkeypatch):
    install(monkeypatch, Gated)
    with pytest.raises(ConfigError, match=r"401 Client Error\. Cannot access .*HF_TOKEN"):
        make_guard(enabled=True, device="cpu")


def test_an_installed_package_judges(monkeypatch):
    install(monkeypatch, Checker)
    guard = make_guard(enabled=True, device="fake")
    guard.check_prompt("two cars touch")
    assert guard.name == "cosmos-guardrail"
    assert (guard.check_video(FRAMES) == 100).all()


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (lambda guard: guard.check_prompt("blood " * 40), r"refused the prompt 'blood .*\.\.\.'"),
        (lambda guard: guard.check_video(FRAMES * 0), "refused the generated video"),
    ],
)
def test_a_refusal_is_the_samples_error_and_leaves_the_device(act, said):
    checker = Checker()
    with pytest.raises(RareworldError, match=said):
        act(CosmosGuard(checker, "fake"))
    assert checker.moves == ["fake", "cpu"]


def test_frames_of_another_number_are_refused():
    with pytest.raises(ConfigError, match=r"shape \(1, 4, 6, 3\), expected \(2, 4, 6, 3\)"):
        CosmosGuard(Cropper(), "fake").check_video(FRAMES)
