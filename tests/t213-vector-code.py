"""The kernels of noise and amplitudes are vector code: packed instructions in the built objects, for each copy of a function."""
# test: time=60
import os
import platform
import re
import shutil
import subprocess
import sys
from collections import Counter

from lib import check, end

BUILD = os.environ.get("BUILD", "build")
# registers of a copy (wider ones where ARCH=-march=... allows them); a build without copies (older clang) has any
WIDTH = {"avx512f": ("zmm",), "avx2": ("ymm", "zmm"), "default": ("xmm", "ymm", "zmm")}
# kernel: file, function, {instruction without its v: at least so many}
MULTIPLY, ROOT, PRODUCT, ADD_DOUBLE = "mulps", "sqrtps", "pmuludq", "addpd"
CLONED = [
    ("rng/rng_modes", "run_modes", {MULTIPLY: 20, ROOT: 1}),
    ("rng/rng", "exset_rng_normals", {MULTIPLY: 20, ROOT: 1}),
    ("field/field_amplitude", "eval_term", {MULTIPLY: 25, ROOT: 1}),
    ("field/field_amplitude", "eval_knots", {MULTIPLY: 4, ROOT: 1}),
    ("field/field_amplitude", "root_column", {ROOT: 1}),
    ("field/field_amplitude", "sum_column", {ADD_DOUBLE: 2}),
]
# written for one instruction set: 18 products of two rounds that are half common and eight whole ones, twice
WIDE = [("rng/rng_modes", "run_avx512", "zmm", {PRODUCT: 36}), ("rng/rng_modes", "run_avx2", "ymm", {PRODUCT: 36}),
        ("rng/rng", "words_avx512", "zmm", {PRODUCT: 2}), ("rng/rng", "words_avx2", "ymm", {PRODUCT: 2})]


def skip(reason):
    print("skipped:", reason)
    sys.exit(0)


def functions(name):
    """{function: Counter of (instruction without v, register)} of an object file."""
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", os.path.join(BUILD, "src", name + ".o")],
                          check=True, capture_output=True, text=True).stdout
    found = {}
    for line in text.splitlines():
        start = re.match(r"[0-9a-f]+ <([\w.]+)>:", line)
        if start:
            now = found.setdefault(start.group(1), Counter())
        code = re.match(r"\s*[0-9a-f]+:\s+(\w+)\s.*%([xyz]mm)\d+", line)
        if code:
            now[code.group(1).removeprefix("v"), code.group(2)] += 1
    return found


def code_of(name, function):
    """The function's counts, or the whole file's where the compiler has put it into another one."""
    return files[name].get(function) or sum(files[name].values(), Counter())


def packed(name, function, counts, register, least):
    for instruction, wanted in least.items():
        n = sum(c for (i, r), c in counts.items() if i == instruction and r in register)
        check(f"{name}.o, {function}: {n} {instruction} on {'/'.join(register)}, expected {wanted}", n >= wanted)


if platform.machine() != "x86_64":
    skip(f"counts x86-64 instructions, not those of {platform.machine()}")
if not shutil.which("objdump"):
    skip("no objdump")
files = {name: functions(name) for name in {k[0] for k in CLONED + WIDE}}
symbols = subprocess.run(["objdump", "-t", os.path.join(BUILD, "src", "rng/rng_modes.o")], check=True, capture_output=True,
                         text=True).stdout
if "__asan" in symbols or "__ubsan" in symbols:
    skip("built with sanitizers")

for name, function, least in CLONED:
    copies = {f"{function}.{isa}": WIDTH[isa] for isa in WIDTH if f"{function}.{isa}" in files[name]}
    check(f"{function}: copies {sorted(copies)}", len(copies) in (0, 3))
    for copy, register in (copies or {function: WIDTH["default"]}).items():
        packed(name, copy, code_of(name, copy), register, least)
for name, function, register, least in WIDE:
    packed(name, function, code_of(name, function), (register,), least)
end()
