"""Helpers for tests of pictures by ParaView: draw one, tell its phases; skips the test where there is no ParaView.

pvpython is PVPYTHON, the one of `make deps-paraview`, or the one in the PATH. Without a display it runs under xvfb-run.
"""
import os
import shutil
import subprocess
import sys

from lib import TMP

sys.path.insert(0, "postprocess")
from colours import PHASE_COLOURS  # noqa: E402

HEADLESS = [] if os.environ.get("DISPLAY") else ["xvfb-run", "-a", "-s", "-noreset"]


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(0)


try:
    import numpy as np
    from PIL import Image
except ImportError as error:
    skip(error)
OWN = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "paraview", "pvpython"))
PVPYTHON = os.environ.get("PVPYTHON") or (OWN if os.access(OWN, os.X_OK) else "pvpython")
for program, remedy in ((PVPYTHON, "make deps-paraview"), *((name, "Debian: xvfb") for name in HEADLESS[:1])):
    if not shutil.which(program):
        skip(f"no {program} ({remedy}; doc/guide.md, section 6)")


def paraview(script, *arguments):
    """postprocess/paraview_SCRIPT.py in the folder TMP."""
    path = os.path.abspath(f"postprocess/paraview_{script}.py")
    command = [*HEADLESS, PVPYTHON, "--force-offscreen-rendering", path, *arguments]
    return subprocess.run(command, cwd=TMP, capture_output=True, text=True)


def load(name):
    """Pixels [row, column, colour] between 0 and 1."""
    return np.asarray(Image.open(os.path.join(TMP, name)).convert("RGB")) / 255


def draw(script, name, *arguments):
    """The pixels of the picture that a script makes; none may be left behind under another name."""
    ended = paraview(script, *arguments, "-o", name)
    left = [file for file in os.listdir(TMP) if ".part" in file]
    if ended.returncode != 0 or left:
        raise SystemExit(f"paraview_{script}.py {arguments}: {ended.returncode} {left} {ended.stderr[-400:]}")
    return load(name)


def white(pixels):
    return pixels.min(axis=-1) > 0.97


def phases(pixels):
    """Phases of pixels, 0 where they are white or gray (edges): lights change the brightness of a colour, not its hue."""
    colours = np.array([[int(text[i:i + 2], 16) for i in (1, 3, 5)] for text in PHASE_COLOURS[:3]]) / 255
    hue = colours / np.linalg.norm(colours, axis=1)[:, None]
    bright = pixels.max(axis=-1)
    found = 1 + (pixels @ hue[1:].T).argmax(axis=-1) + 1
    found[bright < 0.25] = 1
    found[(np.ptp(pixels, axis=-1) < 0.1) & (bright > 0.3)] = 0
    return found
