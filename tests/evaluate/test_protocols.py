"""Protocols: which are chosen, what is refused, and what each stands for."""

import json

import pytest

from rareworld.errors import ConfigError
from rareworld.evaluate.protocols import (
    METRICS,
    PROTOCOLS,
    Frechet,
    Mmd,
    choose_protocols,
    find_protocol,
)


@pytest.mark.parametrize(
    ("metrics", "named", "expected"),
    [
        (("fid", "fvd"), (), ["fid_torch_fidelity", "fvd_i3d"]),
        (("fvd",), ("fvd_stylegan_v",), ["fvd_stylegan_v"]),
        (("fid", "kid"), ("fid_clean", "fid_torch_fidelity"),
         ["fid_clean", "fid_torch_fidelity", "kid_full"]),
        (("fid", "fid"), (), ["fid_torch_fidelity"]),
    ],
)  # fmt: skip
def test_a_metric_takes_the_protocols_named_for_it_or_its_first(
    metrics: tuple[str, ...], named: tuple[str, ...], expected: list[str]
) -> None:
    assert [protocol.name for protocol in choose_protocols(metrics, named)] == expected


@pytest.mark.parametrize(
    ("metrics", "named", "message"),
    [
        (("fit",), (), "did you mean 'fid'"),
        (("fid",), ("fid_klean",), "did you mean 'fid_clean'"),
        (("fid",), ("fvd_i3d",), "makes 'fvd', which is not among"),
    ],
)
def test_wrong_words_are_refused_with_the_near_miss(
    metrics: tuple[str, ...], named: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_protocols(metrics, named)


def test_protocols_of_pictures_look_at_single_frames_and_others_at_sixteen() -> None:
    for protocol in PROTOCOLS.values():
        assert protocol.pictures == (protocol.net == "inception")
        assert protocol.frames == (1 if protocol.pictures else 16)


def test_covariances_are_divided_as_the_programs_do() -> None:
    ddof = {p.name: p.distance.ddof for p in PROTOCOLS.values() if isinstance(p.distance, Frechet)}
    assert ddof == {
        "fid_torch_fidelity": 1, "fid_clean": 1, "fvd_i3d": 1,
        "fvd_stylegan_v": 0, "fvd_cdfvd": 0, "cd_fvd": 0,
    }  # fmt: skip


def test_kernels_are_those_of_kid_and_jedi() -> None:
    kernels = {p.name: p.distance for p in PROTOCOLS.values() if isinstance(p.distance, Mmd)}
    assert {(k.degree, k.coef0, k.unbiased) for n, k in kernels.items() if "kid" in n} == {
        (3, 1.0, True)
    }
    jedi = kernels["jedi"]
    assert (jedi.degree, jedi.coef0, jedi.unbiased, jedi.scale) == (2, 0.0, False, 100.0)


def test_a_protocol_tells_all_that_decides_it_as_json() -> None:
    for name in PROTOCOLS:
        told = json.loads(json.dumps(find_protocol(name).describe()))
        assert told["name"] == name
        assert told["kind"] in {"frechet", "mmd"}
    assert set(METRICS) == {"fid", "kid", "fvd", "cd_fvd", "jedi"}


def test_every_network_of_a_protocol_is_one_there_is() -> None:
    from rareworld.models.features import NAMES
    from rareworld.models.inception.pixels import RESIZES

    assert {protocol.net for protocol in PROTOCOLS.values()} <= set(NAMES)
    modes = {p.preprocessing for p in PROTOCOLS.values() if p.preprocessing is not None}
    assert modes <= set(RESIZES)
