"""The keys of standard interfaces."""

import pytest

from hwsim import parse
from hwsim.configuration import config_file
from hwsim.configuration.config_file import hardware_fingerprint
from models.errors import InputError

WIDE = {"network": {"layers": [2, 40_000], "out_degree": "full"}, "connectivity": {"kind": "full"}}


def test_the_width_of_packets_has_no_effect_on_native_streams():
    small = {"network": {"layers": [8, 4], "out_degree": [2]}}
    native = parse(small | {"hardware": {"z": [4], "beat_bits": 64}})
    assert native.notes() == ["hardware.beat_bits has no effect on native streams"]
    assert parse(small | {"hardware": {"z": [4], "beat_bits": 64, "interface": "axi"}}).notes() == []


def test_a_packet_has_room_for_so_many_classes():
    assert parse(WIDE | {"hardware": {"z": [2]}}).classes == 40_000
    with pytest.raises(InputError, match=r"hardware\.interface.*32768 classes: network\.classes is 40000; nearest: native"):
        parse(WIDE | {"hardware": {"z": [2], "interface": "wishbone"}})


def test_streams_on_a_serial_line_are_bytes():
    small = {"network": {"layers": [8, 4], "out_degree": [2]}}
    line = parse(small | {"hardware": {"z": [4], "interface": "serial"}})
    assert line.hardware.beat_bits == 8 and line.hardware.bit_clocks == 16 and line.hardware.link_bytes == 2048
    assert line.notes() == []
    with pytest.raises(InputError, match=r"hardware\.beat_bits = 32: must be 8 on a serial line, or left out; nearest: 8"):
        parse(small | {"hardware": {"z": [4], "interface": "serial", "beat_bits": 32}})


def test_parameters_pass_through_streams_where_there_are_some():
    small = {"network": {"layers": [8, 4], "out_degree": [2]}}
    given = {"z": [4], "parameter_stream": True}
    for interface in ("native", "serial"):
        with pytest.raises(InputError, match=rf"hardware\.parameter_stream = .*{interface} has not .*; nearest: False"):
            parse(small | {"hardware": given | {"interface": interface}})
    without, there = (parse(small | {"hardware": {"z": [4], "interface": "axi"} | more}) for more in ({}, given))
    assert there.notes() == []
    # A circuit that it is not in has the fingerprint that it had before there was such a key.
    assert hardware_fingerprint(there) != hardware_fingerprint(without)
    assert hardware_fingerprint(without).startswith("9540cfb1")


def test_clocks_of_a_bit_have_no_effect_without_a_line():
    small = {"network": {"layers": [8, 4], "out_degree": [2]}}
    wishbone = parse(small | {"hardware": {"z": [4], "interface": "wishbone", "bit_clocks": 8, "link_bytes": 512}})
    assert wishbone.notes() == [f"hardware.{k} has no effect without a serial line" for k in ("bit_clocks", "link_bytes")]


SMALL = {"network": {"layers": [8, 4], "out_degree": [2]}}


@pytest.mark.parametrize(
    ("interface", "why"),
    [
        ("native", "native ports have one clock"),
        ("wishbone", "LiteX has its own crossing"),
        ("serial", "serial ports have one"),
    ],
)
def test_only_axi_ports_can_have_a_clock_of_their_own(interface, why):
    given = SMALL | {"hardware": {"z": [4], "interface": interface, "bus_clock": "own"}}
    with pytest.raises(
        InputError, match=rf"hardware\.bus_clock = own: is for hardware\.interface axi: {why}.*nearest: shared"
    ):
        parse(given)


def test_a_shared_clock_leaves_no_trace():
    """Designs are known by what they were before there was another; one of its own is another design."""
    plain, shared, own = (
        parse(SMALL | {"hardware": {"z": [4], "interface": "axi"} | more})
        for more in ({}, {"bus_clock": "shared"}, {"bus_clock": "own"})
    )
    assert "bus_clock" not in config_file.as_yaml(shared) and "bus_clock: own" in config_file.as_yaml(own)
    for known in (config_file.fingerprint, config_file.hardware_fingerprint):
        assert known(plain) == known(shared) != known(own)
    assert parse(config_file.resolved(shared)) == plain and parse(config_file.resolved(own)) == own
