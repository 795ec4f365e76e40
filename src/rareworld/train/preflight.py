"""What settings alone can get wrong, found before the hours that a cache takes.

Nothing is loaded: the network is built without memory. Proved in `tests/train/test_preflight.py`.
"""

from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Family
from rareworld.models.cosmos_predict.quantize import check_packer
from rareworld.models.cosmos_predict.sizes import latents_of
from rareworld.train.config import TrainConfig
from rareworld.train.data.loader import check_batch
from rareworld.train.estimate import estimate
from rareworld.train.objective.draws import rules_of
from rareworld.train.watch.trackers import check_trackers


def preflight(config: TrainConfig, family: Family, world: int) -> None:
    """Refuse settings that contradict each other, the network or the number of GPUs.

    Args:
        config: Settings of the run.
        family: The network it trains.
        world: GPUs.

    Raises:
        ConfigError: Naming the setting: targets that match no layer, GPUs or samples that cannot
            be shared out, sizes that cannot be cut into tokens, an objective of the other
            generation.
        MissingExtraError: If a tracker, or what packs a quantised base, is not installed.
    """
    check_trackers(config.watch)
    if config.adapter is not None and config.adapter.quantize != "none":
        check_packer()
    config = config.on(world)
    estimate(config, family, world)
    check_batch(config.data.batch_size, world // config.parallel.context, config.data.micro_batch)
    rules_of(config.objective, family.objective)
    _check_clean_frames(config)


def _check_clean_frames(config: TrainConfig) -> None:
    """Refuse clean frames that the longest clip has no room for; one is left to predict."""
    asked = max(config.objective.conditional_frames or {0: 1.0})
    frames = max(config.data.num_frames)
    if asked >= latents_of(frames):
        raise ConfigError(
            f"objective.conditional_frames: {asked} clean latent frames of {latents_of(frames)} "
            f"leave nothing to predict; ask for fewer, or raise data.num_frames from {frames}"
        )
