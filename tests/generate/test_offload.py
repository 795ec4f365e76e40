"""Parts come to the device only while they run: live bytes of a fake device, and of a real one."""

import weakref

import pytest
import torch
from torch import Tensor, nn

from rareworld.errors import ConfigError, DeviceError
from rareworld.generate import offload
from rareworld.generate.offload import Part, Residency, read_offload

ALL = frozenset(Part)


class FakeDevice:
    """Copies blocks and counts the bytes that are alive."""

    def __init__(self):
        self.live = 0
        self.peak = 0
        self.copies = 0

    def copy(self, block: Tensor) -> Tensor:
        there = block.clone()
        self.live += block.nbytes
        self.copies += 1
        self.peak = max(self.peak, self.live)
        weakref.finalize(there.untyped_storage(), self._free, block.nbytes)
        return there

    def _free(self, size: int) -> None:
        self.live -= size


def make_net() -> nn.Module:
    torch.manual_seed(3)
    net = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.Linear(16, 4).double())
    net[2].to(torch.float32)
    return net.eval()


def placed(fake: FakeDevice, *parts: Part) -> tuple[Residency, dict[Part, nn.Module]]:
    residency = Residency(torch.device("cpu"), parts, copy=fake.copy)
    nets = {part: make_net() for part in Part}
    for part, net in nets.items():
        residency.place(part, net)
    return residency, nets


@pytest.mark.parametrize(
    ("text", "flags", "expected"),
    [
        ("", {}, set()),
        ("all", {}, set(Part)),
        ("model", {}, {Part.MODEL}),
        ("text, tokenizer", {}, {Part.TEXT, Part.TOKENIZER}),
        ("", {"model": True}, {Part.MODEL}),
        ("tokenizer", {"text_encoder": True}, {Part.TEXT, Part.TOKENIZER}),
    ],
)
def test_parts_are_read_from_a_list_and_from_flags(text, flags, expected):
    assert read_offload(text, **flags) == expected


def test_an_unknown_part_is_refused_with_the_near_miss():
    with pytest.raises(ConfigError, match=r"'tokeniser'.*did you mean 'tokenizer'"):
        read_offload("tokeniser")


def test_an_offloaded_part_is_on_the_device_only_inside_the_block():
    fake = FakeDevice()
    residency, nets = placed(fake, *ALL)
    assert fake.live == 0
    with residency.resident(Part.MODEL):
        size = sum(t.nbytes for t in nets[Part.MODEL].state_dict().values())
        assert fake.live >= size
    assert fake.live == 0


def test_parts_that_take_turns_need_no_more_than_the_largest():
    fake = FakeDevice()
    residency, _ = placed(fake, *ALL)
    for part in (Part.TEXT, Part.TOKENIZER, Part.MODEL, Part.TOKENIZER):
        with residency.resident(part):
            held = fake.live
    assert fake.peak == held
    assert fake.live == 0


def test_text_and_tokenizer_cannot_sit_beside_the_model():
    residency, _ = placed(FakeDevice(), *ALL)
    with (
        pytest.raises(DeviceError, match=r"text cannot come .* while model is there"),
        residency.resident(Part.MODEL),
        residency.resident(Part.TEXT),
    ):
        pass
    with residency.resident(Part.TEXT):  # the refusal left nothing behind
        pass


def test_a_part_may_be_asked_for_again_inside_its_own_block():
    fake = FakeDevice()
    residency, _ = placed(fake, *ALL)
    with residency.resident(Part.MODEL):
        before = fake.copies
        with residency.resident(Part.MODEL):
            assert fake.copies == before
        assert fake.live > 0
    assert fake.live == 0


def test_an_error_inside_frees_the_device():
    fake = FakeDevice()
    residency, _ = placed(fake, *ALL)
    with pytest.raises(ValueError, match="inside"), residency.resident(Part.MODEL):
        raise ValueError("inside")
    assert fake.live == 0


def test_results_are_bit_equal_before_inside_and_after():
    x = torch.randn(5, 8)
    expected = make_net()(x)
    residency, nets = placed(FakeDevice(), *ALL)
    net = nets[Part.MODEL]
    assert torch.equal(net(x), expected)
    with residency.resident(Part.MODEL):
        assert torch.equal(net(x), expected)
    assert torch.equal(net(x), expected)


def test_parts_that_stay_are_never_copied():
    fake = FakeDevice()
    residency, _ = placed(fake, Part.TEXT)
    with residency.resident(Part.MODEL), residency.resident(Part.TEXT):
        assert fake.copies == 1
    assert residency.told() == {"model": "cpu", "text": "host", "tokenizer": "cpu"}


def test_types_strides_ties_and_scalars_survive_packing():
    net = nn.Module()
    net.conv = nn.Conv3d(2, 3, 2).to(memory_format=torch.channels_last_3d)
    net.low = nn.Parameter(torch.randn(3, 5, dtype=torch.bfloat16))
    net.tied = net.low
    net.register_buffer("steps", torch.tensor(7))
    net.register_buffer("nothing", torch.empty(0))
    net.register_buffer("wide", torch.arange(4.0).expand(3, 4))
    expected = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    residency = Residency(torch.device("cpu"), ALL, copy=Tensor.clone)
    residency.place(Part.MODEL, net)
    with residency.resident(Part.MODEL):
        inside = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        assert net.conv.weight.is_contiguous(memory_format=torch.channels_last_3d)
        assert net.tied.data_ptr() == net.low.data_ptr()
    for name, tensor in expected.items():
        for found in (inside[name], net.state_dict()[name]):
            assert found.dtype is tensor.dtype, name
            assert torch.equal(found, tensor), name


@pytest.mark.parametrize(("limit", "copies"), [(2**20, 1), (1024, 2), (1, 4)])
def test_tensors_are_dealt_to_blocks_of_a_limited_size(monkeypatch, limit, copies):
    monkeypatch.setattr(offload, "BLOCK_BYTES", limit)
    fake = FakeDevice()
    net = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8))  # 512 + 64 and 512 + 32 bytes
    residency = Residency(torch.device("cpu"), ALL, copy=fake.copy)
    residency.place(Part.MODEL, net)
    with residency.resident(Part.MODEL):
        assert fake.copies == copies


def test_without_a_gpu_nothing_is_offloaded():
    residency = Residency(torch.device("cpu"), ALL)
    assert residency.offloaded == frozenset()
    assert set(residency.told().values()) == {"cpu"}


def test_several_modules_make_one_part():
    fake = FakeDevice()
    residency = Residency(torch.device("cpu"), ALL, copy=fake.copy)
    residency.place(Part.TEXT, make_net(), make_net())
    with residency.resident(Part.TEXT):
        assert fake.copies == 2
    assert fake.live == 0


@pytest.mark.gpu
def test_gpu_memory_falls_when_a_part_leaves():
    device = torch.device("cuda")
    net = nn.Sequential(*(nn.Linear(4096, 4096, dtype=torch.bfloat16) for _ in range(20)))
    x = torch.randn(8, 4096, dtype=torch.bfloat16, device=device)
    size = sum(p.nbytes for p in net.parameters())
    residency = Residency(device, ALL)
    residency.place(Part.MODEL, net)
    before = torch.cuda.memory_allocated()
    results = []
    for _ in range(3):
        with torch.inference_mode(), residency.resident(Part.MODEL):
            assert torch.cuda.memory_allocated() - before >= size
            results.append(net(x).float().cpu())
        assert torch.cuda.memory_allocated() == before
    assert next(net.parameters()).is_pinned()
    assert torch.equal(results[0], results[2])
