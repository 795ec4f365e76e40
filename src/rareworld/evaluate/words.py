"""Numbers in words: what was found, and what so many clips can and cannot show.

Proved in `tests/evaluate/test_words.py`.
"""

from rareworld.evaluate.results import Comparison, Number

NAMES = {
    "fid": "FID", "kid": "KID", "fvd": "FVD", "cd_fvd": "CD-FVD", "jedi": "JEDi",
}  # fmt: skip
"""Metrics as they are written."""
WIDE_INTERVAL = 0.5
"""An interval wider than this part of its number is called wide."""


def figure(value: float | None) -> str:
    """Return a number with four digits, or a dash for none."""
    return "-" if value is None else f"{value:.4g}"


def span(low: float | None, high: float | None) -> str:
    """Return an interval, or a dash for none."""
    return "-" if low is None or high is None else f"{figure(low)} to {figure(high)}"


def tell_number(number: Number) -> str:
    """Return a number, its interval and its floor in sentences."""
    out = [_value(number)]
    split = number.split
    if split is not None:
        out.append(
            f"Two halves of the real set score {figure(split.value)} ({span(split.low, split.high)}"
            f" over {split.splits} splits, {split.num_clips} clips each); at that many clips "
            f"{number.which} scores {figure(split.number)}, {_times(split.number, split.value)}."
        )
    if number.at_infinity is not None:
        out.append(f"Fitted against 1/N, infinitely many clips: {figure(number.at_infinity)}.")
    if number.rank_real is not None and number.rank_real < number.width:
        out.append(
            f"With {number.rows_real} real rows of {number.width} values the size of the sets is "
            "part of the number: it compares only with numbers of equally many clips."
        )
    return " ".join(out)


def _value(number: Number) -> str:
    sizes = f"{_count(number.n_real)} real and {_count(number.n_generated)} {number.which} clips"
    name = f"{NAMES[number.metric]} ({number.protocol})"
    if number.low is None or number.high is None:
        return f"{name} is {figure(number.value)} over {sizes}; no interval can be told."
    wide = number.high - number.low > WIDE_INTERVAL * abs(number.value)
    doubt = "; so wide an interval tells the order of size, not the number" if wide else ""
    return (
        f"{name} is {figure(number.value)} over {sizes} ({100 * number.level:g} % interval "
        f"{span(number.low, number.high)}{doubt})."
    )


def _times(number: float, floor: float) -> str:
    if floor <= 0:
        return "and halves of real video score zero or less on average"
    ratio = number / floor
    return "no more than real video" if ratio <= 1 else f"{ratio:.2g} times as much"


def _count(clips: int | None) -> str:
    return "an unknown number of" if clips is None else str(clips)


def tell_comparison(item: Comparison) -> str:
    """Return what changed from the baseline to the generated set, in a sentence or two."""
    verb, way = ("fell", "lower") if item.difference >= 0 else ("rose", "higher")
    moved = (
        f"{NAMES[item.metric]} ({item.protocol}) {verb} from {figure(item.before)} to "
        f"{figure(item.after)}"
    )
    if item.drop_percent is not None:
        moved += f", {abs(item.drop_percent):.0f} % {way}"
    if item.low_percent is not None and item.high_percent is not None:
        moved += (
            f" (drop of {item.low_percent:.0f} % to {item.high_percent:.0f} %, "
            f"{100 * item.level:g} % interval)"
        )
    if item.above_floor_percent is not None:
        moved += f"; of what lies above the floor {item.above_floor_percent:.0f} % is gone"
    drawn = "the same clips drawn in both sets" if item.paired else "both sets drawn apart"
    if item.clear:
        return f"{moved}; the interval of the difference leaves zero out ({drawn})."
    ends = span(item.difference_low, item.difference_high)
    return (
        f"{moved}; the interval of the difference, {ends}, holds zero: so few clips do not show a "
        f"change ({drawn})."
    )
