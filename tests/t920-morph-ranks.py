#!/usr/bin/env python3
# test: time=120
"""exset morph: the same results at any number of ranks, to the last bit."""
import os

import numpy as np

from lib import TMP, check, end, good, read_json

rng = np.random.default_rng(3)
blocks = np.kron(rng.integers(1, 4, (7, 6, 5)), np.ones((3, 3, 3), int))
volume = np.where(rng.random(blocks.shape) < 0.02, 0, blocks)[:-2].astype(np.uint8)  # a few cells are masked
volume.tofile(os.path.join(TMP, "v.raw"))
raw = ["v.raw", "-raw_size", ",".join(map(str, volume.shape)), "-voxel_size", "0.5,0.3,0.4", "-image_labels", "1,2,3",
       "-image_mask", "0", "-verbosity", "0", "-morph_descriptors", "all"]
first = None
for ranks in (1, 2, 3, 5):
    good("morph", ranks, *raw, "-o", f"m{ranks}.json")
    found = read_json(f"m{ranks}.json")
    check("groups are timed", set(found["seconds"]) == {
        "read", "fraction", "surface", "lines", "percolation", "tortuosity", "size", "intrusion", "chord", "contact", "total"})
    found = {name: found[name] for name in ("size", "voxel_size", "phases", "interface_area", "boundary_length", "distributions")}
    first = first or found
    for part, value in found.items():
        check(f"{ranks} ranks: {part} {value} instead of {first[part]}", value == first[part])

# ranks without planes
blocks[:3].astype(np.uint8).tofile(os.path.join(TMP, "flat.raw"))
flat = ["flat.raw", "-raw_size", ",".join(map(str, blocks[:3].shape)), "-image_labels", "1,2,3", "-verbosity", "0"]
for ranks in (1, 5):
    good("morph", ranks, *flat, "-o", f"f{ranks}.json")
a, b = read_json("f1.json"), read_json("f5.json")
check("three planes on five ranks", all(a[name] == b[name] for name in (
    "phases", "interface_area", "boundary_length", "distributions")))
end()
