"""All readers by name."""

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz import data_files, given_files, run_directories, stores, texts
from tests.fuzz.case import Reader

READERS: dict[str, Callable[[Path], Reader]] = {
    "resume-fixed": partial(run_directories.Interrupted, "fixed pipelined"),
    "resume-float": partial(run_directories.Interrupted, "float adam batches"),
    "resume-cycle": partial(run_directories.Interrupted, "cycle"),
    "forged-fixed": partial(run_directories.Forged, "fixed pipelined"),
    "forged-float": partial(run_directories.Forged, "float adam batches"),
    "forged-cycle": partial(run_directories.Forged, "cycle"),
    "patterns": partial(given_files.Given, "connectivity.npz"),
    "parameters": partial(given_files.Given, "initial.npz"),
    "data-npz": partial(data_files.Own, ".npz"),
    "data-npy": partial(data_files.Own, ".npy"),
    "data-csv": partial(data_files.Own, ".csv"),
    "data-idx": partial(data_files.Public, "mnist"),
    "data-idx-gz": partial(data_files.Public, "mnist packed"),
    "data-cifar": partial(data_files.Public, "cifar10"),
    "data-cifar-bin": partial(data_files.Public, "cifar10 binary"),
    "data-cifar-tar": partial(data_files.Public, "cifar10 packed"),
    "data-cifar-part": partial(data_files.Public, "cifar10-part"),
    "config": texts.Configurations,
    "study": texts.Studies,
    "energies": texts.Energies,
    "trace": texts.Traces,
    "store": stores.Stores,
}
FAMILIES = [
    ["resume-fixed", "resume-float", "resume-cycle"],
    ["forged-fixed", "forged-float", "forged-cycle"],
    ["patterns", "parameters"],
    [name for name in READERS if name.startswith("data-")],
    ["config", "study", "energies", "trace", "store"],
]
"""Readers that share a process, which starts longer than it takes for many cases."""
if find_spec("torch"):
    from tests.fuzz import front_ends

    READERS |= {"frontend-export": front_ends.Exported, "frontend-resume": front_ends.Interrupted}
    FAMILIES.append(["frontend-export", "frontend-resume"])
