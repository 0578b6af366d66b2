"""Every number of docs/architecture.md that can be computed is computed here, and every name in it exists."""

import json
import math
import re

import numpy as np
import pytest

from hwsim import Design, load
from hwsim.configuration.config_file import changed
from hwsim.configuration.configuration import Configuration
from hwsim.patterns.search import search
from hwsim.random_streams import Stream
from hwsim.schedule.banks import Banks
from hwsim.schedule.inventory import inventory, operations
from hwsim.schedule.passes import schedule
from hwsim.schedule.timeline import timeline
from hwsim.schedule.timing import latencies, timing
from hwsim.schedule.violations import Violation
from hwsim.simulation.disturbances import Disturbances
from hwsim.simulation.entering import entering
from hwsim.vocabulary import BP, FF, HOST, TRAINING, UP
from models.connectivity.clash_free import access_sequences, draw_clash_free, from_seeds
from models.connectivity.degrees import feasible_degrees
from models.connectivity.draw import Kind
from models.files.npz import read_npz
from models.network.order import FLUSH, OVERLAP, SEQUENTIAL
from models.network.parameters import initialise
from models.numbers.format import NEAREST, narrow
from models.numbers.stochastic import random_bits, stepped
from rtl.plan.plan import Plan
from rtl.ports import register_map, register_table
from rtl.ports.results import result_layout
from rtl.ports.samples import sample_layout
from rtl.verilog.emission import DESCRIPTION
from rtl.verilog.maps.every import maps
from tests.documents import ROOT, defined, defined_in, named_files, number, page, section, table
from tests.hwsim import runs
from tests.hwsim.frontends import small_frontends

TEXT = page("docs/architecture.md")
PAGES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md")}
PAGES["README.md"] = page("README.md")
DEMO = ROOT / "sim_configs/demo.yaml"


@pytest.fixture(scope="module")
def demo():
    return Design(load(DEMO))


@pytest.fixture(scope="module")
def overlapping():
    return Design(load(DEMO, {"hardware.schedule": "overlap"}))


def test_sections_that_code_cites_are_there():
    headings = set(re.findall(r"^#+ (§[\d.]+) ", TEXT, re.MULTILINE))
    for folder in ("models", "hwsim", "rtl", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            for cited in re.findall(r"architecture\.md ((?:§[\d.]*\d(?:, )?)+)", path.read_text(encoding="utf-8")):
                assert set(cited.strip(", ").split(", ")) <= headings, path
    assert set(re.findall(r"§\d[\d.]*\d|§\d", TEXT)) <= headings


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    for link, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", PAGES[name]):
        target = (ROOT / name).parent / link if link else ROOT / name
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}, f"{link}#{anchor}"


@pytest.mark.parametrize(
    ("path", "names"),
    sorted({(path, tuple(names)) for text in PAGES.values() for path, names in named_files(text)}),
    ids=lambda x: x if isinstance(x, str) else None,
)
def test_named_files_exist_and_define_what_is_said_to_be_in_them(path, names):
    assert (ROOT / path).exists()
    assert not names or set(names) <= defined_in(ROOT / path)


def test_named_functions_and_classes_exist():
    named = {name for _, names in named_files(TEXT) for name in names}
    assert named and named <= defined()


def test_rooms_exist():
    for package, _, rooms in table(section(TEXT, "§7"), "package"):
        listed = re.findall(r"\w+", rooms)
        found = {p.name for p in (ROOT / package).iterdir() if (p / "__init__.py").is_file()}
        assert set(listed) == found, package


def test_feasible_densities():
    for n_left, n_right, g, density, d_out, d_in in table(section(TEXT, "§1"), "N_{i−1}"):
        found = list(feasible_degrees(int(n_left), int(n_right)))
        assert len(found) == int(g) == math.gcd(int(n_left), int(n_right))
        assert (str(found[0].density), found[0].d_out, found[0].d_in) == (density, int(d_out), int(d_in))


def test_access_sequences():
    rows = table(section(TEXT, "§2"), "N_{i−1}")
    assert len(rows) == 9
    for *geometry, kind, dither, count in rows:
        n_left, d_out, n_right, z = map(int, geometry)
        assert access_sequences(n_left, d_out, n_right, z, int(kind), dither == "yes") == number(count)


def test_published_counts_are_those_of_the_formulas():
    of = {kind: formula for kind, _, _, formula in table(section(TEXT, "§2"), "type")}
    values = {"D": 3, "z": 4, "d_out": 2}
    for kind, formula in of.items():
        python = re.sub(r"D!", "math.factorial(D)", formula).replace("^", "**")
        assert eval(python, {"math": math}, values) == access_sequences(12, 2, 12, 4, int(kind), False)


def test_example_of_a_sweep():
    n_left, z, depth, phi = re.search(r"N_{i−1} = (\d+), z = (\d+), D = (\d+), φ = \(([\d, ]+)\), no dither", TEXT).groups()
    pattern = from_seeds(int(n_left), 1, 12, 1, np.array([int(x) for x in phi.split(",")]))
    assert (pattern.seeds.z, pattern.seeds.depth) == (int(z), int(depth))
    printed = [[int(x) for x in row[1:]] for row in table(section(TEXT, "§2"), "clock")]
    assert pattern.left.reshape(-1, 4).tolist() == printed


def test_kinds_of_connectivity():
    assert [row[0] for row in table(section(TEXT, "§2"), "`connectivity.kind`")] == list(map(str, Kind))


def test_roundings():
    numbers = re.search(r"^\| x / 4, narrowed by 2 bits \|(.*)\|$", TEXT, re.MULTILINE)[1].split("|")
    x = np.array([number(cell.strip()) for cell in numbers])
    rows = table(section(TEXT, "§3"), "x / 4, narrowed by 2 bits")
    assert [re.match(r"\w+", name)[0] for name, *_ in rows] == [str(r) for r in NEAREST]
    for rounding, (_, *narrowed) in zip(NEAREST, rows, strict=True):
        assert narrow(x, 2, rounding).tolist() == [number(cell) for cell in narrowed]
    drawn = table(section(TEXT, "§3"), "state R")
    for state, lane, drop, random in drawn:
        assert random_bits(int(state.split(",")[0]), int(lane), int(drop)) == int(random)
    assert stepped(int(drawn[1][0])) == int(drawn[2][0].split(",")[0]) and "a step later" in drawn[2][0]


def test_roundings_can_be_given_for_the_steps_that_are_named():
    steps = {row[2] for row in table(section(TEXT, "§3"), "step")} - {""}
    assert steps == set(Configuration.model_json_schema()["$defs"]["RoundingSection"]["properties"])


def test_the_pipeline_of_two_junctions():
    t = timeline(FLUSH, 2, [TRAINING] * 5)
    columns = [(0, FF), (1, FF), (1, BP), (1, UP), (0, UP)]
    rows = table(section(TEXT, "§4"), "t")
    printed = [[int(cell) if cell != "–" else -1 for cell in row] for row in rows]
    now = [int(np.flatnonzero(t.cycles == row[0])[0]) for row in printed]
    assert [row[1:] for row in printed] == [[int(t.sample[j, op, at]) for j, op in columns] for at in now]
    in_flight = re.search(r"So (.*?) operations are in flight", TEXT)[1]
    assert sum(operations(j, True) for j in range(1, 8)) == formula(in_flight, L=7)


def formula(text, **values):
    """A formula of the page: products are written without a sign."""
    python = text.replace("−", "-")
    python = re.sub(r"(\w|\))\(", r"\1*(", re.sub(r"(\d)([A-Za-z])", r"\1*\2", python))
    return eval(python, {}, values)


@pytest.mark.parametrize("junctions", [1, 2, 3, 5])
def test_hops(junctions):
    rows = {row[0].split(":")[0].split(",")[0]: row[1:] for row in table(section(TEXT, "§4.1"), "of junction i, layer i")}
    n = junctions
    for column, hops in ((1, FLUSH), (2, OVERLAP)):
        banks = Banks.of(hops, n)
        given = {"L": n, "f": hops.forward, "u": hops.turn, "b": hops.backward}
        for i in range(1, n + 1):
            for name, value in (
                ("FF lag", hops.feedforward_lag(i)),
                ("BP lag", hops.backward_lag(i, n)),
                ("staleness", hops.staleness(i, n)),
                ("drain", hops.drain(n)),
            ):
                assert formula(rows[name][0], i=i, **given) == formula(rows[name][column], i=i, L=n) == value, name
        for i in range(n):
            assert formula(rows["banks of activations"][column], i=i, L=n) == banks.activation[i]
        for i in range(1, n):
            assert formula(rows["banks of derivatives"][column], i=i, L=n) == banks.derivative[i - 1] == hops.staleness(i, n)
            assert formula(rows["banks of partial deltas"][column]) == banks.partial[i - 1] == hops.backward + 1
        assert formula(rows["banks of deltas of layer L"][column]) == banks.delta == hops.turn + 1
    assert (SEQUENTIAL.forward, SEQUENTIAL.turn, SEQUENTIAL.backward) == (0, 0, 0)
    assert set(Banks.of_inference(n).activation) == {2}


def test_head_of_the_table_of_hops():
    head = re.search(r"\| `flush` \(([\d, ]+)\) \| `overlap` \(([\d, ]+)\) \|", TEXT).groups()
    assert [tuple(map(int, h.split(","))) for h in head] == [(h.forward, h.turn, h.backward) for h in (FLUSH, OVERLAP)]


def test_clocks_of_the_demo(demo, overlapping):
    rows = {row[0]: [number(cell) for cell in row[1:]] for row in table(section(TEXT, "§5"), "figure")}
    passes = schedule(demo.config, demo.patterns)
    flush, overlap = (timing(d.config, passes) for d in (demo, overlapping))
    assert rows == {
        "C, clocks of a pass": [j.clocks for j in passes.junctions],
        "D, clocks of a sweep": [j.depth for j in inventory(demo.config).junctions],
        "q, right neurons that can end in a clock": [j.results_per_clock for j in passes.junctions],
        "latency of FF": [j.feedforward for j in flush.junctions],
        "latency of BP": [j.backward for j in flush.junctions],
        "latency of UP": [j.update for j in flush.junctions],
        "junction cycle, flush": [flush.period] * 2,
        "junction cycle, overlap": [overlap.period] * 2,
        "clocks behind junction 1, overlap": [j.offset for j in overlap.junctions],
    }
    read, write = re.search(r"(\d+) clock to read and (\d+) to write back", TEXT).groups()
    stages = demo.config.hardware.latency
    assert stages.model_dump() == type(stages)(memory_read=int(read), write_back=int(write)).model_dump()
    revisits = re.search(r"\((\d+) in junction 2 of the demo\)", TEXT)[1]
    assert passes.junctions[1].revisit_distance == int(revisits)


def test_latencies_of_the_page_on_choices(demo):
    """The sums of design.md, evaluated for many stages."""
    rows = {row[0]: row[1] for row in table(page("docs/design.md"), "path")}
    ff, back = rows["feedforward"], rows["partial delta, weight, bias"].split(" (")[0]
    stages = demo.config.hardware.latency
    for read, multiplier, every, table_, write in ((1, 0, 0, 0, 1), (1, 2, 2, 1, 1), (3, 4, 1, 3, 3), (0, 0, 0, 0, 0)):
        of = stages.model_copy(
            update={"memory_read": read, "multiplier": multiplier, "tree_every": every, "table": table_, "write_back": write}
        )
        found = latencies(of, 16, 64)
        values = {"memory_read": read, "multiplier": multiplier, "table": table_, "write_back": write}
        values["tree"] = 4 // every if every else 0  # a tree over 16 lanes has 4 levels
        assert eval(ff.replace("tree registers", "tree"), {}, values) == found.feedforward
        assert eval(back.replace("2 m", "2 * m"), {}, values) == found.backward == found.update


def test_memories_of_the_demo(demo, overlapping):
    printed = {row[0]: row[3:] for row in table(section(TEXT, "§5"), "memory")}
    flush, overlap = (inventory(d.config).memories for d in (demo, overlapping))
    assert printed == {
        str(a.name): [f"{a.banks} / {b.banks}", str(a.lanes), str(a.depth), str(a.width)]
        for a, b in zip(flush, overlap, strict=True)
    }


def test_who_writes_and_reads_the_memories_of_the_demo():
    printed = {row[0]: row[1:3] for row in table(section(TEXT, "§5"), "memory")}
    names = {FF: "FF", BP: "BP", UP: "UP", HOST: "host"}
    for t in timeline(FLUSH, 2, [TRAINING] * 8).tables:
        writer, reader = printed[str(t.key)]
        assert set(re.findall("FF|BP|UP|host", writer)) == {names[w] for w in set(t.writer.flat) - {-1}}
        assert {names[r] for r in set(t.reader.flat) - {-1}} <= set(re.findall("FF|BP|UP", reader))


def test_violations():
    told = {c.__name__: c.rule for c in Violation.__subclasses__()}
    assert dict(table(section(TEXT, "§5"), "violation")) == told


def test_streams_of_the_demo(demo):
    of = Plan.of(demo)
    rows = [(stream, field, int(bits)) for stream, field, bits, _ in table(section(TEXT, "§6"), "stream")]
    layouts = {"samples": sample_layout(of), "results": result_layout(of)}
    assert rows == [(name, field, at.width) for name, layout in layouts.items() for field, at in layout]
    loaded, beats, results = re.findall(r"\(?here (\d+)\)", section(TEXT, "§6"))
    assert (int(loaded), int(beats), int(results)) == (of.beat, of.inputs.groups, of.junctions[-1].groups)


def test_port(demo):
    members = register_map.bus_signature(Plan.of(demo)).members
    assert all(f"`{name}`" in section(TEXT, "§6") for name in members)
    assert set(re.findall(r"\((\d+) bits", section(TEXT, "§6"))) == {str(register_map.WIDTH)}


def test_registers():
    rows = table(section(TEXT, "§6"), "register")
    assert {name: int(address) for name, address, *_ in rows} == {name: getattr(register_map, name) for name, *_ in rows}
    words = {name: meaning for name, _, _, meaning in rows}
    assert f"bit {register_map.RUN}:" in words["CONTROL"] and f"bit {register_map.RATE_FIXED} set" in words["RATE"]
    order = [words["STATUS"].index(f"bit {bit}") for bit in (register_map.STANDING, register_map.EMPTY, register_map.ERROR)]
    assert order == sorted(order)


def test_facts_behind_the_registers(demo):
    known = {r.name: r for r in register_table.registers(Plan.of(demo)) if r.address >= 16 + 4 * 2 and r.constant}
    printed = {}
    for name, word, _ in table(section(TEXT, "§6"), "fact"):
        for i in (1, 2) if name.endswith("_i") else (0,):
            printed[name.replace("_i", f"_{i}")] = 16 + 4 * 2 + formula(word, i=i)
    assert printed == {name: r.address for name, r in known.items()}
    fields = {f.name: (f.lsb + f.width - 1, f.lsb) for f in known["STREAM_FORMATS"].fields}
    width, fraction, signed = (fields[f"INPUT_{what}"] for what in ("WIDTH", "FRACTION", "SIGNED"))
    assert f"bits {width[0]}..{width[1]} width, {fraction[0]}..{fraction[1]} fraction, {signed[0]} signed" in TEXT
    assert all(
        fields[f"ACTIVATION_{what}"][1] == fields[f"INPUT_{what}"][1] + 16 for what in ("WIDTH", "FRACTION", "SIGNED")
    )


def test_bits_of_the_registers_that_say_what_was_built(demo):
    words = {name: meaning for name, _, _, meaning in table(section(TEXT, "§6"), "register")}
    known = {r.name: r for r in register_table.registers(Plan.of(demo))}
    at = {f.name: (f.lsb + f.width - 1, f.lsb) for f in known["BUILD"].fields}
    least, greatest, junctions = at["LEAST_KAPPA"], at["GREATEST_KAPPA"], at["JUNCTIONS"]
    said = f"bits {junctions[0]}..{junctions[1]}: L; bit {at['TRAINS'][0]}: it trains; bit {at['COUNTERS'][0]}: it counts"
    assert (
        said in words["BUILD"] and f"bits {least[0]}..{least[1]} and {greatest[0]}..{greatest[1]}: least" in words["BUILD"]
    )
    assert f"{known['MAGIC'].reset:#x}" in words["MAGIC"] and words["VERSION"].endswith(f": {known['VERSION'].reset}")


def test_files_of_the_registers(demo):
    named = {name for name, _ in table(section(TEXT, "§6"), "file")}
    assert named == {DESCRIPTION, *maps(Plan.of(demo))}


def test_addresses_of_the_demo(demo):
    where = register_map.AddressMap.of(Plan.of(demo))
    regions = {f"weights of junction {i}": r for i, r in enumerate(where.weights, 1)}
    regions |= {f"biases of layer {i}": r for i, r in enumerate(where.biases, 1)}
    printed = {name: [int(x) for x in rest] for name, *rest in table(section(TEXT, "§6"), "memory of the demo")}
    assert printed == {name: [r.base, r.rows, r.lanes, r.lane_bits] for name, r in regions.items()}


def test_keys_of_a_configuration():
    schema = Configuration.model_json_schema()
    sections = {"(top)": schema["properties"]}
    sections |= {
        name.removesuffix("Section").lower(): body["properties"]
        for name, body in schema["$defs"].items()
        if name.removesuffix("Section").lower() in schema["properties"]
    }
    printed = {name: re.findall(r"\w+", keys) for name, keys in table(section(TEXT, "§8"), "section")}
    assert printed == {name: list(keys) for name, keys in sections.items()}


def arrays_said_to_be_in_a_run(junctions):
    """(file, array) -> dtype, shape in letters, junction."""
    told = {}
    for files, array, dtype, shape, _ in table(section(TEXT, "§9"), "file"):
        if array.startswith(("address", "memory")):
            shape = re.search(r"[^,]* (?=\([\d, ]*2)", shape)[0].strip()  # the run has seeds of type 2
        for file in files.split(", "):
            for i in range(1, junctions + 1) if "<i>" in array else (None,):
                told[file, array.replace("<i>", str(i))] = dtype, shape, i
    return told


def test_arrays_of_a_run(tmp_path):
    config, out = runs.write_config(tmp_path, "fixed pipelined"), tmp_path / "run"
    random = "numbers.rounding={weight_step: stochastic}"
    assert runs.train(config, out, "--save-stream", "--set", random) == 0
    c = load(config)
    found = {(p.name, name): a for p in out.glob("*.npz") for name, a in read_npz(p).items()}
    told = arrays_said_to_be_in_a_run(2)
    assert {key for key in told if not key[1].startswith("right_")} == found.keys()
    n = runs.TRAIN * c.training.epochs
    for key, array in found.items():
        dtype, shape, i = told[key]
        sizes = {"n": n, "N_0": c.network.layers[0]}
        if i:
            sizes |= {
                "W_i": c.edges[i - 1],
                "N_i": c.network.layers[i],
                "z": c.hardware.z[i - 1],
                "d_out": c.out_degrees[i - 1],
            }
        expected = () if shape == "none" else tuple(sizes[s] for s in shape.split(" × "))
        assert (str(array.dtype), array.shape) == (dtype, expected), key
    metrics = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    plain = {key for key, of in metrics.items() if not isinstance(of, dict) or of.keys() != {"value", "unit", "meaning"}}
    assert plain == set(re.findall(r"`(\w+)`", re.search(r"`metrics.json` has (.*?), and", TEXT)[1]))


def test_random_streams(demo):
    keys = [key for key, _ in table(section(TEXT, "§10"), "key")]

    def generator(key, **values):
        assert key in keys
        spawn = [formula(part, **values) for part in key.strip("()").split(", ")]
        return np.random.default_rng(np.random.SeedSequence(demo.config.seed, spawn_key=spawn))

    layers, z = demo.config.network.layers, demo.config.hardware.z
    for i in (1, 2):
        drawn = draw_clash_free(
            layers[i - 1], demo.config.out_degrees[i - 1], layers[i], z[i - 1], 2, False, generator("(0, i − 1)", i=i)
        )
        assert np.array_equal(drawn.left, demo.patterns[i - 1].left)
    t = demo.config.training
    initial = initialise(demo.network, t.init, t.init_fan, t.init_bias, generator("(1)"))
    assert all(np.array_equal(a, b) for a, b in zip(initial.weights, demo.initial_real.weights, strict=True))
    stochastic = Design(changed(demo.config, {"numbers.rounding": {"weight_step": "stochastic"}}))
    states = generator("(4)").integers(1, 2**32, 2, np.uint32)
    assert {k: int(v) for k, v in stochastic.initial_arrays.items() if "random" in k} == {
        "random_1": states[0],
        "random_2": states[1],
    }
    assert np.array_equal(generator("(2, epoch)", epoch=3).permutation(99), demo.epoch_order(3, 99))
    late = generator("(3, epoch, 0)", epoch=2).geometric(1 - 0.5, 50) - 1
    train = generator("(3, epoch, 1)", epoch=2).random(50) >= 0.25
    blocked = generator("(3, epoch, 2)", epoch=2).random(50 + late.sum()) < 0.1
    entered = entering(Disturbances(late=0.5, inference=0.25, blocked=0.1), demo, 2, 50, 9)
    assert len(entered.source) == 50 + late.sum() and np.array_equal(entered.train, train)
    assert np.array_equal(entered.blocked > 0, blocked)


def test_every_random_stream_that_is_asked_for_is_listed(demo, tmp_path, monkeypatch):
    """Training, disturbances, a search and a front end: each key is one of the table, and none of the table is left over."""
    pytest.importorskip("torch")
    from hwsim.frontends.engine import FrontendTrainer, images

    asked, generator = set(), Design.generator

    def recorded(self, stream, *index):
        asked.add((*stream.value, *map(int, index)))
        return generator(self, stream, *index)

    monkeypatch.setattr(Design, "generator", recorded)
    design = Design(load(runs.write_config(tmp_path, "fixed pipelined")))
    assert design.patterns and design.initial_real
    assert Design(changed(design.config, {"numbers.rounding": {"weight_step": "stochastic"}})).generators
    entering(Disturbances(late=0.5), design, 1, 20, 3)
    search(design, trials=4, draws=2, restarts=2)
    fronted = Design(load(small_frontends.write_config(tmp_path)))
    data = images(fronted, None)
    FrontendTrainer(fronted, data).advance(fronted.epoch_order(0, len(data.train)), 0)

    rows = [key.strip("()").split(", ") for key, _ in table(section(TEXT, "§10"), "key")]
    hit = set()
    for key in asked:
        fits = [
            at
            for at, row in enumerate(rows)
            if len(row) == len(key) and all(not p.isdigit() or int(p) == k for p, k in zip(row, key, strict=True))
        ]
        assert len(fits) == 1, key
        hit.add(fits[0])

    def of(stream):
        return {i for i, row in enumerate(rows) if row[: len(stream.value)] == list(map(str, stream.value))}

    elsewhere = {Stream.COSIM_INFERENCE, Stream.COSIM_ILLEGAL, Stream.COSIM_PAUSES, Stream.COSIM_SCENARIOS}
    elsewhere |= {Stream.MUTATION, Stream.TEST_BENCH, Stream.BENCHMARK, Stream.ADAPTATION}
    assert all(of(stream) for stream in Stream)
    elsewhere |= {Stream.SELFTEST_DESIGN, Stream.SELFTEST_SAMPLES}
    assert hit == set(range(len(rows))) - set().union(*map(of, elsewhere))
