"""Folders with tiny encoders, written once."""

from pathlib import Path

import pytest
import torch

from models.text import tiny
from rareworld.models.text.reason1 import Reason1Encoder
from rareworld.models.text.t5 import T5Encoder

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def t5_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_t5(tmp_path_factory.mktemp("weights") / "t5")


@pytest.fixture(scope="session")
def reason1_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_reason1(tmp_path_factory.mktemp("weights") / "reason1")


@pytest.fixture(scope="session")
def t5(t5_folder: Path) -> T5Encoder:
    return T5Encoder.load(t5_folder, dtype=torch.float32, device=CPU)


@pytest.fixture(scope="session")
def reason1(reason1_folder: Path) -> Reason1Encoder:
    return Reason1Encoder.load(reason1_folder, dtype=torch.float32, device=CPU)
