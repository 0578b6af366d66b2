"""The sections of a configuration: shapes, types and ranges of single fields, and what follows from them alone.

Rules that join fields are in :mod:`hwsim.configuration.rules`; the
:class:`hwsim.configuration.configuration.Configuration` obeys them.
"""

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict, model_validator

from hwsim.configuration import degrees
from hwsim.configuration.legal import check_visible
from models.errors import InputError
from models.network.parameters import INITIALISATIONS
from models.numbers.format import Format, Rounding
from models.numbers.system import STEPS, NumberSystem

Int = Annotated[int, Strict()]
Bool = Annotated[bool, Strict()]
Real = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Text = Annotated[str, Strict(), Field(max_length=200)]
FileName = Annotated[str, Strict(), Field(min_length=1, max_length=4096)]
Count = Annotated[Int, Field(ge=1, le=10**9)]
Neurons = Annotated[Int, Field(ge=1, le=2**20)]
Shift = Annotated[Int, Field(ge=0, le=31)]
# Literal compares with ==, to which 1.0 and true are 1; these two must not pass and then be written back as 1.
Version = Annotated[Literal[1], BeforeValidator(lambda v: v if type(v) is int else str(v))]
Activation = Literal["sigmoid", "relu", "clipped_relu", "tanh", "softmax"]


class Section(BaseModel):
    """What all parts of a configuration share: immutable, and no key is ever ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, ser_json_inf_nan="constants", ignored_types=(cached_property,))


class NetworkSection(Section):
    """Layers and how densely they are joined; give ``out_degree`` or ``density``, not both."""

    layers: Annotated[tuple[Neurons, ...], Field(min_length=2, max_length=33)] = Field(description="N_0 .. N_L, neurons")
    out_degree: tuple[Annotated[Int, Field(ge=1)], ...] | Literal["full"] | None = Field(
        None, description="d_out of every junction, edges per left neuron"
    )
    density: tuple[Annotated[Real, Field(gt=0, le=1)], ...] | Literal["full"] | None = Field(
        None, description="density of every junction, W_i / (N_{i-1} N_i); must be feasible unless the pattern is random"
    )
    classes: Count | None = Field(None, description="outputs that count, the rest is padding; default: all of layer L")
    activation: Activation | tuple[Activation, ...] = Field(
        "sigmoid", description="one for all junctions or one for each; softmax only last and only in the float engine"
    )
    cost: Literal["cross_entropy", "quadratic"] = Field("cross_entropy", description="what training makes less of")

    @property
    def junctions(self) -> int:
        """L."""
        return len(self.layers) - 1

    @property
    def activations(self) -> tuple[str, ...]:
        """One name per junction."""
        return (self.activation,) * self.junctions if isinstance(self.activation, str) else self.activation


class ConnectivitySection(Section):
    """Which edges exist."""

    kind: Literal["full", "random", "structured", "clash_free"] = Field(
        "clash_free", description="all edges; so many, degrees free; exact degrees; exact degrees and no clash in any clock"
    )
    type: Annotated[Int, Field(ge=1, le=3)] = Field(2, description="clash-free type 1, 2 or 3")
    dither: Bool = Field(False, description="memory dither of clash-free patterns: costs a crossbar in hardware")
    seeds: Literal["drawn", "zero"] = Field(
        "drawn", description="of clash-free patterns; zero is the plain order: edge e comes from left neuron e mod N"
    )
    file: FileName | None = Field(
        None, description="a connectivity.npz whose edges and seeds replace drawn ones; relative to the configuration's file"
    )


class FormatSection(Section):
    """A fixed-point format: value = integer / 2**fraction."""

    width: Annotated[Int, Field(ge=2, le=24)] = Field(description="bits")
    fraction: Annotated[Int, Field(ge=0, le=24)] = Field(description="bits behind the binary point, at most width")
    signed: Bool = Field(True, description="two's complement; inputs, activations and derivatives may be without a sign")

    @model_validator(mode="after")
    def _check(self) -> Self:
        self.format()  # has a rule of its own
        return self

    def format(self) -> Format:
        """The same as the object that computes."""
        return Format(self.width, self.fraction, self.signed)


Nearest = Literal[Rounding.FLOOR, Rounding.HALF_UP, Rounding.HALF_EVEN]
"""What can round every step; stochastic rounding is for the weight step alone."""


class RoundingSection(Section):
    """Rounding of each narrowing step, where one for all is not enough."""

    product: Nearest = Field(Rounding.HALF_UP, description="of products to product_fraction bits")
    preactivation: Nearest = Field(Rounding.HALF_UP, description="of the sum of a right neuron's products")
    delta: Nearest = Field(Rounding.HALF_UP, description="of the delta of a hidden neuron")
    weight_step: Rounding = Field(
        Rounding.HALF_UP, description="stochastic: up with a probability of what is dropped, by a generator per junction"
    )
    bias_step: Nearest = Field(Rounding.HALF_UP, description="of what a bias changes by")


class NumbersSection(Section):
    """One fixed-point format for everything, with overrides per signal."""

    width: Annotated[Int, Field(ge=2, le=24)] = Field(12, description="bits of every signal that has no format of its own")
    fraction: Annotated[Int, Field(ge=0, le=24)] = Field(8, description="bits behind the binary point")
    rounding: Nearest | RoundingSection = Field(Rounding.HALF_UP, description="of every narrowing step, or of each")
    product_fraction: Annotated[Int, Field(ge=0, le=48)] | None = Field(
        None, description="fraction bits of a product, f_p; default: all of them, so that products are exact"
    )
    input: FormatSection | None = Field(None, description="of the inputs; default: width, fraction")
    weight: FormatSection | None = Field(None, description="of the weights; default: width, fraction")
    bias: FormatSection | None = Field(None, description="of the biases; default: width, fraction")
    preactivation: FormatSection | None = Field(
        None, description="of a neuron's sum, in front of its activation; default: width, fraction"
    )
    activation: FormatSection | None = Field(None, description="of what a neuron gives on; default: width, fraction")
    derivative: FormatSection | None = Field(
        None, description="of the activation's slope, for backpropagation; default: width, fraction"
    )
    delta: FormatSection | None = Field(None, description="of the error of a neuron; default: width, fraction")

    @cached_property
    def system(self) -> NumberSystem:
        """The number system: defaults filled in."""
        default = Format(self.width, self.fraction)
        of = {
            s: own.format() if (own := getattr(self, s)) else default
            for s in ("input", "weight", "bias", "preactivation", "activation", "derivative", "delta")
        }
        exact = of["weight"].fraction + max(of[s].fraction for s in ("input", "activation", "delta"))
        rounding = self.rounding.model_dump() if isinstance(self.rounding, RoundingSection) else {}
        return NumberSystem(
            **of,
            product_fraction=max(exact, 2 * self.fraction) if self.product_fraction is None else self.product_fraction,
            rounding={s: rounding.get(s, self.rounding) for s in STEPS},
        )

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            assert self.system
        except InputError as e:
            if e.field == "preactivation.width" and self.preactivation is None:  # then it is that of all signals
                raise InputError("width", e.value, e.rule, e.nearest) from None
            raise
        return self


class LatencySection(Section):
    """Clocks that the stages of the datapath take; 0 means that a stage is combinational."""

    memory_read: Annotated[Int, Field(ge=0, le=4)] = Field(1, description="clocks from an address to its word")
    multiplier: Annotated[Int, Field(ge=0, le=8)] = Field(0, description="registers in and behind a multiplier")
    tree_every: Annotated[Int, Field(ge=0, le=16)] = Field(0, description="adder-tree levels per register, 0 for none")
    table: Annotated[Int, Field(ge=0, le=6)] = Field(0, description="registers in front of and behind an activation table")
    write_back: Annotated[Int, Field(ge=0, le=4)] = Field(1, description="registers in front of a write port")
    accumulate: Annotated[Int, Field(ge=1, le=16)] = Field(
        1, description="clocks of the partial deltas' accumulation loop; 1: read, add and write in one clock"
    )


HeldRows = Annotated[Int, Field(ge=1, le=10**6)]


class ExternalSection(Section):
    """An external memory for the weights; its one port is shared by reads and writes of all junctions."""

    bandwidth: Annotated[Int, Field(ge=1, le=10**6)] = Field(
        description="bits per clock through its port, reads and writes together: what it sustains, not its peak"
    )
    latency: Annotated[Int, Field(ge=0, le=10**5)] = Field(30, description="clocks from a weight row's transfer to its use")
    buffer_rows: HeldRows | tuple[HeldRows, ...] | None = Field(
        None,
        description="weight rows that each junction holds ahead, one number for all or one for each; "
        "default: latency + flush + 4, at most what write-back allows",
    )


SERIAL_KEYS = "bit_clocks", "link_bytes"
"""Of the hardware: they mean nothing without a serial line."""


class HardwareSection(Section):
    """The accelerator: parallelism, schedule and stages."""

    z: tuple[Annotated[Int, Field(ge=1)], ...] = Field(description="edge processors of every junction, z_i")
    schedule: Literal["flush", "overlap"] = Field("flush", description="junction cycles of C + flush clocks, or exactly C")
    latency: LatencySection = LatencySection()
    weights: ExternalSection | None = Field(
        None, description="external memory from which weights are streamed; default: on chip (a model: no circuit has it)"
    )
    build: Literal["training", "inference"] = Field("training", description="inference leaves out BP, UP and their memories")
    lut_ram_depth: Annotated[Int, Field(ge=1, le=2**20)] = Field(
        64, description="words up to which a memory is LUT RAM; deeper ones are block RAM"
    )
    address: Literal["auto", "table", "adder"] = Field(
        "auto", description="address generators: tables over the rows, or adders of seeds (types 1 and 2)"
    )
    multiply_add: Bool = Field(
        False, description="UP subtracts in the multiplier blocks, for FPGAs whose blocks can add (7 series and later)"
    )
    kappa: tuple[Shift, Shift] | None = Field(
        None, description="least and greatest learning-rate shift in hardware; default: those of training.rate_shift"
    )
    counters: Bool = Field(True, description="saturation counters in hardware")
    module: Text = Field(
        "accelerator",
        description="Verilog's name of the top module, with which those of all others begin",
    )
    interface: Literal["native", "axi", "wishbone", "serial"] = Field(
        "native",
        description="ports of the top module: the accelerator's own; AXI4-Streams, and AXI4-Lite or Wishbone; or two wires",
    )
    beat_bits: Annotated[Int, Field(ge=8, le=512)] = Field(
        32, description="bits of tdata of both AXI4-Streams, a power of two; serial: 8; native streams have none"
    )
    parameter_stream: Bool = Field(
        False, description="weights and biases also through the AXI4-Streams, about a word per clock (axi, wishbone)"
    )
    bus_clock: Literal["shared", "own"] = Field(
        "shared", description="AXI ports: at the accelerator's clock, or at one of their own with any ratio and phase to it"
    )
    bit_clocks: Annotated[Int, Field(ge=4, le=2**16 - 1)] = Field(16, description="clocks of a bit on a serial line")
    link_bytes: Annotated[Int, Field(ge=64, le=2**14)] = Field(
        2048, description="bytes of a frame on a serial line, for each of which two buffers have one"
    )

    @model_validator(mode="before")
    @classmethod
    def _bytes(cls, data: Any) -> Any:
        """Through a serial line streams come byte by byte, where nothing else is said."""
        if isinstance(data, dict) and data.get("interface") == "serial":
            return {"beat_bits": 8} | data
        return data

    @property
    def trains(self) -> bool:
        """Whether BP, UP and their memories are built."""
        return self.build == "training"


RateScale = Literal["none", "density"]
_RATE_SCALE = "density: the weights of a junction learn 1 / sqrt(its density) times as fast, by as much as they start wider"


class TrainingSection(Section):
    """How the network is trained. Single samples and rate shifts for every engine; batches and optimisers for float."""

    engine: Literal["float", "fixed", "cycle"] = Field(
        "fixed", description="floating point; the hardware's integers; or the machine itself, clock by clock"
    )
    order: Literal["pipelined", "sequential"] = Field(
        "pipelined", description="updates land as late as in the hardware, or before the next sample enters"
    )
    epochs: Annotated[Int, Field(ge=0, le=10**6)] = Field(15, description="passes over the training samples")
    samples: Count | None = Field(None, description="training samples of an epoch, the first ones; default: all")
    rate_shift: Annotated[tuple[tuple[Annotated[Int, Field(ge=0)], Shift], ...], Field(max_length=1000)] = Field(
        ((0, 3),), description="[epoch, kappa]: from this epoch on the learning rate is 2**-kappa"
    )
    shuffle: Bool = Field(True, description="a new order of the samples in every epoch")
    init: Literal["glorot_normal", "glorot_uniform", "he_normal", "he_uniform", "he_positive", "file"] = Field(
        "glorot_normal", description="he_positive: he_normal without signs in junction 1, for inputs that are never negative"
    )
    init_file: FileName | None = Field(
        None, description="with init file: weight_<i> in edge order and bias_<i>, real numbers or fixed-point integers"
    )
    init_fan: Literal["sparse", "dense"] = Field("sparse", description="fans of the edges, or of the layers as if full")
    init_bias: Annotated[Real, Field(ge=-1e3, le=1e3)] = Field(0.0, description="initial value of every bias")
    batch_size: Count = Field(1, description="samples per update (float engine)")
    optimiser: Literal["sgd", "momentum", "adam"] = Field("sgd", description="float engine")
    learning_rate: Annotated[Real, Field(gt=0, le=1e3)] | None = Field(
        None, description="float engine; default: the rate shifts for sgd and momentum, 0.001 for adam"
    )
    rate_scale: RateScale = Field("none", description=f"{_RATE_SCALE}; float engine")
    momentum: Annotated[Real, Field(ge=0, lt=1)] = Field(0.9, description="of the momentum optimiser")
    decay: Annotated[Real, Field(ge=0, le=1)] = Field(0.0, description="rate / (1 + decay * updates), float engine")
    l2: Annotated[Real, Field(ge=0, le=1e3)] = Field(0.0, description="l2 * sum(w**2) is added to the cost, float engine")
    precision: Literal["float32", "float64"] = Field("float64", description="of the float engine")

    def kappa(self, epoch: int) -> int:
        """Learning-rate shift of an epoch."""
        return [k for start, k in self.rate_shift if start <= epoch][-1]


Frames = Annotated[Int, Field(ge=1, le=10**5)]
"""Of each of 64 classes, all of which are held in memory."""


class MorseSection(Section):
    """Which member of the Morse family (arXiv 1807.04239)."""

    family: Annotated[Int, Field(ge=1, le=4)] = Field(1, description="how frames are made, from 1, the easiest")
    sigma: Annotated[Real, Field(ge=0, le=16)] = Field(0.0, description="standard deviation of the noise, of 16 full scale")
    black_and_white: Bool = Field(False, description="every value to one of two, before noise is added")
    per_class: tuple[Frames, Frames, Frames] = Field((5000, 1000, 1000), description="training, validation and test frames")


class SelectSection(Section):
    """Which inputs of the data set are kept, in training, validation and test alike; give ``count`` or ``inputs``."""

    by: Literal["mean", "variance"] = Field(
        "mean", description="what the kept ones have most of, over all training samples that are not held out"
    )
    count: Neurons | None = Field(None, description="how many; of equals those of the lowest index")
    order: Literal["rows", "blocks"] = Field(
        "rows",
        description="in which they enter: row by row, or in Z-order: runs of them are compact parts of an image",
    )
    inputs: Annotated[tuple[Annotated[Int, Field(ge=0, lt=2**20)], ...], Field(min_length=1)] | None = Field(
        None, description="the kept ones themselves, from 0, in the order in which they enter"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.count is None) == (self.inputs is None):
            rule = "is missing: give count or inputs" if self.count is None else "must be left out where inputs are given"
            raise InputError("count", self.count, rule)
        seen: set[int] = set()
        for k, at in enumerate(self.inputs or ()):
            if at in seen:
                raise InputError(f"inputs[{k}]", at, "is there twice")
            seen.add(at)
        return self

    @property
    def kept(self) -> int:
        """How many inputs there are then."""
        return self.count if self.inputs is None else len(self.inputs)  # type: ignore[return-value]


class DataSection(Section):
    """Where samples come from."""

    name: Annotated[FileName, AfterValidator(check_visible)] = Field(
        "mnist-mini", description="a data set of `hwsim data list`, or the path of an .npz, .npy or .csv file or of a folder"
    )
    pool: Annotated[Int, Field(ge=1, le=1024)] = Field(
        1, description="side of the blocks of pixels whose mean is one input, e.g. 4: images of 28x28 become 7x7"
    )
    select: SelectSection | None = Field(None, description="of the inputs, which pooling has made, some; default: all")
    pad: Literal["end", "spread"] = Field(
        "end", description="where inputs stand when layer 0 has more neurons than features"
    )
    pad_outputs: Literal["end", "spread"] = Field("end", description="where classes stand among the output neurons")
    validation: Annotated[Int, Field(ge=0, le=10**9)] = Field(0, description="training samples held out, the last ones")
    morse: MorseSection | None = Field(None, description="of the data set morse only")


class DefaultData(DataSection):
    """The data set of a configuration that names none, which is not held against a network that it does not fit."""


Directions = Annotated[tuple[Count, ...], Field(min_length=1, max_length=3)]


class WindowSection(Section):
    """Windows of a layer: equal blocks of neighbouring neurons on a grid over one, two or three directions."""

    size: Directions = Field(description="neurons of a window in each direction, e.g. [8], [4, 4] of an image, [2, 2, 2]")
    stride: Directions | None = Field(None, description="from one window to the next; default: the size, side by side")
    shape: Directions | None = Field(
        None, description="of the layer, the last direction running fastest; default: one row of all its neurons"
    )
    real: Bool = Field(False, description="windows of real inputs or outputs only, in their order: padding is skipped")


class ScatterSection(Section):
    """How scatter is measured (arXiv 1711.02131); it changes nothing else."""

    windows: dict[str, WindowSection] = Field(
        {},
        description="of left_<i> and right_<i>, the layers of junction i, and of network_left and network_right; default: "
        "the smallest, side by side, whose ideal is at least one edge (one path) per neuron of the other side",
    )
    inputs: Neurons | None = Field(
        None, description="inputs that are no padding; default: the data set's features, all neurons if it is a file"
    )


class FrontendSection(Section):
    """Convolutional layers in front of the network, trained together with it by `hwsim frontend` (PyTorch)."""

    network: Literal["small", "shallow", "deep"] = Field(
        "small", description="small: two convolutions, for 28x28 images; shallow, deep: the papers' CIFAR networks"
    )
    epochs: Annotated[Int, Field(ge=1, le=10**6)] = Field(6, description="passes over the training samples")
    batch_size: Count = Field(64, description="samples per update")
    optimiser: Literal["sgd", "momentum", "adam"] = Field("adam", description="of convolutions and classification layers")
    learning_rate: Annotated[Real, Field(gt=0, le=1e3)] = Field(2e-3, description="at the first update")
    schedule: Literal["constant", "cosine"] = Field(
        "cosine", description="of the learning rate: as it is, or down to 0 at the last update as half a cosine"
    )
    rate_scale: RateScale = Field("none", description=_RATE_SCALE)
    momentum: Annotated[Real, Field(ge=0, lt=1)] = Field(0.9, description="of the momentum optimiser")
    decay: Annotated[Real, Field(ge=0, le=1)] = Field(0.0, description="rate / (1 + decay * updates)")
    l2: Annotated[Real, Field(ge=0, le=1e3)] = Field(
        0.0, description="l2 * sum(w**2) over the classification layers is added to the cost"
    )
    dropout: Annotated[Real, Field(ge=0, lt=1)] | None = Field(
        None, description="share of a stage's features that is dropped; default: as published, none for small"
    )
    form: Literal["auto", "masked", "gathered"] = Field(
        "auto", description="of the classification layers: dense weights with a mask, or weights for edges only"
    )
    threads: Annotated[Int, Field(ge=1, le=256)] = Field(1, description="of the processor; other threads round differently")


class Settings(Section):
    """All sections of a configuration, each legal by itself; whether they fit together is not known yet."""

    schema_version: Version = Field(1, description="of the list of keys, of which there is one so far")
    name: Annotated[Text, Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")] = Field(
        "unnamed", description="of the design, as files and reports call it"
    )
    seed: Annotated[Int, Field(ge=0, lt=2**63)] = Field(0, description="from which every random number follows")
    network: NetworkSection
    connectivity: ConnectivitySection = ConnectivitySection()
    numbers: NumbersSection = NumbersSection()
    hardware: HardwareSection | None = None
    training: TrainingSection = TrainingSection()
    data: DataSection = DataSection()
    frontend: FrontendSection | None = Field(None, description="its features are the inputs of the network")
    scatter: ScatterSection = ScatterSection()

    @property
    def out_degrees(self) -> tuple[int, ...] | None:
        """d_out of every junction; ``None`` for random patterns, whose degrees vary."""
        net = self.network
        return None if self.connectivity.kind == "random" else degrees.out_degrees(net.layers, net.out_degree, net.density)

    @property
    def edges(self) -> tuple[int, ...]:
        """W_i of every junction."""
        net, out = self.network, self.out_degrees
        if out is None:
            return degrees.random_edges(net.layers, net.out_degree, net.density)
        return tuple(n * d for n, d in zip(net.layers, out, strict=False))

    @property
    def classes(self) -> int:
        """Outputs that count."""
        return self.network.classes or self.network.layers[-1]

    @property
    def kappa_range(self) -> tuple[int, int]:
        """Least and greatest learning-rate shift that the hardware can be given."""
        if self.hardware is not None and self.hardware.kappa is not None:
            return self.hardware.kappa
        used = [k for _, k in self.training.rate_shift]
        return min(used), max(used)


assert {*INITIALISATIONS, "file"} == set(TrainingSection.model_fields["init"].annotation.__args__)  # type: ignore[union-attr]
