"""From two or three sets to numbers: features once per network, then every protocol on them.

    evaluation = evaluate_sets(Path("real"), Path("after"), EvaluateConfig(), Path("before"))
    evaluation.number("fvd_i3d").value, evaluation.comparisons[0].drop_percent

Proved in `tests/evaluate/test_job.py`.
"""

from collections.abc import Mapping
from itertools import combinations

from rareworld.core.seed import Seed
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.features import Tell
from rareworld.evaluate.inputs import (
    BASELINE,
    GENERATED,
    REAL,
    Inputs,
    Loader,
    Source,
    open_set,
)
from rareworld.evaluate.measure import measure
from rareworld.evaluate.mismatch import compare, mixed
from rareworld.evaluate.results import Evaluation
from rareworld.evaluate.sets import ClipSet
from rareworld.evaluate.stored import Stored
from rareworld.evaluate.survey import Survey, survey
from rareworld.models.features import load_feature_net


def evaluate_sets(
    real: Source,
    generated: Source,
    config: EvaluateConfig,
    baseline: Source | None = None,
    progress: Tell | None = None,
    *,
    load: Loader = load_feature_net,
) -> Evaluation:
    """Measure how far generated clips are from real ones.

    Clips that cannot be read are set aside and named in the result; the others are measured.

    Args:
        real: Folder or list of videos, or a feature file.
        generated: The same.
        config: What is measured, and how.
        baseline: Another generated set, such as the model's before post-training. Clips of the
            same names are drawn together, which tightens the interval of the difference.
        progress: Told what is done, how much of it, and of how much.
        load: Makes networks.

    Raises:
        FormatError: If a set is empty or none of its clips can be read, or a file is damaged.
        ConfigError: If a set has fewer than two clips of enough frames, a protocol is unknown,
            or a feature file was made for another.
        DeviceError: If the device is not there.
    """
    protocols = config.chosen()
    sources = {REAL: real, GENERATED: generated} | (
        {} if baseline is None else {BASELINE: baseline}
    )
    sets = {label: open_set(source, label, config) for label, source in sources.items()}
    inputs = Inputs(sets, config, load, progress or _say_nothing)
    surveys = _survey(inputs)
    measured = [measure(inputs, protocol) for protocol in protocols]
    return Evaluation(
        numbers=tuple(number for item in measured for number in item.numbers),
        comparisons=tuple(c for item in measured if (c := item.comparison) is not None),
        warnings=tuple(inputs.warnings),
        quarantined=tuple(inputs.quarantined.values()),
        sets={
            label: _describe(source, surveys.get(label), sets[label])
            for label, source in sources.items()
        },
        config={
            **config.model_dump(mode="json"),
            "protocols": [protocol.describe() for protocol in protocols],
        },
    )


def _say_nothing(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def _survey(inputs: Inputs) -> Mapping[str, Survey]:
    """Look at the sets' videos and write down what differs."""
    out: dict[str, Survey] = {}
    for label, given in inputs.sets.items():
        inputs.tell("looking at videos", len(out), len(inputs.sets))
        if isinstance(given, ClipSet):
            seed = Seed(inputs.config.seed).child("survey", label)
            out[label] = survey(given, seed, threads=inputs.config.decoders or 2)
    inputs.tell("looking at videos", len(inputs.sets), len(inputs.sets))
    found = [item for one in out.values() for item in mixed(one)]
    for a, b in combinations(out.values(), 2):
        found += compare(a, b)
    for item in found:
        inputs.warn(str(item))
    return out


def _describe(source: Source, seen: Survey | None, given: ClipSet | Stored) -> dict[str, object]:
    told = source if not isinstance(source, (list, tuple)) else f"{len(source)} videos"
    out: dict[str, object] = {"source": str(told)}
    if isinstance(given, ClipSet):
        out["recordings"] = len({clip.group for clip in given.clips}) if given.grouped else None
    return out | (seen.describe() if seen is not None else {})
