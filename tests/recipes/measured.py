"""What a measurement writes, by hand: FID falls from 80 to 40, with a floor; FVD has no floor."""

from typing import Any

PROTOCOLS = {"fid": "fid_torch_fidelity", "fvd": "fvd_i3d"}


def make_number(metric: str, which: str, value: float) -> dict[str, Any]:
    """Return a number with an interval of 4 to both sides, and for FID a floor."""
    split = {
        "value": 30.0, "low": 25.0, "high": 35.0, "num_clips": 12, "splits": 10, "number": 50.0,
        "shared": False,
    }  # fmt: skip
    return {
        "metric": metric, "protocol": PROTOCOLS[metric], "which": which, "value": value,
        "low": value - 4, "high": value + 4, "level": 0.95, "resamples": 200,
        "split": split if metric == "fid" else None, "at_infinity": None, "n_real": 24,
        "n_generated": 24, "rows_real": 24, "rows_generated": 24, "width": 400, "rank_real": 23,
        "rank_generated": 23, "discarded_real": 0, "discarded_generated": 0,
        "frames": "16 consecutive frames", "weights": "w.bin 123",
    }  # fmt: skip


def make_comparisons(
    before: float, difference: float, low: float, high: float
) -> list[dict[str, Any]]:
    """Return how two sets differ, in every metric alike."""
    return [
        {
            "metric": metric, "protocol": protocol, "before": before, "after": before - difference,
            "difference": difference, "difference_low": low, "difference_high": high,
            "drop_percent": 100 * difference / before, "low_percent": None, "high_percent": None,
            "level": 0.95, "paired": True, "clear": low > 0 or high < 0,
        }
        for metric, protocol in PROTOCOLS.items()
    ]  # fmt: skip


def make_found(
    name: str = "after",
    *,
    value: float = 40.0,
    difference: float = 40.0,
    low: float = 30.0,
    high: float = 50.0,
) -> dict[str, Any]:
    """Return the content of `measured.json` of one comparison."""
    comparisons = make_comparisons(80.0, difference, low, high)
    numbers = [
        make_number(metric, which, {"generated": value, "baseline": 80.0}[which])
        for metric in PROTOCOLS
        for which in ("generated", "baseline")
    ]
    return {
        "clips": 7,
        "evaluation": {"numbers": numbers, "comparisons": comparisons, "warnings": ["few clips"]},
        "against_control": None,
        "fixed_camera": {"before": [_check(0.5)], name: [_check(0.9)]},
        "paired": {"before": [_score(18.0)], name: [_score(20.0)]},
        "left_out": [],
        "weights": {"i3d None": "w.bin 123"},
    }


def _check(value: float) -> dict[str, Any]:
    return {
        "measure": "fixed", "unit": "share", "better": "higher", "value": value,
        "low": value - 0.1, "high": value + 0.1, "clips": 7, "real": 1.0,
        "says": "the camera stands still",
    }  # fmt: skip


def _score(value: float) -> dict[str, Any]:
    return {
        "measure": "psnr_db", "better": "higher", "value": value, "low": value - 1,
        "high": value + 1, "clips": 7, "first": value, "last": value, "conditioned": 5,
        "says": "close",
    }  # fmt: skip
