import numpy as np
import pytest

from rareworld.errors import ConfigError
from rareworld.evaluate.config import EvaluateConfig
from rareworld.evaluate.response import measure
from rareworld.evaluate.response.draw import draw_responses
from rareworld.evaluate.response.measure import KINDS, Answer, Watched, measure_responses
from tests.evaluate.standin import StandIns, pictures

FEW = [kind for kind in KINDS if kind.name in {"blur", "time reversal", "vehicle size"}]


def clips(first, count=4):
    out = []
    for seed in range(first, first + count):
        rgb = pictures(seed, 17)
        ids = np.zeros(rgb.shape[:3], np.uint32)
        ids[:, 20:28, 10:24] = 5
        out.append(Watched(f"{seed:03d}", rgb, ids, (5,)))
    return out


def config():
    return EvaluateConfig(metrics=("kid", "fvd"), device="cpu", decoders=1)


@pytest.fixture
def told():
    return []


@pytest.fixture
def answers(tmp_path, told):
    return measure_responses(
        clips(0),
        clips(50),
        tmp_path / "sets",
        config(),
        kinds=FEW,
        load=StandIns(),
        tell=told.append,
    )


def test_every_kind_and_amount_answers_with_every_metric(answers):
    wanted = {(k.name, a, p) for k in FEW for a in k.amounts for p in ("kid_full", "fvd_i3d")}
    assert {(a.kind, a.amount, a.protocol) for a in answers} == wanted


def test_a_response_is_the_number_over_that_of_unspoilt_clips(answers):
    for answer in answers:
        assert answer.response == pytest.approx(answer.value / answer.unspoilt)


def test_a_network_that_sees_no_order_sees_no_reversal(answers):
    # the stand-in averages over time, but for the change since the first frame
    turned = [a for a in answers if a.kind == "time reversal" and a.protocol == "kid_full"]
    assert [a.value for a in turned] == pytest.approx([a.unspoilt for a in turned], rel=0.05)


def test_the_same_folder_goes_on_and_gives_the_same(tmp_path, answers, monkeypatch):
    def never(*_args):
        raise AssertionError("a set was written again")

    monkeypatch.setattr(measure, "RgbWriter", never)
    again = measure_responses(
        clips(0), clips(50), tmp_path / "sets", config(), kinds=FEW, load=StandIns(), tell=str
    )
    assert again == answers


def test_each_set_is_told(answers, told):
    assert len(told) == 1 + len({(a.kind, a.amount) for a in answers})
    assert told[0] == "unspoilt"


@pytest.mark.parametrize(("real", "spoilt"), [(1, 4), (4, 0)])
def test_too_few_clips_are_refused(tmp_path, real, spoilt):
    with pytest.raises(ConfigError, match="at least two clips on each side"):
        measure_responses(clips(0, real), clips(9, spoilt), tmp_path / "sets", config())


def test_the_picture_is_a_png():
    some = [
        Answer(kind.name, kind.unit, amount, protocol, 2.0 + amount, 1.5)
        for kind in KINDS
        for amount in kind.amounts
        for protocol in ("fid_torch_fidelity", "fvd_i3d")
    ]
    assert draw_responses(some, "title").startswith(b"\x89PNG")
