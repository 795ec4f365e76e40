"""`rareworld doctor`: what is installed, what is missing, how to get it."""

import os
import platform
import re
import shutil
import sys
from importlib import metadata
from typing import Annotated, Any

import typer

from rareworld import __version__
from rareworld.annotate.render.warp.driver import driver_version
from rareworld.cli.output import print_json, print_table

STAGES = ("core", "simulate", "maps", "annotate", "gpu", "denoise", "gltf", "export", "report")
"""Extras told about; `core` comes with the package itself."""

_REQUIREMENT = re.compile(r"([\w.-]+)[^;]*(?:;.*extra == ['\"](\w+)['\"])?")


def doctor(
    *, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False
) -> None:
    """Say what is installed, what is missing and how to get it; exit code 0 either way."""
    packages = [
        {"extra": extra, "package": name, "version": _version(name), "remedy": _remedy(extra)}
        for extra, name in _requirements()
    ]
    report = {"rareworld": __version__, "machine": _machine(), "packages": packages}
    if as_json:
        print_json(report)
    else:
        _show(report)


def _requirements() -> list[tuple[str, str]]:
    """Return (extra, package) as the installed distribution declares them."""
    found = [_REQUIREMENT.match(line) for line in metadata.requires("rareworld") or []]
    pairs = [(match[2] or "core", match[1].lower()) for match in found if match]
    return sorted(
        ((extra, name) for extra, name in pairs if extra in STAGES),
        key=lambda pair: (STAGES.index(pair[0]), pair[1]),
    )


def _version(package: str) -> str | None:
    """Return the installed version without importing the package."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _remedy(extra: str) -> str:
    """Return the command that installs an extra."""
    return "pip install rareworld" if extra == "core" else f"pip install 'rareworld[{extra}]'"


def _machine() -> dict[str, str | int | float]:
    """Return what decides speed: cores, memory, free disk, GPU driver."""
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count() or 1,
        "memory_gib": _memory_gib(),
        "disk_free_gib": round(shutil.disk_usage(os.curdir).free / 2**30, 1),
        "nvidia_driver": _driver(),
    }


def _driver() -> str:
    """Return the newest CUDA that the NVIDIA driver serves."""
    version = driver_version()
    return f"CUDA {version}" if version else "no"


def _memory_gib() -> float:
    """Return the size of the memory; 0 on Windows, which does not tell it through `sysconf`."""
    if sys.platform == "win32":
        return 0.0
    return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30, 1)


def _show(report: dict[str, Any]) -> None:
    """Print the report as two tables."""
    machine = [[name.replace("_", " "), str(value)] for name, value in report["machine"].items()]
    print_table(f"rareworld {report['rareworld']}", ["machine", ""], machine)
    rows = [
        [item["extra"], item["package"], item["version"] or "missing: " + item["remedy"]]
        for item in report["packages"]
    ]
    print_table("", ["extra", "package", "version"], rows)
    missing = sorted({item["extra"] for item in report["packages"] if not item["version"]})
    verdict = f"missing extras: {', '.join(missing)}" if missing else "everything is installed"
    typer.echo(verdict)
