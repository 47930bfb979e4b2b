"""A small case for the tests of training: sections cut from the demo's, a small network, few steps."""
import os

import numpy as np
from PIL import Image

from lib import TMP

EDGE = 96
OPTIONS = ["-verbosity", "0", "-max_lag", "2", "-calibrate_starts", "1", "-calibrate_uncertainty", "false",
           "-train_warm_up", "2"]
CASE = """
voxel_size: 0.1
image_labels: [0, 85, 170]
sections_xy: [xy_1.png, xy_2.png]
sections_xz: [xz_1.png, xz_2.png]
field1: {type: gaussian, family: gaussian}
field2: {type: gaussian, family: gaussian}
train_patch: 32
train_batch: 8
train_width: 16
train_layers: 3
"""


def write_case(name="case.yaml", more=""):
    """The case file and its images in TMP."""
    demo = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "input", "demo")
    for plane in ("xy", "xz"):
        for i in (1, 2):
            with Image.open(f"{demo}/section_{plane}_{i}.png") as image:
                cut = np.array(image)[200:200 + EDGE, 100:100 + EDGE]
            Image.fromarray(cut).save(f"{TMP}/{plane}_{i}.png")
    with open(f"{TMP}/{name}", "w") as out:
        out.write(CASE + more)


def exists(name):
    return os.path.exists(os.path.join(TMP, name))
