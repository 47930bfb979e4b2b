#!/usr/bin/env python3
# test: time=120
"""exset morph takes no more memory than -dry_run says, and for the group that takes most not much less."""
import os

import numpy as np

from lib import TMP, check, end, good, read_json

rng = np.random.default_rng(5)
n = 100
noise = rng.normal(size=(3, n, n, n)).astype(np.float32)
for axis in (1, 2, 3):
    for shift in (1, 2, 3):
        noise += np.roll(noise, shift, axis)
noise.argmax(0).astype(np.uint8).tofile(os.path.join(TMP, "v.raw"))
np.zeros((8, 8, 8), np.uint8).tofile(os.path.join(TMP, "s.raw"))
keys = ["-verbosity", "0", "-morph_axis", "z", "-morph_descriptors"]
good("morph", 2, "s.raw", "-raw_size", "8,8,8", *keys, "all", "-o", "s.json")
base = read_json("s.json")["peak_bytes"]
for group in ("fraction", "percolation", "tortuosity", "intrusion"):
    volume = ["v.raw", "-raw_size", f"{n},{n},{n}", "-image_labels", "0,1,2", *keys, group, "-o", "m.json"]
    plan = good("morph", 2, *volume, "-dry_run").stdout
    most = 1e9 * float(plan.split("at most about ")[1].split()[0])
    good("morph", 2, *volume)
    took = read_json("m.json")["peak_bytes"] - base
    text = f"{group}: {took / 1e6:.1f} of {most / 1e6:.1f} MB, {2 * took / n ** 3:.1f} bytes a voxel"
    check(text, took <= most and (group != "intrusion" or took > 0.2 * most))
end()
