"""Recordings of small machines: a clash-free pattern, and a structured one whose lanes clash."""

from hwsim import Design, load
from hwsim.view.recording import record
from tests.hwsim import runs


def recorded(folder, kind="clash_free", clocks=None, junctions=None, **more):
    path = runs.write_config(folder, "fixed pipelined")
    settings = {"connectivity.kind": kind, "network.layers": [16, 8, 4], "network.out_degree": [4, 2]}
    design = Design(load(path, settings | more))
    return record(design, design.dataset().train, clocks, junctions)
