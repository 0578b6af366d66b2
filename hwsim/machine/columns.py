"""Names of the columns and codes in the arrays that the machine's clock loop works on."""

NONE, READ_PORT, WRITE_PORT, STALE, PENDING, INCOMPLETE = range(6)

ROUND_FLOOR, ROUND_HALF_UP, ROUND_HALF_EVEN, ROUND_STOCHASTIC = range(4)
MOST_DROP = 62  # no number reaches 2**61: dropping more bits changes nothing any more

PREACTIVATION_SIGNAL, DELTA_SIGNAL, WEIGHT_SIGNAL, BIAS_SIGNAL = range(4)
"""Columns of the saturation counters."""

KIND, LABEL, KAPPA = range(3)
"""Columns of the control pipeline, one row per sample."""

OWNER_BITS = 32
"""A word of activations, derivatives or deltas is (sample << 32) | value: one access reads and checks it."""
COUNT_BITS = 21
"""The tag of a partial delta is (sample << 21) | contributions so far: up to d_out, and layers have up to 2**20 neurons."""
LANE_BITS, OPERATION_BITS = 20, 2
CLOCK_BITS = LANE_BITS + OPERATION_BITS
"""A port shows its last access, (clock << 22) | (lane << 2) | operation: one comparison tells whether it was in this clock.
A lane may also be a neuron of a layer. At a million clocks a second, clocks would overflow after 25 days."""

# One row per junction. Offsets (words, ports, edges, …) are into arrays that all junctions share.
JUNCTION_COLUMNS = (
    "NUMBER IS_LAST Z Z_NEXT RESULTS_PER_CLOCK N_LEFT N_RIGHT NEXT_D_OUT CLOCKS OFFSET LINE WIDEST "
    "FORWARD_LAG BACKWARD_LAG FORWARD_LATENCY BACKWARD_LATENCY UPDATE_LATENCY ACCUMULATE "
    "EDGES ROWS RIGHT FIRST_CLOCK WEIGHT_PORT BIAS_PORTS "
    "LEFT_BANKS LEFT_WORDS LEFT_PORTS NEXT_BANKS NEXT_WORDS NEXT_PORTS DERIVATIVE_BANKS DERIVATIVE_WORDS DERIVATIVE_PORTS "
    "PARTIAL_BANKS PARTIAL_WORDS PARTIAL_PORTS DELTA_BANKS DELTA_WORDS DELTA_PORTS "
    "PRODUCT_DROP PRODUCT_MODE BIAS_DROP PRE_DROP PRE_MODE PRE_LOW PRE_HIGH BACK_DROP DELTA_DROP OUTPUT_DROP DELTA_MODE "
    "DELTA_LOW DELTA_HIGH WEIGHT_DROP WEIGHT_MODE WEIGHT_LOW WEIGHT_HIGH BIAS_STEP_DROP BIAS_MODE BIAS_LOW BIAS_HIGH "
    "ONE QUADRATIC NARROW NARROW_KAPPA SHORT SHORT_STEPS PART"
).split()
(
    NUMBER, IS_LAST, Z, Z_NEXT, RESULTS_PER_CLOCK, N_LEFT, N_RIGHT, NEXT_D_OUT, CLOCKS, OFFSET, LINE, WIDEST,
    FORWARD_LAG, BACKWARD_LAG, FORWARD_LATENCY, BACKWARD_LATENCY, UPDATE_LATENCY, ACCUMULATE,
    EDGES, ROWS, RIGHT, FIRST_CLOCK, WEIGHT_PORT, BIAS_PORTS,
    LEFT_BANKS, LEFT_WORDS, LEFT_PORTS, NEXT_BANKS, NEXT_WORDS, NEXT_PORTS, DERIVATIVE_BANKS, DERIVATIVE_WORDS, DERIVATIVE_PORTS,
    PARTIAL_BANKS, PARTIAL_WORDS, PARTIAL_PORTS, DELTA_BANKS, DELTA_WORDS, DELTA_PORTS,
    PRODUCT_DROP, PRODUCT_MODE, BIAS_DROP, PRE_DROP, PRE_MODE, PRE_LOW, PRE_HIGH, BACK_DROP, DELTA_DROP, OUTPUT_DROP, DELTA_MODE,
    DELTA_LOW, DELTA_HIGH, WEIGHT_DROP, WEIGHT_MODE, WEIGHT_LOW, WEIGHT_HIGH, BIAS_STEP_DROP, BIAS_MODE, BIAS_LOW, BIAS_HIGH,
    ONE, QUADRATIC, NARROW, NARROW_KAPPA, SHORT, SHORT_STEPS, PART,
) = range(len(JUNCTION_COLUMNS))  # fmt: skip

# One row per clock of a pass: the weight row in work, the accesses, and runs in the lists of segments and neurons.
ROW, ROW_BEGINS, ROW_ENDS, ACCESS, COUNT, SEGMENT, SEGMENT_END, BEGIN, BEGIN_END, END, END_END = range(11)

# One row per clock of a delay line: what arrives then.
(
    RESULT_COUNT, RESULT_SAMPLE, UPDATE_ROW, UPDATE_SAMPLE, BIAS_COUNT, BIAS_SAMPLE,
    PRODUCT_FIRST, PRODUCT_COUNT, PRODUCT_SAMPLE, SUM_FIRST, SUM_COUNT, SUM_SAMPLE,
) = range(12)  # fmt: skip
RESULT_NEURON, RESULT_VALUE, BIAS_NEURON, BIAS_VALUE = range(4)

# One row per junction: where it stands in its pass, and what it works on in this junction cycle. Samples and banks of FF and
# UP stand at the column plus the operation's code.
PERIOD, PASS_CLOCK, WORKS, FEEDS, LEARNS, NOW_KAPPA, FORWARD_SAMPLE, _, _, FORWARD_BANK, _, _, NOW_COLUMNS = range(13)

# One row per junction of whole passes: how many banks of left activations are kept spread out over the edges, and where.
KEPT_BANKS, KEPT_WORDS, KEPT_EDGES = range(3)

# One row per junction of 16-bit integers: words of a memory (0 where columns of a bank cannot be turned), memories, first mask.
DEPTH, COLUMNS, FIRST_MASK = range(3)
