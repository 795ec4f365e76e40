"""A state by parts: names there and back, room on disk, and what does not fit."""

import pytest
import torch
from torch.distributed.checkpoint.filesystem import FileSystemWriter
from torch.distributed.checkpoint.state_dict_saver import save

from rareworld.errors import ConfigError, StoreError
from rareworld.train.state_parts import (
    Remainder,
    State,
    bytes_of,
    check_fits,
    nested,
    on_host,
    parted,
)
from tests.train.fakes import make_state

STATE = {
    "counts": torch.tensor([3, 0]),
    "parameters": {"blocks.0.a": torch.ones(2, 3)},
    "ema": {"blocks.0.a": torch.zeros(2, 3)},
    "optimizer": {"blocks.0.a": {"step": torch.tensor(3.0), "exp_avg": torch.ones(2, 3)}},
    "rng": {"1": {"cpu": torch.zeros(8, dtype=torch.uint8)}},
}


def test_every_tensor_goes_to_one_part_under_upstreams_names():
    model, train, own = parted(STATE)
    assert list(model) == ["net.blocks.0.a", "net_ema.blocks.0.a"]
    assert list(train) == [
        "counts",
        "optimizer.blocks.0.a.step",
        "optimizer.blocks.0.a.exp_avg",
    ]
    assert list(own) == ["1.cpu"]
    assert model["net.blocks.0.a"] is STATE["parameters"]["blocks.0.a"]  # loading fills it
    assert nested(own)["1"]["cpu"] is STATE["rng"]["1"]["cpu"]


def test_the_states_of_runs_are_states_and_share_their_weights_memory():
    state, net = make_state()
    assert isinstance(state, State)
    model, _, own = parted(state.state_dict())
    for name, parameter in net.named_parameters():
        assert model[f"net.{name}"].data_ptr() == parameter.data_ptr()
    assert list(own) == ["0.cpu"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["net.a", "net_ema.a"], {"net.proj", "net_ema.proj"}),
        (["net.a"], {"net.proj"}),
        ([], set()),
    ],
)
def test_frozen_weights_stand_beside_the_trained_and_their_average(names, expected):
    remainder = Remainder(frozen={"proj": torch.ones(1)})
    assert remainder.beside(dict.fromkeys(names, torch.ones(1))).keys() == expected


def test_a_copy_on_the_host_keeps_type_and_values_and_no_memory():
    weight = torch.nn.Parameter(torch.arange(4).bfloat16())
    copy = on_host(weight)
    with torch.no_grad():
        weight.zero_()
    assert copy.tolist() == [0, 1, 2, 3]
    assert (copy.dtype, copy.requires_grad) == (torch.bfloat16, False)


def write(folder, tensors) -> None:
    save(dict(tensors), storage_writer=FileSystemWriter(folder), no_dist=True)


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
def test_room_on_disk_is_estimated_from_above_and_closely(tmp_path):
    tensors = {f"net.{i}": torch.randn(50, i + 1) for i in range(40)}
    write(tmp_path / "model", tensors)
    used = sum(file.stat().st_size for file in (tmp_path / "model").iterdir())
    assert used <= bytes_of(tensors) <= used + 40 * 2048


@pytest.mark.filterwarnings("ignore:torch.distributed is disabled")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, ""),
        ({"net.b": torch.ones(3)}, r"net.b is float32 \[2\] there and float32 \[3\] here"),
        ({"net.b": torch.ones(2).half()}, r"net.b is float32 \[2\] there and float16 \[2\] here"),
        ({"net.c": torch.ones(1)}, r"net.c is nothing there and float32 \[1\] here; go on with"),
        ({f"net.x{i}": torch.ones(1) for i in range(9)}, r"net.x4 is .* here \.\.\.; go on"),
    ],
)
def test_tensors_that_do_not_fit_are_named(change, said, tmp_path):
    tensors = {"net.a": torch.ones(2, 2), "net.b": torch.ones(2)}
    beside = {"net.frozen": torch.ones(1)}
    write(tmp_path / "model", tensors | beside)
    if said:
        with pytest.raises(ConfigError, match=said):
            check_fits(tmp_path / "model", tensors | change, beside)
    else:
        check_fits(tmp_path / "model", tensors, beside)


def test_a_folder_without_an_index_is_damaged(tmp_path):
    with pytest.raises(StoreError, match=r"\.metadata"):
        check_fits(tmp_path, {"net.a": torch.ones(1)}, {})
