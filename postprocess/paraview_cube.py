#!/usr/bin/env pvpython
"""Pictures of a twin by ParaView: a cube with one corner cut open, or three orthogonal sections.

    pvpython --force-offscreen-rendering postprocess/paraview_cube.py twin.vtkhdf -o twin.png
    pvpython --force-offscreen-rendering postprocess/paraview_cube.py twin.vtkhdf --show sections -o sections.png

Debian's ParaView needs an X server to draw; without one: xvfb-run -a -s -noreset pvpython ... (-noreset: ParaView opens a
window twice, and a server that restarts in between refuses the second).
In the open corner stand the phases of --phases, with smoothed surfaces; all else shows the voxels. By hand, in ParaView's
Python shell (View, Python Shell), the scene stays in the pipeline browser, where it can be turned and changed:

    import sys; sys.path.append("/path/to/exset/postprocess")
    import paraview_cube; paraview_cube.main(["/path/to/twin.vtkhdf"])

Reads .vtkhdf files also where ParaView's own reader refuses them (up to 5.11, see xdmf.py).
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import paraview_scene as scene  # noqa: E402


def show_corner(twin, view, options):
    near = np.array(options.view) > 0
    part = np.clip(np.rint(twin.shape * options.cut).astype(int), 1, twin.shape - 1)
    low, high = np.where(near, twin.shape - part, 0), np.where(near, twin.shape, part)
    scene.paint_phases(scene.put("cube", scene.blocks(scene.cube_faces(twin, near, low, high)), view), twin.phases)
    empty = round((1 - options.fill) * part[2])
    low[2], high[2] = (low[2], high[2] - empty) if near[2] else (low[2] + empty, high[2])
    for phase in options.phases:
        surface = scene.body(twin, twin.labels == phase, low, high, options.smooth)
        if surface.GetNumberOfCells() > 0:
            scene.set_cells(surface, np.full(surface.GetNumberOfCells(), phase, np.uint8))
            scene.paint_phases(scene.put(f"phase {phase}", surface, view), twin.phases)


def show_sections(twin, view, _):
    scene.paint_phases(scene.put("sections", scene.blocks(scene.section_faces(twin)), view), twin.phases)
    scene.outline(twin, view)


def draw(options):
    twin = scene.read(options.volume, options.voxels)
    scene.check_phases(options.volume, twin, options.phases, "--phases")
    view = scene.new_view(options)
    {"corner": show_corner, "sections": show_sections}[options.show](twin, view, options)
    scene.finish(twin, view, options)


def main(arguments=None):
    parser = scene.parser(__doc__)
    parser.add_argument("--show", choices=("corner", "sections"), default="corner", help="(default: corner)")
    parser.add_argument("--phases", type=scene.phase_list, default=[2], help="phases that stand in the open corner (default: 2)")
    parser.add_argument("--cut", type=scene.share, default=0.5, help="edge of the open corner, share of the twin's (default: 0.5)")
    parser.add_argument("--fill", type=scene.share, default=0.5,
                        help="height up to which they stand, share of the corner's (default: 0.5)")
    parser.add_argument("--smooth", type=float, default=1, help="smoothing of those surfaces, voxels (default: 1)")
    scene.run(draw, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
