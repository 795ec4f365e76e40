"""Factor on the learning rate: linear warm-up, then linear to `f_min` (upstream's `lambdalinear`).

    n < warm_up:   f_start + (f_max - f_start) n / warm_up
    n < cycle:     f_min + (f_max - f_min) (cycle - n) / (cycle - warm_up)
    afterwards:    f_min

n counts optimizer steps from 0. Upstream takes lists, one value per cycle; no recipe of either
generation has more than one, so there is one here. Past its last cycle upstream has no value and
stops with an error; here the factor stays at `f_min`, the cycle's own end.

Source: cosmos-predict2, `functional/lr_scheduler.py`; cosmos-transfer2.5 (2ff49d0), likewise.
Proved in `tests/train/test_schedule.py`.
"""

from rareworld.errors import ConfigError
from rareworld.train.config import ScheduleConfig


def factor(step: int, config: ScheduleConfig) -> float:
    """Return the factor on the learning rate of an optimizer step, counted from 0.

    Raises:
        ConfigError: If the step is negative.
    """
    if step < 0:
        raise ConfigError(f"steps count from 0, found {step}")
    if step < config.warm_up:
        return config.f_start + (config.f_max - config.f_start) * step / config.warm_up
    left = max(config.cycle - step, 0) / (config.cycle - config.warm_up)
    return config.f_min + (config.f_max - config.f_min) * left
