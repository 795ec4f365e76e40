"""The report: one page with everything inside, and the same as JSON."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from rareworld.data.jsontext import read_json
from rareworld.evaluate.report import COLOURS, COLUMNS, draw_numbers, render, row, write_report
from rareworld.evaluate.results import Evaluation, Number


def test_both_files_are_written(evaluation: Callable[..., Evaluation], tmp_path: Path) -> None:
    write_report(evaluation(), tmp_path / "report")
    told = read_json(tmp_path / "report" / "report.json")
    assert told["kind"] == "evaluation"
    assert (tmp_path / "report" / "report.html").read_text().startswith("<!doctype html>")


def test_a_row_has_a_cell_for_each_column(number: Callable[..., Number]) -> None:
    cells = row(number())
    assert len(cells) == len(COLUMNS)
    assert cells[:5] == ("FVD", "fvd_i3d", "generated", "120", "100 to 140")
    assert cells[5:8] == ("40 (35 to 46)", "150 at 25", "50 / 48")
    bare = row(number(low=None, split=None, n_real=None))
    assert bare[4:8] == ("-", "-", "-", "? / 48")


def test_the_page_tells_numbers_doubts_and_what_could_not_be_measured(
    evaluation: Callable[..., Evaluation],
) -> None:
    page = render(evaluation())
    for text in ("170 to 230", "fell from 200 to 120", "007", "is cut off", "gen.npz", "i3d.pt"):
        assert text in page
    assert "&lt;b&gt;16&lt;/b&gt;" in page  # escaped, as it comes from files
    assert not re.search(r"(src|href)=\"(?!data:)", page)  # nothing from outside


def test_a_page_without_comparison_or_trouble_is_fine(
    evaluation: Callable[..., Evaluation],
) -> None:
    page = render(evaluation(comparisons=(), warnings=(), quarantined=()))
    assert "Before and after" not in page
    assert "could not be measured" not in page


def test_the_drawing_shows_bars_floor_and_marks(
    evaluation: Callable[..., Evaluation], number: Callable[..., Number]
) -> None:
    content = draw_numbers(evaluation(numbers=(number(), number(protocol="fvd_cdfvd", split=None))))
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")).reshape(-1, 3)
    blue = tuple(int(COLOURS["generated"][i : i + 2], 16) for i in (1, 3, 5))
    assert (np.abs(picture.astype(int) - blue).sum(1) < 6).mean() > 0.02
    plain = draw_numbers(evaluation(numbers=(number(low=None, high=None, split=None),)))
    assert plain[:4] == b"\x89PNG"
