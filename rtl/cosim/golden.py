"""A test bench in plain Verilog, with what the machine says of a few samples: any simulator checks the design by it.

It needs neither Python nor cocotb: it feeds random samples back to back, compares every beat of the results, stops, reads
all weights and biases through the port, and prints one line that begins with PASS or FAIL.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from hwsim.machine.machine import Machine
from hwsim.machine.streams import Results, joined
from hwsim.random_streams import Stream
from hwsim.schedule.banks import Banks
from hwsim.vocabulary import TRAINING
from models.network.parameters import IntegerParameters
from rtl.cosim import golden_packets as packets
from rtl.cosim import golden_serial as serial
from rtl.cosim.golden_packets import PATIENCE, lines
from rtl.cosim.stimulus import StreamSamples, anything, beats, bits, parameter_words
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.ports.results import result_layout
from rtl.verilog.emission import BENCH, BENCH_RESULTS, BENCH_SAMPLES, BENCH_WORDS, Verilog

SAMPLES = 24
"""That are fed: every junction works on its sample, and the first weights that were updated are used again."""
_INFERENCE = 0.2
"""Share of them that are for inference only."""


@dataclass(frozen=True, eq=False)
class Golden:
    """What goes in and what has to come out.

    Attributes
    ----------
    samples
        uint8 [beats, bytes]: the stream of samples, little-endian.
    results, care
        uint8 [beats, bits]: beats of the results, the lowest bit first, and which bits of them mean anything.
    address, word
        int64 [n]: what the port gives afterwards.
    """

    samples: npt.NDArray[np.uint8]
    results: npt.NDArray[np.uint8]
    care: npt.NDArray[np.uint8]
    address: npt.NDArray[np.int64]
    word: npt.NDArray[np.int64]


def drawn(of: Plan) -> StreamSamples:
    """Samples from the design's seed."""
    return anything(of, SAMPLES, of.design.generator(Stream.TEST_BENCH), _INFERENCE)


def loaded(of: Plan) -> IntegerParameters | None:
    """Weights and biases that are loaded before, from the design's seed, where there is a stream of parameters."""
    assert of.config.hardware is not None
    if not of.config.hardware.parameter_stream:
        return None
    generator, n = of.design.generator(Stream.TEST_BENCH), of.numbers
    weights: list[npt.NDArray[np.int32]] = []
    biases: list[npt.NDArray[np.int32]] = []
    for j in of.junctions:
        for arrays, fmt, size in ((weights, n.weight, j.pattern.n_edges), (biases, n.bias, j.n_right)):
            arrays.append(generator.integers(fmt.lowest, fmt.highest + 1, size).astype(np.int32))
    return IntegerParameters(weights, biases)


def _machine(of: Plan) -> Machine:
    """The accelerator's: it works in its own order, whichever the configuration tells the reference to train in."""
    design, config = of.design, of.config
    training = config.training.model_copy(update={"order": "pipelined", "batch_size": 1})
    pipelined, n = config.model_copy(update={"training": training}), len(of.junctions)
    banks = Banks.of(of.hops, n) if of.trains else Banks.of_inference(n)
    initial = loaded(of) or design.initial_integers
    return Machine(pipelined, design.network, initial, design.schedule, design.timing, banks, generators=design.generators)


def outcome(
    of: Plan, samples: StreamSamples, apart: bool = False
) -> tuple[Results, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Results of samples, and what the port gives afterwards: addresses, words.

    The samples follow each other without a gap, or each comes when nothing is left of the one before it.
    """
    machine = _machine(of)
    fields = (samples.input, samples.label, samples.kappa, samples.train)
    parts = [slice(k, k + 1) for k in range(len(samples))] if apart else [slice(None)]
    come = []
    for part in parts:
        come += [machine.feed(machine.samples(*(field[part] for field in fields))), machine.drain()]
    results = reduce(joined, come)
    address, word = parameter_words(of, machine.parameters)
    counts = [register_map.SAMPLES, register_map.RESULTS]
    words = np.concatenate([np.full(len(counts), len(samples)), word])
    return results, np.concatenate([counts, address]), words


def golden(of: Plan, samples: StreamSamples) -> Golden:
    """What the machine says of samples that follow each other without a gap."""
    results, address, word = outcome(of, samples)
    return Golden(beats(of, samples), *_beats(of, results), address, word)


def _beats(of: Plan, results: Results) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Beats of the results as bits, and which of those mean anything."""
    layout, last, n = result_layout(of), of.junctions[-1], len(results)
    q, groups = last.results_per_clock, last.groups
    words, care = (np.zeros((n, groups, layout.size), np.uint8) for _ in range(2))
    care[:] = 1
    width, at = of.numbers.activation.width, layout["outputs"].offset
    outputs = np.pad(results.output, ((0, 0), (0, groups * q - last.n_right))).reshape(n, groups, q)
    words[..., at : at + q * width] = bits(outputs, width).reshape(n, groups, q * width)
    exists = np.arange(groups * q).reshape(groups, q) < last.n_right
    care[..., at : at + q * width] = np.repeat(exists, width, axis=1)
    facts = {"prediction": results.prediction, "label": results.label, "train": results.kind == TRAINING, "last": np.ones(n)}
    for name, values in facts.items():
        field = layout[name]
        words[:, -1, field.offset : field.offset + field.width] = bits(np.asarray(values, np.int64), field.width)
    return words.reshape(n * groups, -1), care.reshape(n * groups, -1)


def files(emitted: Verilog) -> dict[str, str]:
    """The bench and its vectors, by the names of their files, which stand beside the design."""
    of = emitted.accelerator.plan
    hardware = of.config.hardware
    assert hardware is not None
    if hardware.interface == "serial":
        some = serial.shortened(of, drawn(of))
        return serial.files(emitted, some, outcome(of, some, apart=True))
    if emitted.component is not emitted.accelerator:
        return packets.files(emitted, drawn(of), outcome(of, drawn(of), packets.apart(of)), loaded(of))
    known = golden(of, drawn(of))
    results = np.packbits(np.concatenate([known.results, known.care], axis=1), axis=1, bitorder="little")
    words = [a << register_map.WIDTH | w & _WORD for a, w in zip(known.address.tolist(), known.word.tolist(), strict=True)]
    return {
        BENCH: bench(emitted, known),
        BENCH_SAMPLES: lines(map(_number, known.samples), emitted.ports["samples__payload"][1]),
        BENCH_RESULTS: lines(map(_number, results), 2 * known.results.shape[1]),
        BENCH_WORDS: lines(words, emitted.ports["bus__address"][1] + register_map.WIDTH),
    }


_WORD = (1 << register_map.WIDTH) - 1


def _number(row: npt.NDArray[np.uint8]) -> int:
    return int.from_bytes(row.tobytes(), "little")


def _connections(ports: Sequence[str]) -> str:
    return ",\n    ".join(f".{name}({name})" for name in ports)


def bench(emitted: Verilog, known: Golden) -> str:
    """The test bench."""
    of, ports = emitted.accelerator.plan, emitted.ports
    payload, result, address = (ports[name][1] for name in ("samples__payload", "results__payload", "bus__address"))
    cycles = SAMPLES + of.hops.drain(len(of.junctions)) + PATIENCE
    clocks = cycles * of.period + len(known.word) * (PATIENCE + of.skew) + 1000
    return f"""// Test bench of {emitted.top}: {SAMPLES} samples, and what the model of hwsim says of them.
// iverilog -g2005 -o bench {BENCH} accelerator.v && vvp bench
`timescale 1ns / 1ps
module {emitted.top}_bench;
  localparam BEATS = {len(known.samples)}, RESULTS = {len(known.results)}, WORDS = {len(known.word)}, CLOCKS = {clocks};
  reg clk = 0, rst = 1, feeding = 0;
  always #5 clk = ~clk;

  reg [{payload - 1}:0] samples [0:BEATS - 1];
  reg [{2 * result - 1}:0] expected [0:RESULTS - 1];  // which bits mean anything, then the beat
  reg [{address + 31}:0] words [0:WORDS - 1];  // the address, then the word
  initial begin
    $readmemh("{BENCH_SAMPLES}", samples);
    $readmemh("{BENCH_RESULTS}", expected);
    $readmemh("{BENCH_WORDS}", words);
  end

  integer offered = 0, taken = 0, failed = 0, clocks = 0;
  integer k;
  wire samples__valid = feeding && offered < BEATS;
  wire [{payload - 1}:0] samples__payload = samples[offered < BEATS ? offered : BEATS - 1];
  wire samples__ready, results__valid, bus__done, bus__error;
  wire results__ready = 1;
  wire [{result - 1}:0] results__payload;
  reg bus__request = 0, bus__write = 0;
  reg [{address - 1}:0] bus__address = 0;
  reg [31:0] bus__write_data = 0, answer = 0;
  wire [31:0] bus__read_data;
  {emitted.top} dut (
    {_connections(list(ports))}
  );

  wire [{2 * result - 1}:0] wanted = expected[taken < RESULTS ? taken : RESULTS - 1];
  wire [{result - 1}:0] differs = (results__payload ^ wanted[{result - 1}:0]) & wanted[{2 * result - 1}:{result}];
  always @(posedge clk) begin
    clocks <= clocks + 1;
    if (clocks == CLOCKS) begin
      $display("FAIL: after %0d clocks %0d of %0d beats of results have come, and not all words", clocks, taken, RESULTS);
      $finish;
    end
    if (!rst && samples__valid && samples__ready) offered <= offered + 1;
    if (!rst && results__valid) begin
      taken <= taken + 1;
      if (taken >= RESULTS || differs !== 0) begin
        failed = failed + 1;
        $display("beat %0d of the results is %h, wrong in bits %h", taken, results__payload, differs);
      end
    end
  end

  task access(input write, input [{address - 1}:0] at, input [31:0] word);
    begin
      bus__request <= 1;
      bus__write <= write;
      bus__address <= at;
      bus__write_data <= word;
      @(posedge clk);
      while (bus__done !== 1) @(posedge clk);
      answer = bus__read_data;
      if (bus__error !== 0) begin
        failed = failed + 1;
        $display("address %h: refused", at);
      end
      bus__request <= 0;
      @(posedge clk);
    end
  endtask

{packets.script("words[k] >> 32", "bus__address")}
    if (failed == 0) $display("PASS: %0d beats of results and %0d words as the model has them", RESULTS, WORDS);
    else $display("FAIL: %0d differences", failed);
    $finish;
  end
endmodule
"""
