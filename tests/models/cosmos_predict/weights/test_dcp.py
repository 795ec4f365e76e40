"""Distributed checkpoints: whole, sharded, damaged and unsafe."""

import pickle
import re
import shutil
from pathlib import Path

import pytest
import torch
import torch.distributed.checkpoint as dcp
import torch.multiprocessing as mp
from torch import distributed
from torch.distributed.checkpoint.metadata import Metadata

from models.cosmos_predict.weights.tiny import mutations, same, save_dcp
from rareworld.errors import FormatError
from rareworld.models.cosmos_predict.weights.dcp import METADATA, read_dcp

STATE = {
    "net.a.weight": torch.arange(60.0).reshape(12, 5),
    "net.b": torch.tensor(3, dtype=torch.int64),
    "net.c": torch.arange(6, dtype=torch.bfloat16),
    "net_ema.a.weight": torch.ones(12, 5, dtype=torch.float32),
}


def everything(name: str) -> bool:
    return True


def test_what_pytorch_saves_is_read_bit_by_bit(tmp_path) -> None:
    assert same(read_dcp(save_dcp(tmp_path / "model", STATE), everything), STATE)


def test_tensors_not_asked_for_stay_on_meta(tmp_path) -> None:
    found = read_dcp(save_dcp(tmp_path / "model", STATE), lambda name: name == "net.c")
    assert {k: t.is_meta for k, t in found.items()} == {k: k != "net.c" for k in STATE}
    assert {k: (t.shape, t.dtype) for k, t in found.items()} == {
        k: (t.shape, t.dtype) for k, t in STATE.items()
    }


def test_byte_entries_are_never_opened(tmp_path) -> None:
    folder = save_dcp(tmp_path / "model", STATE | {"net.x._extra_state": {"a": 1}})
    assert same(read_dcp(folder, everything), STATE)


def _save_sharded(rank: int, store: str, folder: str) -> None:
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Shard, distribute_tensor

    distributed.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    mesh = init_device_mesh("cpu", (2,))
    state = {
        "net.a.weight": distribute_tensor(STATE["net.a.weight"], mesh, [Shard(0)]),
        "net.wide": distribute_tensor(STATE["net.a.weight"], mesh, [Shard(1)]),
    }
    dcp.save(state, checkpoint_id=folder)
    distributed.destroy_process_group()


@pytest.mark.slow
def test_tensors_sharded_over_two_ranks_are_put_together(tmp_path) -> None:
    folder = tmp_path / "model"
    mp.spawn(_save_sharded, (str(tmp_path / "store"), str(folder)), nprocs=2)
    assert len(list(folder.glob("*.distcp"))) == 2
    found = read_dcp(folder, everything)
    assert torch.equal(found["net.a.weight"], STATE["net.a.weight"])
    assert torch.equal(found["net.wide"], STATE["net.a.weight"])


def chunked(folder: Path) -> None:
    """Rewrite the index so that one tensor lies in two chunks, as two ranks would save it."""
    from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, MetadataIndex

    halves = {"up": STATE["net.a.weight"][:7], "down": STATE["net.a.weight"][7:]}
    save_dcp(folder, {name: half.clone() for name, half in halves.items()})
    index: Metadata = pickle.loads((folder / METADATA).read_bytes())
    entry = index.state_dict_metadata.pop("up")
    index.state_dict_metadata.pop("down")
    entry.size = torch.Size([12, 5])
    places = {key.fqn: place for key, place in index.storage_data.items()}
    starts = {"up": torch.Size([0, 0]), "down": torch.Size([7, 0])}
    entry.chunks = [ChunkStorageMetadata(starts[name], halves[name].shape) for name in halves]
    index.state_dict_metadata["net.a.weight"] = entry
    index.storage_data = {
        MetadataIndex("net.a.weight", starts[name]): places[name] for name in halves
    }
    (folder / METADATA).write_bytes(pickle.dumps(index))


def test_chunks_of_a_tensor_are_put_in_their_places(tmp_path) -> None:
    chunked(tmp_path / "model")
    found = read_dcp(tmp_path / "model", everything)
    assert torch.equal(found["net.a.weight"], STATE["net.a.weight"])


class Evil:
    def __reduce__(self):
        return print, ("it ran",)


def lose_index(folder: Path) -> None:
    (folder / METADATA).unlink()


def lose_data(folder: Path) -> None:
    next(folder.glob("*.distcp")).unlink()


def cut_data(folder: Path) -> None:
    file = next(folder.glob("*.distcp"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def garble_data(folder: Path) -> None:
    file = next(folder.glob("*.distcp"))
    file.write_bytes(bytes(file.stat().st_size))


def cut_index(folder: Path) -> None:
    (folder / METADATA).write_bytes((folder / METADATA).read_bytes()[:50])


def evil_index(folder: Path) -> None:
    (folder / METADATA).write_bytes(pickle.dumps(Evil()))


def other_index(folder: Path) -> None:
    (folder / METADATA).write_bytes(pickle.dumps({"a": 1}))


def no_tensors(folder: Path) -> None:
    shutil.rmtree(folder)
    save_dcp(folder, {"epoch": 3})


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lose_index, r"\.metadata: expected the index .* found damage"),
        (lose_data, r"distcp: expected a part of the checkpoint, cannot be read"),
        (cut_data, r"expected \d+ bytes, found \d+; it is cut short"),
        (garble_data, "found damage"),
        (cut_index, "found damage"),
        (evil_index, "found builtins.print in its pickle; it could run code"),
        (other_index, "expected an index, found dict"),
        (no_tensors, "expected tensors, found none"),
    ],
)
def test_damaged_and_unsafe_folders_are_refused(tmp_path, capsys, damage, message: str) -> None:
    folder = save_dcp(tmp_path / "model", STATE)
    damage(folder)
    with pytest.raises(FormatError, match=message):
        read_dcp(folder, everything)
    assert "it ran" not in capsys.readouterr().out


@pytest.mark.parametrize("name", [METADATA, "__0_0.distcp"])
def test_damage_anywhere_is_refused_or_harmless(tmp_path, name: str) -> None:
    """Nothing but FormatError leaves the reader, and no tensor is larger than its files."""
    folder = save_dcp(tmp_path / "model", STATE)
    size = sum(file.stat().st_size for file in folder.iterdir())
    refused = 0
    for content in mutations((folder / name).read_bytes()):
        (folder / name).write_bytes(content)
        try:
            found = read_dcp(folder, everything)
        except FormatError:
            refused += 1
        else:
            assert sum(t.numel() * t.itemsize for t in found.values()) <= size
    assert refused > 5


def enlarge(index: Metadata) -> None:
    entry = index.state_dict_metadata["net.a.weight"]
    entry.size = entry.chunks[0].sizes = torch.Size([2**40, 2**10])


def enlarge_whole(index: Metadata) -> None:
    index.state_dict_metadata["net.a.weight"].size = torch.Size([2**40, 2**10])


def lengthen(index: Metadata) -> None:
    for place in index.storage_data.values():
        place.length = 2**50


def go_back(index: Metadata) -> None:
    for place in index.storage_data.values():
        place.offset = -5


def enlarge_and_lengthen(index: Metadata) -> None:
    enlarge(index)
    lengthen(index)


def confuse(index: Metadata) -> None:
    index.state_dict_metadata["net.a.weight"].size = "large"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (enlarge, r"expected net.a.weight of .* to lie in its chunks, found 1125899906842624 val"),
        (enlarge_whole, "to lie in its chunks, found 60 values"),
        (lengthen, "it is cut short"),
        (enlarge_and_lengthen, "it is cut short"),
        (go_back, "expected a part of the checkpoint from byte -5"),
        (confuse, "expected sizes, types and places"),
    ],
)
def test_an_index_that_promises_too_much_takes_no_memory(tmp_path, change, message: str) -> None:
    folder = save_dcp(tmp_path / "model", STATE)
    index: Metadata = pickle.loads((folder / METADATA).read_bytes())
    change(index)
    (folder / METADATA).write_bytes(pickle.dumps(index))
    with pytest.raises(FormatError, match=message):
        read_dcp(folder, everything)


def test_a_pickle_that_numbers_too_many_objects_is_refused(tmp_path) -> None:
    folder = save_dcp(tmp_path / "model", STATE)
    (folder / METADATA).write_bytes(b"\x80\x02]r\xff\xff\xff\x7f.")
    with pytest.raises(FormatError, match="object number 2147483647"):
        read_dcp(folder, everything)


def test_a_data_file_outside_the_folder_is_not_followed(tmp_path) -> None:
    folder = save_dcp(tmp_path / "model", STATE)
    raw = (folder / METADATA).read_bytes()
    name = re.search(rb"__0_0\.distcp", raw)
    assert name is not None
    index = pickle.loads(raw)
    for place in index.storage_data.values():
        place.relative_path = "../model/__0_0.distcp"
    (folder / METADATA).write_bytes(pickle.dumps(index))
    with pytest.raises(FormatError, match=r"to place net.a.weight"):
        read_dcp(folder, everything)
