"""What a sample draws follows from (seed, id) alone and has upstream's distributions."""

import math
from statistics import NormalDist

import numpy as np
import pytest
import torch

from rareworld.core.seed import Seed
from rareworld.errors import ConfigError
from rareworld.models.cosmos_predict.config import Objective
from rareworld.train.config import ObjectiveConfig
from rareworld.train.objective import draws
from rareworld.train.objective.draws import (
    Draw,
    Rules,
    Streams,
    draw,
    draw_all,
    numbers_of,
    rules_of,
)

EDM, FLOW = Objective.EDM_FLOW, Objective.FLOW
SMALL = (1, 3, 1, 1)
MANY = 1000
PINNED_NOISE = [0.7558538913726807, 0.6458345651626587, 0.6948764324188232, 1.5710591077804565]
PINNED_EDM, PINNED_FLOW = 0.4542553424835205, 0.9396722912788391
FIVE_ERRORS = 5 * 0.5 / math.sqrt(MANY)
"""Five standard errors, at most, of a share of MANY draws."""


def rules(objective: Objective = EDM, **settings: object) -> Rules:
    return rules_of(ObjectiveConfig.parse(settings), objective)


@pytest.fixture(scope="module")
def drawn() -> dict[Objective, list[Draw]]:
    """Many samples of each generation with upstream's settings."""
    return {o: [draw(0, sample, SMALL, rules(o)) for sample in range(MANY)] for o in Objective}


def share(flags: list[bool]) -> float:
    return sum(flags) / len(flags)


def same(a: Draw, b: Draw) -> bool:
    numbers = (a.sigma, a.clean_frames, a.keeps_text) == (b.sigma, b.clean_frames, b.keeps_text)
    return numbers and torch.equal(a.noise, b.noise)


# ------------------------------------------------------------------------ from (seed, id) alone


@pytest.mark.parametrize("objective", list(Objective))
def test_a_sample_draws_the_same_whatever_was_drawn_before(objective: Objective):
    first = draw(3, 41, SMALL, rules(objective))
    torch.manual_seed(99)
    for sample in range(5):
        draw(3, sample, (2, 5, 4, 4), rules(objective))
    assert same(first, draw(3, 41, SMALL, rules(objective)))


@pytest.mark.parametrize("objective", list(Objective))
def test_a_batch_draws_what_its_samples_draw_alone(objective: Objective):
    made, ids = rules(objective), (5, 2**40, 7)
    whole = draw_all(3, ids, (4, 3, 2, 6), made)
    alone = [draw(3, sample, (4, 3, 2, 6), made) for sample in ids]
    assert torch.equal(whole.noise, torch.stack([one.noise for one in alone]))
    assert torch.equal(whole.numbers, numbers_of(alone, made))
    told = whole.at(0.25, made).numbers
    assert told[:, 0].tolist() == [0.25] * 3
    assert told[:, 1].tolist() == [made.time(0.25)] * 3
    assert torch.equal(told[:, 2], whole.numbers[:, 2])
    assert told[:, 3].tolist() == [1.0] * 3


def test_streams_begin_where_a_fresh_generator_does():
    streams = Streams()
    for name in ("a", "b", "a"):
        node = Seed(7).child(name)
        ours, fresh = streams.at(node), node.generator()
        assert ours.random(3).tolist() == fresh.random(3).tolist()
        assert ours.standard_normal(5, dtype=np.float32).tolist() == (
            fresh.standard_normal(5, dtype=np.float32).tolist()
        )


@pytest.mark.parametrize(("seed", "sample"), [(3, 42), (4, 41), (41, 3)])
def test_another_seed_or_place_draws_other_numbers(seed: int, sample: int):
    assert not same(draw(3, 41, SMALL, rules()), draw(seed, sample, SMALL, rules()))


def test_the_numbers_of_a_release_stay():
    """Pinned: a run that goes on under a newer numpy or torch draws what it would have drawn."""
    edm, flow = draw(7, 5, (2, 2, 1, 2), rules(EDM)), draw(7, 5, (2, 2, 1, 2), rules(FLOW))
    assert torch.equal(edm.noise, flow.noise)
    torch.testing.assert_close(
        edm.noise.flatten()[:4], torch.tensor(PINNED_NOISE), rtol=0, atol=2e-7
    )
    assert edm.sigma == pytest.approx(PINNED_EDM, rel=1e-6)
    assert flow.sigma == pytest.approx(PINNED_FLOW, rel=1e-6)


def test_a_setting_changes_its_own_draw_and_no_other():
    plain = draw(0, 9, SMALL, rules())
    other = draw(0, 9, SMALL, rules(text_dropout=1.0, conditional_frames={0: 1.0}))
    assert plain.sigma == other.sigma
    assert torch.equal(plain.noise, other.noise)
    assert (other.keeps_text, other.clean_frames) == (False, 0)


def test_noise_of_a_frame_does_not_depend_on_the_clips_length():
    short, long = (draw(0, 1, (16, t, 4, 6), rules()).noise for t in (3, 8))
    assert torch.equal(short, long[:, :3])


def test_threads_draw_what_one_draws(monkeypatch):
    alone = draw(0, 1, (16, 6, 8, 8), rules()).noise
    monkeypatch.setattr(draws, "PARALLEL_FROM", 1)
    assert torch.equal(alone, draw(0, 1, (16, 6, 8, 8), rules()).noise)


# --------------------------------------------------------------------------------- distributions


@pytest.mark.parametrize("probability", [0.05, 0.25, 0.5, 0.75, 0.95])
def test_predict2s_levels_are_log_normal_times_the_root_of_the_frames(drawn, probability: float):
    levels = [d.sigma for d in drawn[EDM] if d.sigma < 200]
    quantile = math.exp(NormalDist().inv_cdf(probability)) * math.sqrt(SMALL[1])
    assert share([s <= quantile for s in levels]) == pytest.approx(probability, abs=FIVE_ERRORS)


def test_predict2s_levels_grow_with_the_root_of_the_frames():
    short, long = (
        [draw(0, i, (1, t, 1, 1), rules(high_sigma_share=0)).sigma for i in range(20)]
        for t in (2, 24)
    )
    assert long == pytest.approx([s * math.sqrt(12) for s in short], rel=1e-6)


def test_predict2_draws_a_twentieth_very_noisy_log_uniformly(drawn):
    high = [d.sigma for d in drawn[EDM] if d.sigma >= 200]  # e^N sqrt(3) passes 200 once in 2 m
    assert len(high) / MANY == pytest.approx(0.05, abs=5 * math.sqrt(0.05 * 0.95 / MANY))
    assert max(high) <= 100_000 * (1 + 1e-5)
    middle = math.sqrt(200 * 100_000)
    assert share([s < middle for s in high]) == pytest.approx(0.5, abs=2.5 / math.sqrt(len(high)))


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("shift", [1.0, 5.0])
def test_predict25s_levels_are_shifted_logit_normal(table: bool, shift: float):
    made = rules(FLOW, table=table, shift=shift)
    levels = [draw(1, sample, SMALL, made).sigma for sample in range(MANY // 2)]
    for probability in (0.1, 0.5, 0.9):
        u = 1 / (1 + math.exp(-NormalDist().inv_cdf(probability)))
        quantile = shift * u / (1 + (shift - 1) * u)
        found = share([s <= quantile for s in levels])
        assert found == pytest.approx(probability, abs=math.sqrt(2) * FIVE_ERRORS)


def test_predict25s_levels_are_entries_of_the_table(drawn):
    places = [1000 * d.sigma / (5 - 4 * d.sigma) for d in drawn[FLOW]]
    assert max(abs(place - round(place)) for place in places) < 1e-2  # float32 near 1
    newer = draw(0, 0, SMALL, rules(FLOW, table=False)).sigma
    place = 1000 * newer / (5 - 4 * newer)
    assert abs(place - round(place)) > 1e-2


@pytest.mark.parametrize(
    ("objective", "expected"), [(EDM, {1: 0.5, 2: 0.5}), (FLOW, {0: 0.5, 1: 0.25, 2: 0.25})]
)
def test_clean_frames_have_upstreams_probabilities(drawn, objective, expected):
    counts = [d.clean_frames for d in drawn[objective]]
    assert set(counts) == set(expected)
    for count, probability in expected.items():
        assert counts.count(count) / MANY == pytest.approx(probability, abs=FIVE_ERRORS)


def test_the_sports_recipes_probabilities_are_taken():
    made = rules(FLOW, conditional_frames={0: 0.333, 1: 0.333, 2: 0.334})
    counts = [draw(0, i, SMALL, made).clean_frames for i in range(600)]
    for count in range(3):
        assert counts.count(count) / 600 == pytest.approx(1 / 3, abs=0.097)


def test_a_fifth_of_the_texts_is_dropped(drawn):
    for samples in drawn.values():
        dropped = share([not d.keeps_text for d in samples])
        assert dropped == pytest.approx(0.2, abs=5 * 0.4 / math.sqrt(MANY))


def test_what_is_drawn_of_a_sample_is_independent(drawn):
    for samples in drawn.values():
        kinds = torch.stack(
            [
                torch.tensor([math.log(d.sigma) for d in samples]),
                torch.tensor([float(d.clean_frames) for d in samples]),
                torch.tensor([float(d.keeps_text) for d in samples]),
                *torch.stack([d.noise.flatten() for d in samples]).unbind(1),
            ]
        )
        others = torch.corrcoef(kinds) - torch.eye(len(kinds))
        assert others.abs().max() < 5 / math.sqrt(MANY)


def test_noise_is_unit_normal():
    noise = draw(0, 0, (16, 24, 22, 40), rules()).noise.double()
    errors = 5 / math.sqrt(noise.numel())
    assert noise.mean().item() == pytest.approx(0, abs=errors)
    assert noise.var().item() == pytest.approx(1, abs=errors * math.sqrt(2))
    assert (noise.abs() < 1).double().mean().item() == pytest.approx(0.6827, abs=errors / 2)


# --------------------------------------------------------------------------------------- edges


@pytest.mark.parametrize(("frames", "most"), [(1, 0), (2, 1), (3, 2)])
def test_a_frame_is_always_left_to_predict(frames: int, most: int):
    made = rules(EDM, conditional_frames={2: 1.0})
    assert draw(0, 0, (1, frames, 1, 1), made).clean_frames == most


def test_a_picture_has_no_very_noisy_level_as_upstream():
    made = rules(EDM, high_sigma_share=1.0)
    assert max(draw(0, i, (1, 1, 1, 1), made).sigma for i in range(50)) < 200
    assert min(draw(0, i, (1, 2, 1, 1), made).sigma for i in range(50)) >= 200 * (1 - 1e-5)


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize("share_of_samples", [0.1, 0.5, 0.9])
def test_a_level_at_a_share_is_the_quantile_of_what_is_drawn(drawn, objective, share_of_samples):
    level = rules(objective).sigma_at(share_of_samples, SMALL[1])
    below = share([d.sigma <= level for d in drawn[objective] if d.sigma < 200])
    assert below == pytest.approx(share_of_samples, abs=FIVE_ERRORS)


@pytest.mark.parametrize("wrong", [0.0, 1.0, -1.0])
def test_no_level_lies_at_the_ends(wrong: float):
    with pytest.raises(ConfigError, match="between 0 and 1"):
        rules().sigma_at(wrong, 24)


def test_left_out_settings_are_the_generations():
    edm, flow = rules(EDM), rules(FLOW)
    assert (edm.high_sigma_share, edm.scale, edm.text_dropout) == (0.05, 10.0, 0.2)
    assert (flow.shift, flow.scale, flow.text_dropout, flow.table) == (5.0, 1.0, 0.2, True)
    assert (edm.upstream, flow.high_sigma_share) == (False, 0.0)


@pytest.mark.parametrize(
    ("objective", "settings", "message"),
    [
        (EDM, {"shift": 5}, r"objective.shift: 5.0 is a setting of Predict2.5"),
        (FLOW, {"high_sigma_share": 0.05}, r"high_sigma_share: 0.05 is a setting of Predict2;"),
        (EDM, {"conditional_frames": {1: 0.5}}, r"conditional_frames: .* found \{1: 0.5\}"),
        (EDM, {"conditional_frames": {}}, r"conditional_frames: .* found \{\}"),
        (EDM, {"conditional_frames": {-1: 1.0}}, "conditional_frames: .* found"),
        (FLOW, {"conditional_frames": {0: 1.5, 1: -0.5}}, "conditional_frames: .* found"),
    ],
)
def test_settings_that_mean_nothing_are_refused(objective, settings, message: str):
    with pytest.raises(ConfigError, match=message):
        rules(objective, **settings)


def test_probabilities_written_as_json_have_numbers_for_keys():
    assert rules(FLOW, conditional_frames={"0": 0.5, "2": 0.5}).clean_frames == {0: 0.5, 2: 0.5}


def test_rows_of_numbers_are_exact_far_out():
    noisy = Draw(sigma=99_999.0, clean_frames=1, keeps_text=True, noise=torch.zeros(SMALL))
    row = numbers_of([noisy], rules(EDM))[0]
    assert row.tolist() == [99_999.0, 99_999 / 100_000, 1.0, 1.0]
