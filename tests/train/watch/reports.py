"""Reports of made-up steps."""

from rareworld.train.watch.base import StepReport


def report(step: int, **changes: float) -> StepReport:
    values = {
        "loss": 1.0 / step, "lr": 1e-3, "gradient_norm": 2.0, "nonfinite": 0, "seconds": 0.5,
        "waited_s": 0.1, "tokens": 100, "flops": 1e12,
    }  # fmt: skip
    return StepReport(step=step, **(values | changes))  # type: ignore[arg-type]  # made-up numbers
