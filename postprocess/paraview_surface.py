#!/usr/bin/env pvpython
"""Picture of one phase by ParaView: its smooth surface, and lighter where the faces of the volume cut it.

    pvpython --force-offscreen-rendering postprocess/paraview_surface.py twin.vtkhdf --phase 2 -o phase2.png

The surface is where the phase's indicator, smoothed by a Gaussian of --smooth voxels, is 1/2. --voxels 200 shows the first 200
voxels along each axis: of a large volume a part says more. Without an X server, or by hand in ParaView's Python shell:
paraview_cube.py says how.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import paraview_scene as scene  # noqa: E402
from colours import PHASE_COLOURS  # noqa: E402


def draw(options):
    volume = scene.read(options.volume, options.voxels)
    scene.check_phases(options.volume, volume, [options.phase], "--phase")
    view = scene.new_view(options)
    surface = scene.body(volume, volume.labels == options.phase, np.zeros(3, int), volume.shape, options.smooth)
    if surface.GetNumberOfCells() == 0:
        raise OSError(f"{options.volume}: nothing is left of phase {options.phase} after smoothing by {options.smooth:g} voxels")
    scene.set_cells(surface, 1 + scene.on_faces(surface, volume).astype(np.uint8), "part")
    colour = PHASE_COLOURS[(options.phase - 1) % len(PHASE_COLOURS)]
    scene.paint(scene.put(f"phase {options.phase}", surface, view), "part", [f"phase {options.phase}", "cut"],
                [scene.mixed(colour, "#ffffff", 0.12), scene.mixed(colour, "#ffffff", 0.5)])
    scene.outline(volume, view)
    scene.finish(volume, view, options)


def main(arguments=None):
    parser = scene.parser(__doc__)
    parser.add_argument("--phase", type=int, default=2, help="(default: 2)")
    parser.add_argument("--smooth", type=float, default=1, help="smoothing, voxels (default: 1)")
    scene.run(draw, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
