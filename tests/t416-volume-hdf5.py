"""HDF5 files of others: integers of any size and layout, VTKHDF of other programs, and what cannot be read."""
# test: time=90
import os
import subprocess
import sys

from lib import TMP, check, end

try:
    import h5py
    import numpy as np
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)

PATH = os.path.join(TMP, "others.h5")
PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "tests", "t410-volume-roundtrip")


def accepted(geometry="voxel 1 1 1 origin 0 0 0"):
    return f"size {' '.join(map(str, VALUES.shape))} {geometry} fractions {FRACTIONS}"


rng = np.random.default_rng(1)
INDEX = rng.choice(3, size=(7, 6, 5), p=[0.5, 0.3, 0.2])
VALUES = np.array([0, 40, 250])[INDEX]
FRACTIONS = " ".join(f"{np.mean(INDEX == p):.6f}" for p in range(3))
with h5py.File(PATH, "w") as file:
    for kind in ("u1", "<u2", ">u2", "<i4", ">i4", "u4", "i8", "u8", "i2"):
        file[f"kinds/{kind.replace('<', 'little ').replace('>', 'big ')}"] = VALUES.astype(kind)
    file.create_dataset("chunked", data=VALUES.astype("u1"), chunks=(2, 3, 4), compression="gzip")
    file["wide"] = (VALUES * 250).astype("u2")
    file["VTKHDF/CellData/phase"] = VALUES.astype("u1")  # without n_phases: gray values
    file["VTKHDF"].attrs.update({"Spacing": [0.3, 0.2, 0.1], "Origin": [3, 2, 1], "WholeExtent": [10, 15, 0, 6, 0, 7]})
    file["negative"] = VALUES - 1
    file["large"] = VALUES * 1000000
    file["real"] = VALUES.astype("f4")
    file["plane"] = VALUES[0]
    file["many"] = np.arange(VALUES.size).reshape(VALUES.shape)
    file["damaged"] = (INDEX + 1).astype("u1")
    file["damaged"].attrs["n_phases"] = 2
    file["crowd"] = (INDEX + 1).astype("u1")
    file["crowd"].attrs["n_phases"] = 200
    file["masked"] = np.zeros((3, 4, 5), "u1")
    file["masked"].attrs["n_phases"] = 2
    kinds = list(file["kinds"])

EXPECTED = {name: accepted() for name in [f"kinds/{kind}" for kind in kinds] + ["/chunked", "wide"]}
EXPECTED["VTKHDF/CellData/phase"] = accepted("voxel 0.1 0.2 0.3 origin 1 2 6")
EXPECTED["negative"] = "the value -1 is not a gray value"
EXPECTED["large"] = "is not a gray value"
EXPECTED["real"] = "does not hold integers"
EXPECTED["plane"] = "has 2 dimensions"
EXPECTED["many"] = "210 gray values"
EXPECTED["damaged"] = "phase 3, but says it has 2 phases"
EXPECTED["crowd"] = "it has 200 phases; allowed: 1 to 16"
EXPECTED["masked"] = "holds masked cells only"
EXPECTED["kinds"] = "no data set /kinds"

for ranks in (1, 3):
    command = [os.environ.get("MPIEXEC", "mpirun"), "-n", str(ranks), PROGRAM, "read", PATH, *EXPECTED]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    check(f"{ranks} ranks: {done.stdout}{done.stderr}", done.returncode == 0 and len(lines) == len(EXPECTED) + 1)
    for (name, want), line in zip(EXPECTED.items(), lines):
        check(f"{ranks} ranks, {name}: \"{line}\" has not \"{want}\"", want in line)
end()
