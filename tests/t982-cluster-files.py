"""spack.yaml and the container's definition: what can be checked without Spack and Apptainer. Files that the definition copies are all
that make needs; the environment names every library that the Makefile asks for."""
import os
import re
import shutil
import subprocess

from lib import TMP, check, end

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
# pkg-config's names and Spack's
SPACK = {"PETSc": "petsc", "fftw3": "fftw", "fftw3f": "fftw", "hdf5": "hdf5", "libtiff-4": "libtiff", "libpng": "libpng", "libcjson": "cjson",
         "gsl": "gsl", "zlib": "zlib", "dnnl": "onednn", "Random123": "random123"}


def read(name):
    with open(f"{ROOT}/{name}", encoding="utf-8") as file:
        return file.read()


def sections(text):
    """Of a definition file: name -> lines."""
    parts = re.split(r"^%(\w+)\n", text, flags=re.M)
    return {name: [line.strip() for line in body.splitlines() if line.strip()] for name, body in zip(parts[1::2], parts[2::2])}


spack = read("spack.yaml")
specs = re.findall(r"^  - (.*)$", spack, re.M)
check(specs, len(specs) > 10 and "\t" not in spack)
for spec in specs:
    check(f"{spec}: a colon, in a text without quotes, would make it a mapping", ":" not in spec or re.fullmatch(r'"[^"]*"', spec))
have = {re.match(r'"?([a-z0-9-]+)', spec)[1] for spec in specs}
wanted = re.search(r"^PC_NAMES := (.*)$", read("Makefile"), re.M)[1].replace("$(HDF5_PC)", "hdf5").split()
check(wanted, len(wanted) > 7)
for name in [*wanted, "dnnl", "Random123"]:
    check(f"{name} is not in spack.yaml", SPACK.get(name) in have)

parts = sections(read("apptainer/exset.def"))
check(list(parts), set(parts) == {"files", "post", "environment", "runscript", "test"})
check(parts["post"], "make deps" in parts["post"])
for line in parts["files"]:
    source, target = line.split()
    check(line, target == f"/opt/exset/{source}")
    (shutil.copytree if os.path.isdir(f"{ROOT}/{source}") else shutil.copy)(f"{ROOT}/{source}", f"{TMP}/{source}")
r = subprocess.run(["make", "-n", "all", "install", "PREFIX=/nowhere"], cwd=TMP, capture_output=True, text=True, check=False)
check(f"make in a copy of these files: {r.stderr}", r.returncode == 0 and " -c -o build/src/cli/cli_main.o" in r.stdout)
for name in ("post", "test"):
    r = subprocess.run(["sh", "-n"], input="\n".join(parts[name]) + "\n", text=True, capture_output=True, check=False)
    check(f"%{name}: {r.stderr}", r.returncode == 0)
end()
