#!/usr/bin/env pvpython
"""Picture of the current by ParaView, from the fields of `exset conduct -conduct_fields true`.

    pvpython --force-offscreen-rendering postprocess/paraview_current.py conduct.vtkhdf -o current.png
    pvpython --force-offscreen-rendering postprocess/paraview_current.py conduct.vtkhdf --show lines -o lines.png

Colours are the current density over its mean along the axis of the voltage, on a logarithmic scale: where they are dark, the
current crowds, as in bottlenecks; where they are pale, the material carries next to nothing, as in dead ends. "surface" draws
the smooth surface of the cells that carry current, cut by the faces of the volume; "lines" the lines of current that leave an
even grid of points in the middle of the volume, as tubes. Without an X server, or by hand in ParaView's Python shell:
paraview_cube.py says how.
"""
import os
import sys

import numpy as np
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkPoints
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkPolyData
from vtkmodules.vtkFiltersCore import vtkTubeFilter
from vtkmodules.vtkFiltersFlowPaths import vtkStreamTracer

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import paraview_scene as scene  # noqa: E402
from colours import FLOW_COLOURS  # noqa: E402

NAME = "current density / mean"
BAR = 0.2  # share of the picture's width for the colour bar


def choose(path, axis, number):
    """Name of the array of current density: of an axis and a set of conductivities, or the first there is."""
    names = [name for name in scene.names_of(path) if name.startswith("current_density_")]
    if not names:
        raise OSError(f"{path} has no current density: exset conduct writes it with -conduct_fields true")
    found = [name for name in names if axis in (None, name[-1]) and (number is None or f"_set{number}_" in name)]
    if not found:
        raise OSError(f"--axis, --set: {path} has no such current density, but {', '.join(names)}")
    return found[0]


def relative(volume, name):
    """Current density [z, y, x, component] over its mean along the axis of the voltage."""
    current = volume.arrays[name]
    mean = abs(current[..., "xyz".index(name[-1])].mean(dtype=float))
    if not mean > 0:
        raise OSError(f"{name}: no current flows")
    return current / mean


def limits_of(strength):
    """Round ends of the colours: 5 % of the cells with current are below, one in a thousand is above."""
    low, high = np.quantile(strength[strength > 0], [0.05, 0.999])
    low = max(low, high / 1000)
    down, up = 10 ** np.floor(np.log10(low)), 10 ** np.floor(np.log10(high))
    return max(m * down for m in (1, 2, 5) if m * down <= low), min(m * up for m in (1, 2, 5, 10) if m * up >= high)


def spread(strength, deviation):
    """Mean of the strength over cells with current around each cell, so that it does not fade towards the surface."""
    carries = (strength > 0).astype(np.float32)
    weight = scene.smoothed(carries, deviation)
    return scene.smoothed(strength.astype(np.float32), deviation) / np.maximum(weight, 1e-6)


def surface_of(volume, strength, options):
    """Surface of the cells with current; point array NAME."""
    values = spread(strength, max(options.smooth, 0.5))
    surface = scene.body(volume, strength > 0, np.zeros(3, int), volume.shape, options.smooth, (NAME, values))
    if surface.GetNumberOfCells() == 0:
        raise OSError(f"nothing is left after smoothing by {options.smooth:g} voxels")
    return surface


def seeds(volume, strength, axis, count):
    """About `count` points on an even grid of the middle plane, there where current flows."""
    plane = np.take(strength, volume.shape[axis] // 2, axis=2 - axis)
    step = max(1, int(np.sqrt((plane > 0).sum() / count)))
    rows, columns = np.nonzero(plane[step // 2::step, step // 2::step] > 0)
    first, second = [a for a in (2, 1, 0) if a != axis]  # of the plane's rows and columns
    index = np.empty((len(rows), 3))
    index[:, first], index[:, second] = rows * step + step // 2 + 0.5, columns * step + step // 2 + 0.5
    index[:, axis] = volume.shape[axis] // 2 + 0.5
    points = vtkPoints()
    points.SetData(numpy_to_vtk(volume.place(index), deep=True))
    data = vtkPolyData()
    data.SetPoints(points)
    return data


def lines_of(volume, current, strength, axis, options):
    """Lines of current as tubes; point array NAME."""
    image = vtkImageData()  # values in the middles of cells
    image.SetDimensions([int(n) for n in volume.shape])
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.place(0.5))
    for name, values in ((NAME, strength), ("current", current)):
        array = numpy_to_vtk(np.ascontiguousarray(values, np.float32).reshape(strength.size, -1), deep=True)
        array.SetName(name)
        image.GetPointData().AddArray(array)
    image.GetPointData().SetActiveVectors("current")
    tracer = vtkStreamTracer()
    tracer.SetInputData(image)
    tracer.SetSourceData(seeds(volume, strength, axis, options.lines))
    tracer.SetIntegrationDirectionToBoth()
    tracer.SetIntegratorTypeToRungeKutta4()
    tracer.SetInitialIntegrationStep(0.3)
    tracer.SetMaximumPropagation(20 * float((volume.spacing * volume.shape)[axis]))
    tracer.SetMaximumNumberOfSteps(20000)
    tracer.SetComputeVorticity(False)
    tube = vtkTubeFilter()
    tube.SetInputConnection(tracer.GetOutputPort())
    tube.SetRadius(options.width * float(volume.spacing.min()) / 2)
    tube.SetNumberOfSides(8)
    tube.CappingOn()
    tube.Update()
    if tube.GetOutput().GetNumberOfCells() == 0:
        raise OSError("no line of current starts in the middle of the volume")
    return tube.GetOutput()


def draw(options):
    name = choose(options.volume, options.axis, options.set)
    volume = scene.read(options.volume, options.voxels, [name])
    current = relative(volume, name)
    strength = np.sqrt((current ** 2).sum(axis=-1))
    limits = options.limits or limits_of(strength)
    view = scene.new_view(options)
    if options.show == "surface":
        data = surface_of(volume, strength, options)
    else:
        data = lines_of(volume, current, strength, "xyz".index(name[-1]), options)
    table = scene.paint_scale(scene.put("current", data, view), NAME, limits, FLOW_COLOURS, log=True)
    scene.outline(volume, view)
    scene.colour_bar(table, view, "j / mean")
    scene.finish(volume, view, options, right=BAR)


def two_limits(text):
    low, high = map(float, text.split(","))
    if not 0 < low < high < np.inf:
        raise ValueError
    return low, high


def main(arguments=None):
    parser = scene.parser(__doc__, ".vtkhdf file of exset conduct -conduct_fields true", size=(1100, 900))
    parser.add_argument("--show", choices=("surface", "lines"), default="surface", help="(default: surface)")
    parser.add_argument("--axis", choices=("x", "y", "z"), help="of the voltage (default: the first that the file has)")
    parser.add_argument("--set", type=int, help="of conductivities, from 1 (default: the first that the file has)")
    parser.add_argument("--limits", type=two_limits, help="ends of the colours, low,high (default: 5 %% and 99.9 %% of the cells)")
    parser.add_argument("--smooth", type=float, default=1, help="smoothing of the surface, voxels (default: 1)")
    parser.add_argument("--lines", type=int, default=400, help="about so many lines (default: 400)")
    parser.add_argument("--width", type=float, default=1, help="of the lines, voxels (default: 1)")
    scene.run(draw, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
