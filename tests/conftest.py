"""Fixtures of several rooms; what they need is imported when they are asked for."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

if "PYTEST_XDIST_WORKER" in os.environ:
    # a worker per core: threads of one would spin for a core that another has
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="session", autouse=True)
def _ctrl_c_is_heard() -> Iterator[None]:
    """Let SIGINT through: a shell's background jobs ignore it, and hand that on to children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return the tiny pipeline of a generation, written once."""
    from rareworld.models.cosmos_predict.tiny import write_tiny_pipeline

    root = tmp_path_factory.mktemp("tiny")

    def pipeline(generation: str = "predict2.5") -> Path:
        folder = root / generation
        return folder if folder.exists() else write_tiny_pipeline(folder, generation)

    return pipeline


@pytest.fixture(scope="session")
def tiny_adapter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a random adapter of the tiny Predict2.5 net."""
    from rareworld.models.cosmos_predict.tiny import write_tiny_adapter

    return write_tiny_adapter(tmp_path_factory.mktemp("adapters") / "a")
