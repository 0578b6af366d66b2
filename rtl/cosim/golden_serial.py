"""The test bench in plain Verilog of a design with a serial line: requests go in bit by bit, and replies are compared.

It does what :mod:`rtl.cosim.golden` does by the accelerator's own ports. Samples come one by one, as a line has no hurry.
"""

from binascii import crc32
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from hwsim.vocabulary import TRAINING
from rtl.cosim.golden_packets import PATIENCE, Outcome, lines
from rtl.cosim.stimulus import StreamSamples
from rtl.plan.plan import Plan
from rtl.ports import register_map
from rtl.ports.framing import ESCAPE, FLAG, FLIP
from rtl.ports.link_requests import NAME, VERSION, WORD, Code
from rtl.ports.packing import Packet
from rtl.ports.uart import BITS
from rtl.verilog.emission import BENCH, BENCH_RESULTS, BENCH_SAMPLES, BENCH_WORDS, SOURCE, Verilog

_MOST = 2048
"""Bytes of samples, and of words: a line takes its time, and a simulator its own."""
_LEAST = 2
"""Samples, however long they are."""


@dataclass
class Script:
    """Frames and what answers them.

    Attributes
    ----------
    requests, replies
        Bytes on the line, one entry a frame.
    pauses
        Clocks behind each reply.
    """

    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    pauses: list[int] = field(default_factory=list)

    def ask(self, code: Code, payload: bytes, reply: bytes, pause: int = 0) -> None:
        """A request that is done, and the payload of its reply."""
        number = len(self.requests) & 0xFF
        self.requests.append(_frame(number, code.value, payload))
        self.replies.append(_frame(number, 0, reply))
        self.pauses.append(pause)


def _frame(number: int, code: int, payload: bytes) -> bytes:
    body = bytes([number, code]) + payload
    body += crc32(body).to_bytes(4, "little")
    stuffed = b"".join(bytes([ESCAPE, byte ^ FLIP]) if byte in (FLAG, ESCAPE) else bytes([byte]) for byte in body)
    return bytes([FLAG]) + stuffed + bytes([FLAG])


def shortened(of: Plan, samples: StreamSamples) -> StreamSamples:
    """As many of the first samples as a line carries in reasonable time."""
    n = max(_LEAST, _MOST // Packet.sample(of).size)
    return StreamSamples(samples.input[:n], samples.label[:n], samples.kappa[:n], samples.train[:n])


def _cut(data: Sequence[int] | bytes, size: int) -> Iterator[tuple[Sequence[int] | bytes, bool]]:
    """Parts of at most this size, and whether each is the last one."""
    for at in range(0, len(data), size):
        yield data[at : at + size], at + size >= len(data)


def script(of: Plan, samples: StreamSamples, outcome: Outcome) -> Script:
    """Each sample is sent while the accelerator stands, which then runs until nothing is left of it; then words are read."""
    assert of.config.hardware is not None
    told, sent, result = Script(), Packet.sample(of), Packet.result(of)
    room = of.config.hardware.link_bytes - 2
    drained = (of.hops.drain(len(of.junctions)) + 8) * of.period + PATIENCE
    told.ask(Code.HELLO, NAME[::-1], NAME + bytes([VERSION]) + (room + 2).to_bytes(2, "little") + bytes(2) + NAME[::-1])
    results, address, word = outcome
    for k, (inputs, label, kappa, train) in enumerate(
        zip(samples.input.tolist(), samples.label.tolist(), samples.kappa.tolist(), samples.train, strict=True)
    ):
        packet = sent.pack(inputs, label | kappa << 16 | int(train) << 24)
        for part, last in _cut(packet, room - 1):
            told.ask(Code.EXCHANGE, bytes([last]) + bytes(part), len(part).to_bytes(2, "little") + bytes(1))
        told.ask(Code.WRITE, _words(4 * register_map.CONTROL, 1 << register_map.RUN), b"\1\0", drained)
        facts = int(results.prediction[k]) | int(results.label[k]) << 16 | int(results.kind[k] == TRAINING) << 31
        for part, last in _cut(result.pack(results.output[k].tolist(), facts), room - 3):
            told.ask(Code.EXCHANGE, bytes(1), bytes([0, 0, 1 if last else 2]) + bytes(part))
        told.ask(Code.WRITE, _words(4 * register_map.CONTROL, 0), b"\1\0", drained)
    chosen = _chosen(len(word))
    for part, _ in _cut(chosen, room // WORD):
        told.ask(Code.READ, _words(*(WORD * address[k] for k in part)), _words(*(word[k] for k in part)))
    return told


def _chosen(n: int) -> list[int]:
    """Numbers of words that are read: all of them, or as many as there is time for, the first and the last among them."""
    return np.unique(np.linspace(0, n - 1, min(n, _MOST // WORD)).round().astype(int)).tolist()


def _words(*words: int) -> bytes:
    return b"".join((int(word) & 0xFFFFFFFF).to_bytes(WORD, "little") for word in words)


def files(emitted: Verilog, samples: StreamSamples, outcome: Outcome) -> dict[str, str]:
    """The bench and its vectors, by the names of their files, which stand beside the design.

    The vectors are what is sent, what must come, and of every frame the bytes of both and the clocks behind the reply.
    """
    of = emitted.accelerator.plan
    told = script(of, samples, outcome)
    frames = [
        len(request) << 64 | len(reply) << 32 | pause
        for request, reply, pause in zip(told.requests, told.replies, told.pauses, strict=True)
    ]
    return {
        BENCH: bench(emitted, told, (len(samples), len(_chosen(len(outcome[2]))))),
        BENCH_SAMPLES: lines(b"".join(told.requests), 8),
        BENCH_RESULTS: lines(b"".join(told.replies), 8),
        BENCH_WORDS: lines(frames, 96),
    }


def bench(emitted: Verilog, told: Script, counts: tuple[int, int]) -> str:
    """The test bench; ``counts`` are samples that go in and words that are read."""
    hardware = emitted.accelerator.plan.config.hardware
    assert hardware is not None
    bytes_sent, bytes_come = (sum(map(len, frames)) for frames in (told.requests, told.replies))
    each = (BITS + 1) * hardware.bit_clocks + PATIENCE  # on the line, and at work
    clocks = (max(map(len, told.requests)) + max(map(len, told.replies))) * each + 1000
    led = {"interrupt": ""}
    connections = ",\n    ".join(f".{name}({led.get(name, name)})" for name in emitted.ports)
    samples, words = counts
    return f"""// Test bench of {emitted.top}: {samples} samples one by one, and what the model of hwsim says of them.
// iverilog -g2005 -o bench {BENCH} {SOURCE} && vvp bench
`timescale 1ns / 1ps
module {emitted.top}_bench;
  localparam SENT = {bytes_sent}, COME = {bytes_come}, FRAMES = {len(told.pauses)}, CLOCKS = {clocks};
  localparam BIT = {hardware.bit_clocks};
  reg clk = 0, rst = 1, rx = 1;
  wire tx;
  always #5 clk = ~clk;

  reg [7:0] requests [0:SENT - 1];
  reg [7:0] expected [0:COME - 1];
  reg [95:0] frames [0:FRAMES - 1];  // bytes of the request, bytes of the reply, clocks to wait behind it
  initial begin
    $readmemh("{BENCH_SAMPLES}", requests);
    $readmemh("{BENCH_RESULTS}", expected);
    $readmemh("{BENCH_WORDS}", frames);
  end

  {emitted.top} dut (
    {connections}
  );

  integer sent = 0, come = 0, due = 0, failed = 0, waited = 0;
  integer frame, k, place, at;
  reg [7:0] seen;

  initial forever begin
    @(negedge tx);
    repeat (BIT + BIT / 2) @(posedge clk);
    for (place = 0; place < 8; place = place + 1) begin
      seen[place] = tx;
      repeat (BIT) @(posedge clk);
    end
    if (tx !== 1 || come >= COME || seen !== expected[come]) begin
      failed = failed + 1;
      $display("byte %0d of the replies is %h, not %h", come, seen, expected[come]);
    end
    come = come + 1;
  end

  task send(input [7:0] value);
    begin
      rx <= 0;
      repeat (BIT) @(posedge clk);
      for (at = 0; at < 8; at = at + 1) begin
        rx <= value[at];
        repeat (BIT) @(posedge clk);
      end
      rx <= 1;
      repeat (BIT) @(posedge clk);
    end
  endtask

  initial begin
    repeat (4) @(posedge clk);
    rst <= 0;
    for (frame = 0; frame < FRAMES; frame = frame + 1) begin
      for (k = 0; k < frames[frame][95:64]; k = k + 1) begin
        send(requests[sent]);
        sent = sent + 1;
      end
      due = due + frames[frame][63:32];
      waited = 0;
      while (come < due) begin
        @(posedge clk);
        waited = waited + 1;
        if (waited == CLOCKS) begin
          $display("FAIL: %0d clocks after a request %0d of %0d bytes of replies have come", CLOCKS, come, COME);
          $finish;
        end
      end
      repeat (frames[frame][31:0]) @(posedge clk);
    end
    if (failed == 0) $display("PASS: {samples} samples and {words} words, %0d bytes of replies as the model has them", COME);
    else $display("FAIL: %0d differences", failed);
    $finish;
  end
endmodule
"""
