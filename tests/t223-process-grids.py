#!/usr/bin/env python3
# test: time=120
"""exset generate: equal labels and fields, to the bit, on all process grids and numbers of threads; wrong grids are mistakes."""
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json

MODEL = """
field1: {type: gaussian, family: ring, length_xy: 0.8, width: 0.4, fraction: 0.4}
field2: {type: %s, family: matern, length_xy: 1.0, length_z: 0.6, nu: 0.8, fraction: 0.5, %s}
"""
GRIDS = ((1, 1), (2, 1), (1, 2), (2, 2), (3, 2), (1, 6))


def cells(name):
    with h5py.File(os.path.join(TMP, name)) as f:
        return {k: f["VTKHDF/CellData"][k][()] for k in ("phase", "field1", "field2")}


def compare(model, size, grids):
    """Twins of a model on several grids, on some of them also with two threads."""
    first = None
    for p, q in grids:
        for threads in (1, 2) if p * q <= 2 else (1,):
            os.environ["OMP_NUM_THREADS"] = str(threads)
            good("generate", p * q, model, "-size", size, "-voxel_size", "0.25", "-seed", "3", "-fft_grid", f"{p},{q}",
                 "-output", "fields", "-o", "t.vtkhdf")
            new = (read_json("t.json")["checksum"], cells("t.vtkhdf"))
            first = first or new
            how = read_json("t.json")
            check(f"{model}: {how['process_grid']}, {how['threads']} threads", how["process_grid"] == [p, q] and how["threads"] == threads)
            equal = new[0] == first[0] and all(np.array_equal(new[1][k], first[1][k]) for k in first[1])
            check(f"{model} {size}: {p} x {q} ranks, {threads} threads make another twin", equal)
    os.environ["OMP_NUM_THREADS"] = "1"


for name, kind, rest in (("chi.yaml", "chi_square", "dof: 3"), ("coupled.yaml", "gaussian", "coupling: 0.7")):
    with open(os.path.join(TMP, name), "w") as file:
        file.write(MODEL % (kind, rest))
compare("chi.yaml", "24,36,40", GRIDS)
compare("coupled.yaml", "5,3,70", GRIDS[::2])  # fewer planes and rows than ranks

# the grid is chosen, and shown, where nothing is said
check("no grid in the plan", "process grid" in good("generate", 2, "chi.yaml", "-size", "24", "-voxel_size", "1", "-dry_run").stdout)

bad("generate", 3, "2 x 2", "chi.yaml", "-size", "24", "-voxel_size", "1", "-fft_grid", "2,2")
bad("generate", 2, "fft_grid", "chi.yaml", "-size", "24", "-voxel_size", "1", "-fft_grid", "2")
bad("generate", 2, "fft_grid", "chi.yaml", "-size", "24", "-voxel_size", "1", "-fft_grid", "0,2")
end()
