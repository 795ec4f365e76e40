"""Runs a function in several processes with the environment that `torchrun` gives."""

import multiprocessing
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

TIMEOUT_S = 120.0
PRELOADED = [
    "pytest",
    "torch",
    "torch.distributed",
    "rareworld.models.cosmos_predict.adapt",
    "rareworld.models.cosmos_predict.denoise",
    "rareworld.train.checkpoint",
]
"""Imported once by the server that processes are forked from; importing them takes seconds."""


def run_ranks(world: int, work: Callable[[], Any], folder: Path) -> list[Any]:
    """Return what `work` returned on each rank, or its error as (class name, message).

    `work` must be a module-level function; processes are fresh, so that torch's threads and
    groups of one test never meet another's. What they never returned is a FileNotFoundError.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    processes = [
        context.Process(target=_run, args=(rank, world, port, work, folder), daemon=True)
        for rank in range(world)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(TIMEOUT_S)
    for process in processes:
        process.kill()
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(world)]


def _run(rank: int, world: int, port: int, work: Callable[[], Any], folder: Path) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world),
        MASTER_ADDR="127.0.0.1",
        MASTER_PORT=str(port),
        GLOO_SOCKET_IFNAME="lo",
    )
    torch.set_num_threads(1)
    try:
        result = work()
    except Exception as error:  # noqa: BLE001 - whatever fails in a process is the test's to judge
        result = (type(error).__name__, str(error))
    torch.save(result, folder / f"{rank}.pt")
