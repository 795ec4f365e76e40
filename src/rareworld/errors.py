"""Every error a user can meet.

    RareworldError
    ├── ConfigError          a recipe, rig or option is wrong: fix the text and run again
    ├── FormatError          a file from outside cannot be read: names file, place and remedy
    │   ├── MapError         an OpenDRIVE map is broken or uses what we do not support
    │   └── StoreError       one of our own folders is damaged, too new or incomplete
    ├── ScenarioError        the scenario cannot happen here: says why and where it can
    ├── CameraError          the camera is under ground, inside a wall or sees nothing
    ├── MissingExtraError    an optional package is not installed: says how to get it
    ├── DeviceError          a GPU is wanted and cannot be used: says what was found
    ├── JobError             a long job ended with quarantined items; finished work is kept
    └── InterruptedJobError  a long job was interrupted; finished work is kept

A message says what was expected, what was found and what to do.
"""


class RareworldError(Exception):
    """Base of all errors raised for the user; the command line prints it without a traceback."""

    exit_code = 1
    """Process exit code of the command line (documented in docs/reference/cli.md)."""


class ConfigError(RareworldError):
    """A recipe, rig or option is wrong; catch it to show the user their own text."""

    exit_code = 2


class FormatError(RareworldError):
    """A file from outside cannot be read; the message names the file and the place in it."""

    exit_code = 3


class MapError(FormatError):
    """An OpenDRIVE map is broken or unsupported; names road, lane section, lane and line."""


class StoreError(FormatError):
    """A recording or clip folder is damaged, incomplete or of a newer schema."""


class ScenarioError(RareworldError):
    """The scenario cannot happen on this map or was not reached within the retry budget."""

    exit_code = 4


class CameraError(RareworldError):
    """A camera is under ground, inside an obstacle or sees nothing of the event."""

    exit_code = 5


class MissingExtraError(RareworldError):
    """An optional package is needed and not installed.

    >>> str(MissingExtraError("libsumo", extra="simulate"))
    "libsumo is not installed; run: pip install 'rareworld[simulate]'"
    """

    exit_code = 6

    def __init__(self, package: str, *, extra: str) -> None:
        super().__init__(f"{package} is not installed; run: pip install 'rareworld[{extra}]'")


class DeviceError(RareworldError):
    """A GPU or its driver is missing, too old or too small; says what was found and the way out."""

    exit_code = 8


class JobError(RareworldError):
    """A job finished with quarantined items; everything else was written and is kept."""

    exit_code = 7


class InterruptedJobError(RareworldError):
    """A job was interrupted by the user; finished items are kept."""

    exit_code = 130
