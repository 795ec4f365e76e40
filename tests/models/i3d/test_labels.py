"""Logits have names."""

import pytest
import torch

from models.numbers import draw
from rareworld.models.i3d.labels import best_classes, kinetics_labels
from rareworld.models.i3d.net import WIDTH


def test_there_is_a_name_for_every_logit() -> None:
    names = kinetics_labels()
    assert len(set(names)) == len(names) == WIDTH
    assert list(names[:2]) == ["abseiling", "air drumming"]
    assert names[-1] == "zumba"
    assert all(name == name.strip() and name for name in names)


def test_names_follow_the_alphabet() -> None:
    assert list(kinetics_labels()) == sorted(kinetics_labels())


def test_best_classes_are_the_largest_probabilities() -> None:
    logits = draw(0, 2, WIDTH)
    logits[1, kinetics_labels().index("playing cricket")] = 30
    first, second = best_classes(logits, 2)
    assert second[0] == ("playing cricket", pytest.approx(1, abs=1e-6))
    assert first[0][1] == pytest.approx(torch.softmax(logits[0], 0).max().item())
    assert first[0][1] > first[1][1]
