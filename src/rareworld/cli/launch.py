"""Processes of one machine, by PyTorch's launcher, without its traceback.

`python -m rareworld.cli.launch --standalone --nproc-per-node=N -m MODULE ...` is
`torch.distributed.run`, but each process has told its own error already: what is added is what
none could tell, that one was killed. Proved in `tests/cli/test_launch.py`.
"""

import logging
import signal
import sys
from collections.abc import Sequence

from rareworld.cli.output import print_error

LOGGERS = (
    "torch.distributed.run",
    "torch.distributed.elastic.multiprocessing.api",
    "torch.distributed.elastic.agent.server.api",
)
"""What repeats an error that a process has told, and advises on OMP_NUM_THREADS."""
SIGNALLED = 128
"""Exit code of a process that a signal ended, less the signal's number."""


def launch(arguments: Sequence[str]) -> int:
    """Run processes to their end; return the exit code of the first that failed, else 0."""
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        # torch leaves it without types
        run.main(list(arguments))  # pyright: ignore[reportUnknownMemberType]
    except ChildFailedError as error:
        rank, failure = error.get_first_failure()
        return code_of(rank, failure.exitcode)
    except SignalException as error:
        return SIGNALLED + int(error.sigval)
    return 0


def code_of(rank: int, code: int) -> int:
    """Return a failed process's exit code as a shell has it; tell if it was killed."""
    if code >= 0:
        return code
    told = f"process {rank} was ended by {signal.Signals(-code).name}"
    if -code == signal.SIGKILL:
        told += ", as by a system that is out of memory; the same command goes on"
    print_error("JobError", told, as_json="--json" in sys.argv, exit_code=SIGNALLED - code)
    return SIGNALLED - code


if __name__ == "__main__":
    sys.exit(launch(sys.argv[1:]))
