#!/usr/bin/env python3
# test: time=300
"""Two model classes that the coverage functions of a material cannot tell apart, and a discriminator can: walls, the set
{Z^2 <= u}, against {Z >= l} with a spectrum of splines. exset validate agrees with the discriminator."""
import os

import h5py
import numpy as np
from PIL import Image

from lib import TMP, check, end, good, read_json

EDGE = 192
LAYOUT = ["-image_labels", "0,85", "-voxel_size", "1"]
WALLS = ["-field1_type", "chi_square", "-field1_below", "true"]
SPLINES = ["-field1_family", "knots", "-field1_knots_shape", "24", "-field1_knots_max", "2"]
TRAINING = ["-method", "combined", "-train_patch", "32", "-train_layers", "3", "-train_warm_up", "350", "-train_steps", "400",
            "-verbosity", "0"]


def make_sections():
    """Sections of a twin of the truth, far enough from each other to be independent."""
    good("generate", 1, *WALLS, "-field1_length_xy", "7", "-field1_fraction", "0.3", "-size", f"128,{EDGE},{EDGE}",
         "-voxel_size", "1", "-seed", "2", "-o", "walls.vtkhdf", "-verbosity", "0")
    names = [f"section_{i}.png" for i in range(8)]
    with h5py.File(os.path.join(TMP, "walls.vtkhdf")) as file:
        for i, name in enumerate(names):
            Image.fromarray(np.array([255, 0, 85], np.uint8)[file["VTKHDF/CellData/phase"][16 * i]]).save(os.path.join(TMP, name))
    return ",".join(names)


def judge(name, fields, sections):
    """Misfit of the coverage functions over their sampling error, accuracy of the discriminator, RMS z of exset validate."""
    case = [*fields, *SPLINES, "-sections_xy", sections, *LAYOUT]
    good("calibrate", 1, *case, "-o", f"{name}.yaml", "-verbosity", "0")
    good("calibrate", 2, *case, *TRAINING, "-o", f"{name}_combined.yaml")
    good("validate", 2, "-model", f"{name}.yaml", "-data", sections, *LAYOUT, "-o", f"{name}_validate.json", "-verbosity", "0")
    coverage = read_json(f"{name}.json")
    ratios = [coverage["misfit_ij"][pair] / coverage["sampling_error_ij"][pair] for pair in coverage["misfit_ij"]]
    return (max(ratios), coverage["loss"], read_json(f"{name}_combined.json")["discriminator_accuracy"],
            read_json(f"{name}_validate.json")["total"]["rms_z"])


sections = make_sections()
right, wrong = judge("right", WALLS, sections), judge("wrong", ["-field1_type", "gaussian"], sections)
print("misfit over sampling error, loss, accuracy, RMS z: right", right, "wrong", wrong)
for name, found in (("right", right), ("wrong", wrong)):
    check(f"{name}: the coverage functions are met, {found[0]} of their sampling error", found[0] < 1)
check(f"accuracy with the right class {right[2]}", 0.4 < right[2] < 0.65)
check(f"accuracy with the wrong class {wrong[2]}", wrong[2] > 0.8)
check(f"RMS z with the right class {right[3]}", right[3] < 3)
check(f"RMS z with the wrong class {wrong[3]}", wrong[3] > 10)
end()
