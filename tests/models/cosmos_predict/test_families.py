"""Shapes of the four families, by the parameter counts that were published."""

import pytest

from models.cosmos_predict.tiny import tiny_config
from rareworld.models.cosmos_predict.config import FAMILIES, Objective
from rareworld.models.cosmos_predict.families import (
    build_on_meta,
    count_parameters,
    families_table,
)

PUBLISHED = {
    "predict2-2b": 1_956_413_440,
    "predict2-14b": 14_265_285_632,
    "predict2.5-2b": 2_059_174_912,
    "predict2.5-14b": 14_368_047_104,
}


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_parameter_counts_are_the_published_ones(name: str) -> None:
    assert count_parameters(FAMILIES[name].net) == PUBLISHED[name] == FAMILIES[name].parameters


def test_counting_takes_no_memory() -> None:
    net = build_on_meta(FAMILIES["predict2.5-14b"].net)
    assert {p.device.type for p in net.parameters()} == {"meta"}


def test_table_has_a_row_per_family() -> None:
    rows = {row["family"]: row for row in families_table()}
    assert {name: row["parameters"] for name, row in rows.items()} == PUBLISHED
    assert rows["predict2-14b"]["rope_h_w_t"] == "2, 2, 0.8333"
    assert rows["predict2.5-14b"]["rope_h_w_t"] == "3, 3, 1"
    assert rows["predict2.5-2b"]["raw_context"] == 28 * 3584


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_generations_differ_in_what_the_net_is_told(name: str) -> None:
    newer = name.startswith("predict2.5")
    family = FAMILIES[name]
    assert family.objective is (Objective.FLOW if newer else Objective.EDM_FLOW)
    assert family.net.timestep_scale == (0.001 if newer else 1.0)
    assert family.net.fp32_modulation is newer
    assert family.net.head_dim == 128


def test_tiny_nets_keep_a_familys_structure() -> None:
    for name in PUBLISHED:
        small, real = tiny_config(name), FAMILIES[name].net
        assert small.rope_ratios == real.rope_ratios
        assert (small.raw_context_dim is None) is (real.raw_context_dim is None)
