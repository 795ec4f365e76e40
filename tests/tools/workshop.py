"""Modules of the repository's `tools` folder, which the tests' folder of that name would hide."""

import importlib
from pathlib import Path
from types import ModuleType

import tools

FOLDER = str(Path(__file__).resolve().parents[2] / "tools")


def tool(name: str) -> ModuleType:
    """Return a module of the tools by its dotted name below `tools`."""
    if FOLDER not in tools.__path__:
        tools.__path__.append(FOLDER)
    return importlib.import_module(f"tools.{name}")
