"""The test bench in plain Verilog of a design with AXI4-Streams: packets in and out, and AXI4-Lite or Wishbone.

It does what :mod:`rtl.cosim.golden` does by the accelerator's own ports.
"""

from collections.abc import Iterable
from math import ceil

import numpy as np
import numpy.typing as npt

from hwsim.machine.streams import Results
from hwsim.vocabulary import TRAINING
from models.network.parameters import IntegerParameters
from rtl.cosim.stimulus import StreamSamples, parameter_words
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.ports.interface_table import LOAD, LOADED, PARAMETERS, SEND, interface_base
from rtl.ports.packing import Packet
from rtl.ports.parameter_order import addresses
from rtl.verilog.emission import BENCH, BENCH_RESULTS, BENCH_SAMPLES, BENCH_WORDS, BUS_CLOCK, SOURCE, Verilog

PATIENCE = 64
"""Clocks for an access of the port, more than any takes; and junction cycles that a sample may be late."""
_HALF, _CORE_HALF = 5, 7
"""ns of half a clock, and of half a clock of the accelerator where that is another one: a slower one, so that no gap comes
from beats that are late."""
_WORD = (1 << register_map.WIDTH) - 1

Outcome = tuple[Results, npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""Results, addresses and words."""


def lines(words: Iterable[int], bits: int) -> str:
    """Words as $readmemh reads them: one a line."""
    return "".join(f"{word:0{ceil(bits / 4)}x}\n" for word in words)


def apart(of: Plan) -> bool:
    """Whether packets take longer than samples, so that gaps cannot be helped; then nothing shall be under way in them."""
    return Packet.sample(of).beats > of.period


def files(
    emitted: Verilog, samples: StreamSamples, outcome: Outcome, loaded: IntegerParameters | None = None
) -> dict[str, str]:
    """The bench and its vectors, by the names of their files, which stand beside the design.

    Weights and biases that are ``loaded`` before come through the stream of samples, and all leave through the other one in
    the end.
    """
    of = emitted.accelerator.plan
    results, address, word = outcome
    sample, result = Packet.sample(of), Packet.result(of)
    sent = [
        sample.pack(inputs, label | kappa << 16 | int(train) << 24)
        for inputs, label, kappa, train in zip(
            samples.input.tolist(), samples.label.tolist(), samples.kappa.tolist(), samples.train, strict=True
        )
    ]
    come = [
        result.pack(outputs, prediction | label << 16 | int(kind == TRAINING) << 31)
        for outputs, prediction, label, kind in zip(
            results.output.tolist(), results.prediction.tolist(), results.label.tolist(), results.kind, strict=True
        )
    ]
    bits = sample.beat_bits
    words = [a << register_map.WIDTH | w & _WORD for a, w in zip(address.tolist(), word.tolist(), strict=True)]
    counts, parameters = (len(sent) * sample.beats, len(come) * result.beats, len(words)), 0
    if loaded is not None:
        sent.insert(0, _parameters(of, *parameter_words(of, loaded)))
        come.append(_parameters(of, address, word))
        parameters = 8 * len(sent[0]) // bits
    return {
        BENCH: bench(emitted, counts, parameters),
        BENCH_SAMPLES: lines(_beats(sent, bits), bits + 1),
        BENCH_RESULTS: lines(_beats(come, bits), bits + 1),
        BENCH_WORDS: lines(words, 2 * register_map.WIDTH),
    }


def _parameters(of: Plan, address: npt.NDArray[np.int64], word: npt.NDArray[np.int64]) -> bytes:
    """All weights and biases as a packet, of those that the port gives."""
    known = dict(zip(address.tolist(), word.tolist(), strict=True))
    size = Packet.sample(of).beat_bits // 8
    data = np.array([known[at] for at in addresses(of)], "<i4").tobytes()
    return data.ljust(-(-len(data) // size) * size, b"\0")


def _beats(packets: Iterable[bytes], bits: int) -> list[int]:
    """Beats with their tlast above them."""
    size = bits // 8
    cut = [[packet[k : k + size] for k in range(0, len(packet), size)] for packet in packets]
    return [
        int.from_bytes(beat, "little") | (k == len(packet) - 1) << bits for packet in cut for k, beat in enumerate(packet)
    ]


def bench(emitted: Verilog, counts: tuple[int, int, int], parameters: int = 0) -> str:
    """The test bench.

    Parameters
    ----------
    counts
        Beats of samples that go in, beats of results that come out, words that are read.
    parameters
        Beats of weights and biases that go in before and come out behind.
    """
    of, ports = emitted.accelerator.plan, emitted.ports
    n_beats, n_results, n_words = counts
    packet = Packet.sample(of)
    bits, n_samples = packet.beat_bits, n_beats // packet.beats
    axi, crossed = "aclk" in ports, BUS_CLOCK in ports
    pause = (of.hops.drain(len(of.junctions)) + 8) * of.period + PATIENCE if apart(of) else 0
    cycles = n_samples + of.hops.drain(len(of.junctions)) + PATIENCE
    clocks = cycles * max(of.period, packet.beats) + n_beats + n_results + n_words * (PATIENCE + of.skew) + 1000
    clocks += pause * n_samples + 2 * PATIENCE * parameters
    if crossed:  # the accelerator's clocks, in those of the ports
        clocks, pause = 2 * clocks, 2 * pause
    open_to = f"(running ? BEATS : {parameters})" if parameters else "BEATS"
    taken = f"RESULTS + {parameters}" if parameters else "RESULTS"
    last = f"{taken} - 1"
    led = {"aclk": "clk", "aresetn": "!rst", "interrupt": ""}
    if crossed:
        led |= {"aclk": "core_clk", "aresetn": "!core_rst", "bus_aclk": "clk", "bus_aresetn": "!rst"}
    connections = ",\n    ".join(f".{name}({led.get(name, name)})" for name in ports)
    return f"""// Test bench of {emitted.top}: {n_samples} samples, and what the model of hwsim says of them.
// iverilog -g2005 -o bench {BENCH} {SOURCE} && vvp bench
`timescale 1ns / 1ps
module {emitted.top}_bench;
  localparam BEATS = {n_beats + parameters}, RESULTS = {n_results}, WORDS = {n_words}, CLOCKS = {clocks};
  reg clk = 0, rst = 1, feeding = 0{", running = 0" if parameters else ""};
  always #{_HALF} clk = ~clk;
{_CORE_CLOCK if crossed else ""}
  reg [{bits}:0] samples [0:BEATS - 1];  // tlast, then the beat
  reg [{bits}:0] expected [0:{last}];
  reg [63:0] words [0:WORDS - 1];  // the address, then the word
  initial begin
    $readmemh("{BENCH_SAMPLES}", samples);
    $readmemh("{BENCH_RESULTS}", expected);
    $readmemh("{BENCH_WORDS}", words);
  end

  integer offered = 0, taken = 0, failed = 0, clocks = 0, pause = 0;
  integer k;
  wire s_axis_tvalid = feeding && offered < {open_to} && pause == 0;
  wire [{bits - 1}:0] s_axis_tdata = samples[offered < BEATS ? offered : BEATS - 1][{bits - 1}:0];
  wire s_axis_tlast = samples[offered < BEATS ? offered : BEATS - 1][{bits}];
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
  wire m_axis_tready = 1;
  wire [{bits - 1}:0] m_axis_tdata;
  reg [31:0] answer = 0;
{_AXI_SIGNALS.format(top=ports["s_axi_awaddr"][1] - 1) if axi else _WB_SIGNALS.format(top=ports["wb_adr"][1] - 1)}
  {emitted.top} dut (
    {connections}
  );

  wire [{bits}:0] wanted = expected[taken < {taken} ? taken : {last}];
  always @(posedge clk) begin
    clocks <= clocks + 1;
    if (clocks == CLOCKS) begin
      $display("FAIL: after %0d clocks %0d of %0d beats of results have come, and not all words", clocks, taken, RESULTS);
      $finish;
    end
    if (pause > 0) pause <= pause - 1;
    if (!rst && s_axis_tvalid && s_axis_tready) begin
      offered <= offered + 1;
      if (s_axis_tlast) pause <= {pause};
    end
    if (!rst && m_axis_tvalid) begin
      taken <= taken + 1;
      if (taken >= {taken} || {{m_axis_tlast, m_axis_tdata}} !== wanted) begin
        failed = failed + 1;
        $display("beat %0d of the results is %h, not %h", taken, {{m_axis_tlast, m_axis_tdata}}, wanted);
      end
    end
  end

  task access(input write, input [31:0] at, input [31:0] word);
    begin
{_AXI_ACCESS if axi else _WB_ACCESS}
        failed = failed + 1;
        $display("address %h: refused", at);
      end
    end
  endtask

{script("words[k][63:32]", "words[k][63:32]", *(_through_streams(of, taken) if parameters else ("", "")))}
    if (failed == 0) $display("PASS: %0d beats of results and %0d words as the model has them", RESULTS, WORDS);
    else $display("FAIL: %0d differences", failed);
    $finish;
  end
endmodule
"""


def _through_streams(of: Plan, taken: str) -> tuple[str, str]:
    """Parameters are loaded before the design is started, and sent when all words have been read."""
    at = interface_base(of) + PARAMETERS.address
    before = f"""\
    access(1, {at}, {1 << LOAD});
    feeding <= 1;
    answer = 0;
    while (answer[{LOADED}] !== 1) access(0, {at}, 0);
    access(1, {at}, 0);
    running <= 1;
"""
    behind = f"""
    access(1, {at}, {1 << SEND});
    while (taken < {taken}) @(posedge clk);
    answer = 1;
    while (answer !== 0) access(0, {at}, 0);"""
    return before, behind


def script(address: str, shown: str, before: str = "", behind: str = "") -> str:
    """Starts the design, waits for all results, stops it and compares every word; what it has found is told behind it.

    ``address`` is that of a word, and ``shown`` is how it is named; ``before`` and ``behind`` all that more is done.
    """
    return f"""\
  initial begin
    repeat (4) @(posedge clk);
    rst <= 0;
{before}    feeding <= 1;
    access(1, {register_map.CONTROL}, {1 << register_map.RUN});
    while (taken < RESULTS) @(posedge clk);
    answer = 0;
    while (answer[{register_map.EMPTY}] !== 1) access(0, {register_map.STATUS}, 0);
    access(1, {register_map.CONTROL}, 0);
    answer = 0;
    while (answer[{register_map.STANDING}] !== 1) access(0, {register_map.STATUS}, 0);
    for (k = 0; k < WORDS; k = k + 1) begin
      access(0, {address}, 0);
      if (answer !== words[k][31:0]) begin
        failed = failed + 1;
        $display("address %h is %h, not %h", {shown}, answer, words[k][31:0]);
      end
    end{behind}"""


_CORE_CLOCK = f"""\
  reg core_clk = 0, core_rst = 1;
  always #{_CORE_HALF} core_clk = ~core_clk;
  always @(posedge core_clk) core_rst <= rst;
"""
_AXI_SIGNALS = """\
  reg s_axi_awvalid = 0, s_axi_wvalid = 0, s_axi_arvalid = 0;
  reg [{top}:0] s_axi_awaddr = 0, s_axi_araddr = 0;
  reg [31:0] s_axi_wdata = 0;
  wire s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid;
  wire s_axi_bready = 1, s_axi_rready = 1;
  wire [2:0] s_axi_awprot = 0, s_axi_arprot = 0;
  wire [3:0] s_axi_wstrb = 4'hf;
  wire [1:0] s_axi_bresp, s_axi_rresp;
  wire [31:0] s_axi_rdata;"""
_AXI_ACCESS = """\
      s_axi_awvalid <= write;
      s_axi_wvalid <= write;
      s_axi_arvalid <= !write;
      s_axi_awaddr <= at << 2;
      s_axi_araddr <= at << 2;
      s_axi_wdata <= word;
      @(posedge clk);
      while ((write ? s_axi_bvalid : s_axi_rvalid) !== 1) begin
        if (s_axi_awready) s_axi_awvalid <= 0;
        if (s_axi_wready) s_axi_wvalid <= 0;
        if (s_axi_arready) s_axi_arvalid <= 0;
        @(posedge clk);
      end
      answer = s_axi_rdata;
      if ((write ? s_axi_bresp : s_axi_rresp) !== 0) begin"""
_WB_SIGNALS = """\
  reg wb_cyc = 0, wb_we = 0;
  wire wb_stb = wb_cyc;
  reg [{top}:0] wb_adr = 0;
  reg [31:0] wb_dat_w = 0;
  wire [3:0] wb_sel = 4'hf;
  wire [31:0] wb_dat_r;
  wire wb_ack, wb_err;"""
_WB_ACCESS = """\
      wb_cyc <= 1;
      wb_we <= write;
      wb_adr <= at;
      wb_dat_w <= word;
      @(posedge clk);
      while ((wb_ack | wb_err) !== 1) @(posedge clk);
      answer = wb_dat_r;
      wb_cyc <= 0;
      if (wb_err !== 0) begin"""
