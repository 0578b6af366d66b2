"""The quick engine simulates as Amaranth's own does: every port, every clock, registers and memories at once."""

import numpy as np
import pytest
from amaranth.hdl import Array, ClockDomain, Module, Print, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from rtl.accelerator import Accelerator
from tests.rtl.designs import design
from tests.rtl.driving import play
from tests.rtl.quick import QuickEngine


class Everything(wiring.Component):
    """Memories read at once and late, written in part, registers driven bit by bit, negative numbers, a reset."""

    def __init__(self):
        super().__init__({"a": In(4), "b": In(8), "en": In(2), "x": Out(8), "y": Out(8), "z": Out(9), "v": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=11, init=range(11))
        write, late, now = memory.write_port(granularity=4), memory.read_port(), memory.read_port(domain="comb")
        few, number = Signal(8), Signal(range(-100, 100), init=-7)
        m.d.comb += [write.addr.eq(self.a), write.data.eq(self.b), write.en.eq(self.en), self.z.eq(number), self.v.eq(few)]
        m.d.comb += [
            late.addr.eq(self.a),
            late.en.eq(self.en[0]),
            now.addr.eq(few),
            self.x.eq(late.data),
            self.y.eq(now.data),
        ]
        m.d.sync += few[2:4].eq(self.b), few[0].eq(self.a[1] ^ number[0])
        with m.If(self.a == 3):
            m.d.sync += number.eq(number - self.b[:3])
        with m.Switch(self.b):
            with m.Case("1--0----"):
                m.d.sync += Array([few[5], few[6], few[7]])[self.a[:1]].eq(1)
            with m.Case("00000000"):
                m.d.sync += number.eq(-7)
        return m


def same(component, stimulus):
    """Every port in every clock, as both engines have it."""
    slow, quick = (play(component, stimulus, engine) for engine in ("pysim", QuickEngine))
    assert slow == quick
    return slow


def test_whatever_a_component_has():
    rng = np.random.default_rng(0)
    stimulus = [{"a": int(rng.integers(16)), "b": int(rng.integers(256)), "en": int(rng.integers(4))} for _ in range(1500)]
    seen = same(Everything(), stimulus)
    assert all(len({getattr(now, name) for now in seen}) > 5 for name in "xyzv")


@pytest.mark.parametrize("name", ["one_row", "straddling"])
def test_an_accelerator_that_gets_whatever_there_is(name):
    of, rng = Accelerator(design(name)), np.random.default_rng(1)
    ports = {"_".join(map(str, path)): port for path, member, port in of.signature.flatten(of) if member.flow == In}

    def drawn(port):
        value = int.from_bytes(rng.bytes(1 + len(Value.cast(port)) // 8)) >> 8 - len(Value.cast(port)) % 8
        return port.shape().from_bits(value) if isinstance(port, data.View) else value

    seen = same(of, [{n: drawn(port) for n, port in ports.items()} for _ in range(120)])
    assert any(now != seen[0] for now in seen)


def test_what_is_said_is_said_at_every_edge(capsys):
    """Though nothing changes that it says; and a register of which nothing changes stays."""

    class Talkative(wiring.Component):
        a: In(1)

        def elaborate(self, platform):
            m, kept = Module(), Signal(init=1)
            m.d.sync += [kept.eq(kept & ~self.a), Print("kept", kept)]
            return m

    said = []
    for engine in ("pysim", QuickEngine):
        play(Talkative(), [{}] * 5 + [{"a": 1}] * 4, engine)
        said.append(capsys.readouterr().out)
    assert said[0] == said[1] and said[0].count("kept 1") == 6 and said[0].count("kept 0") == 3


@pytest.mark.parametrize("periods", [(1e-6, 1e-6), (1e-6, 7e-7)])
def test_two_clocks_at_once_and_apart(periods):
    """Each side counts up and reads the other; edges that coincide see what was before."""

    def played(engine):
        m, a = Module(), ClockDomain("a")
        one, other = Signal(8), Signal(8)
        m.domains += [a, ClockDomain("b", reset_less=True)]
        m.d.a += one.eq(other + 1)
        m.d.b += other.eq(other + one)
        simulator = Simulator(m, engine=engine)
        for domain, period in zip("ab", periods, strict=True):
            simulator.add_clock(period, domain=domain)
        seen = []

        async def bench(ctx):
            for k in range(60):
                await ctx.tick("a")
                ctx.set(a.rst, k % 20 == 19)
                seen.append((ctx.get(one), ctx.get(other)))

        simulator.add_testbench(bench)
        simulator.run()
        return seen

    seen = played("pysim")
    assert seen == played(QuickEngine) and len(set(seen)) > 10
