"""Elaborates a SoC of LiteX around the module that lies in the current folder: ``soc.v``, with the accelerator's ports.

The bus is led through the SoC's interconnect: what drives it is one of its masters, and the accelerator has a region.
"""

import json
from pathlib import Path

from litex.build.generic_platform import GenericPlatform
from litex.gen.fhdl.verilog import convert
from litex.soc.integration.soc import SoCRegion
from litex.soc.integration.soc_core import SoCMini
from litex.soc.interconnect import stream, wishbone
from litex_accelerator import Accelerator
from migen import Cat, ClockDomain, Constant, Module, Signal

ORIGIN = 0x9000_0000


class Given(Module):
    """Clock and reset as they come; LiteX's own would let go of the reset a clock later than the test bench does."""

    def __init__(self, clk, rst):
        self.clock_domains.cd_sys = domain = ClockDomain()
        self.comb += [domain.clk.eq(clk), domain.rst.eq(rst)]


class SoC(SoCMini):
    def __init__(self, platform, ports):
        p = self.ports = {name: Signal(port["bits"], name=name) for name, port in ports.items()}
        super().__init__(platform, clk_freq=1_000_000)
        self.crg = Given(p["clk"], p["rst"])
        self.accelerator = accelerator = Accelerator(platform)
        region = SoCRegion(origin=ORIGIN, size=Accelerator.size, cached=False)
        self.bus.add_slave("accelerator", accelerator.bus, region)
        self.irq.enable()
        self.irq.add("accelerator_irq")
        driver = wishbone.Interface(data_width=32, adr_width=30)
        self.bus.add_master("driver", driver)
        samples, results = (stream.Endpoint([("data", len(p["s_axis_tdata"]))]) for _ in range(2))
        self.comb += [
            *(getattr(driver, name).eq(p[f"wb_{name}"]) for name in ("cyc", "stb", "we", "dat_w", "sel")),
            driver.adr.eq(Constant(ORIGIN // 4, 30) + p["wb_adr"]),
            *(p[f"wb_{name}"].eq(getattr(driver, name)) for name in ("dat_r", "ack", "err")),
            Cat(samples.valid, samples.data, samples.last).eq(Cat(p["s_axis_tvalid"], p["s_axis_tdata"], p["s_axis_tlast"])),
            p["s_axis_tready"].eq(samples.ready),
            samples.connect(accelerator.sink),
            accelerator.source.connect(results),
            Cat(p["m_axis_tvalid"], p["m_axis_tdata"], p["m_axis_tlast"]).eq(Cat(results.valid, results.data, results.last)),
            results.ready.eq(p["m_axis_tready"]),
            p["interrupt"].eq(accelerator.interrupt),
        ]


def main() -> None:
    platform = GenericPlatform("none", [])
    soc = SoC(platform, json.loads(Path("names.json").read_text())["ports"])
    soc.finalize()
    (source,) = platform.sources
    assert Path(source[0]) == Path("accelerator.v").resolve() and source[1] == "verilog", source
    convert(soc, set(soc.ports.values()), name="soc", platform=platform).write("soc.v")


if __name__ == "__main__":
    main()
