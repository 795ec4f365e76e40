"""Where `mini` lies: a path that was given, else the weights inside this package.

Nothing is downloaded: the package has the weights or it does not. Proved in
`tests/models/mini/test_find.py`.
"""

from pathlib import Path

from rareworld.errors import FormatError

MINI_NAME = "mini"
"""What a user types for it."""
PACKAGED = Path(__file__).parent / "weights"
"""The pipeline folder inside the package."""
_INDEX = "model_index.json"


def named(path: Path) -> Path:
    """Return what a path means: the package's `mini` by its name, unless a file has that name.

    Raises:
        FormatError: If the package has none.
    """
    return mini_folder() if path == Path(MINI_NAME) and not path.exists() else path


def mini_folder(given: Path | None = None, *, packaged: Path = PACKAGED) -> Path:
    """Return the pipeline folder of `mini`.

    Args:
        given: Folder from the user; None takes the one in the package.
        packaged: Where the package has it.

    Raises:
        FormatError: If neither is a pipeline folder; says what to do.
    """
    folder = packaged if given is None else given.expanduser()
    if (folder / _INDEX).is_file():
        return folder
    if given is not None:
        raise FormatError(
            f"{given}: expected the pipeline folder of mini with {_INDEX}, found none; give the "
            "folder that holds transformer/ and vae/, or no path for the one in the package"
        )
    raise FormatError(
        f"model mini: expected its weights at {packaged}, found none: this copy of rareworld was "
        "built without them; install a released wheel, or train them: rareworld train mini_pretrain"
    )
