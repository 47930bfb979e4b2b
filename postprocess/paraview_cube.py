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

Tried with ParaView 5.11; reads .vtkhdf files also where ParaView's own reader refuses them (up to 5.11, see xdmf.py).
"""
import argparse
import os
import sys

import numpy as np
from paraview import simple
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonCore import vtkVersion
from vtkmodules.vtkCommonDataModel import vtkImageData, vtkMultiBlockDataSet
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
from vtkmodules.vtkFiltersCore import vtkFlyingEdges3D, vtkPolyDataNormals
from vtkmodules.vtkImagingCore import vtkImageShrink3D
from vtkmodules.vtkImagingGeneral import vtkImageGaussianSmooth
from vtkmodules.vtkIOHDF import vtkHDFReader
from vtkmodules.vtkIOImage import vtkPNGReader, vtkPNGWriter

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from colours import GRID, MUTED, PHASE_COLOURS  # noqa: E402

SUPERSAMPLING = 2  # pixels rendered along each edge of a pixel of the picture
VIEW_ANGLE = 18  # degrees
FILL = 0.97  # share of the picture that the twin takes


class Twin:
    """Labels [z, y, x] with the size of a voxel and the first corner (x, y, z)."""

    def __init__(self, labels, spacing, origin):
        self.labels, self.spacing, self.origin = labels, np.array(spacing), np.array(origin)
        self.shape = np.array(labels.shape[::-1])  # x, y, z

    def place(self, index):
        """Coordinates of the corner of voxel (x, y, z)."""
        return self.origin + self.spacing * index


def read_twin(path, most):
    """The labels of a .vtkhdf file, of its first corner where it has more than `most` voxels along an axis.

    Up to VTK 9.2 (ParaView 5.11) the reader takes an extent of points for one of cells, asks for one cell too many along
    each axis and fails; asked for one less it reads exactly the cells.
    """
    reader = vtkHDFReader()
    reader.SetFileName(path)
    if not os.path.isfile(path) or not reader.CanReadFile(path):
        raise OSError(f"cannot read {path}: not a .vtkhdf file")
    reader.UpdateInformation()
    arrays = reader.GetCellDataArraySelection()
    arrays.DisableAllArrays()
    arrays.EnableArray("phase")
    last = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT())[1::2]
    shape = [min(n, most or n) for n in last]
    mended = (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3)
    reader.UpdateExtent([n for count in shape for n in (0, count if mended else count - 1)])
    image = reader.GetOutput()
    phase = image.GetCellData().GetArray("phase")
    if phase is None or phase.GetNumberOfTuples() != np.prod(shape):
        raise OSError(f"cannot read {path}: no image with cell data \"phase\"")
    if min(shape) < 2:
        raise OSError(f"{path} has {shape} voxels: takes at least 2 along each axis")
    return Twin(vtk_to_numpy(phase).reshape(shape[::-1]).copy(), image.GetSpacing(), image.GetOrigin())


# ---- geometry -------------------------------------------------------------------------------

def set_phase(data, labels):
    array = numpy_to_vtk(labels, deep=True)
    array.SetName("phase")
    data.GetCellData().SetScalars(array)


def face(twin, axis, index, layer, ranges):
    """Rectangle normal to an axis on plane `index` of the grid, with the voxels of `layer`; ranges (first, end) of x, y, z."""
    box = [slice(*ends) for ends in ranges]
    first, points = [ends[0] for ends in ranges], [ends[1] - ends[0] + 1 for ends in ranges]
    box[axis], first[axis], points[axis] = layer, index, 1
    image = vtkImageData()
    image.SetDimensions([int(n) for n in points])
    image.SetSpacing(twin.spacing)
    image.SetOrigin(twin.place(first))
    set_phase(image, twin.labels[tuple(box[::-1])].ravel())
    return image


def cube_faces(twin, near, low, high):
    """Faces of a cube without the box from low to high, which touches the corner where `near` (true: the larger coordinate)."""
    whole, hole = [(0, n) for n in twin.shape], list(zip(low, high))
    rest = [(0, a) if side else (b, n) for side, a, b, n in zip(near, low, high, twin.shape)]
    for axis in range(3):
        n, side = twin.shape[axis], near[axis]
        outer, wall, far = (n, low[axis], 0) if side else (0, high[axis], n)
        b, c = [other for other in range(3) if other != axis]
        beside, below = list(whole), list(hole)
        beside[b], below[c] = rest[b], rest[c]
        for index, ranges in ((far, whole), (wall, hole), (outer, beside), (outer, below)):
            yield face(twin, axis, index, min(max(index - int(side), 0), n - 1), ranges)


def section_faces(twin):
    """Sections through the middle, normal to x, y and z."""
    for axis, n in enumerate(twin.shape):
        yield face(twin, axis, n // 2, n // 2, [(0, m) for m in twin.shape])


def smoothed(values, deviation):
    """Convolution of [z, y, x] with a Gaussian, standard deviation in voxels."""
    image = vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    smooth = vtkImageGaussianSmooth()
    smooth.SetInputData(image)
    smooth.SetStandardDeviations([deviation] * 3)
    smooth.SetRadiusFactors([3] * 3)
    smooth.Update()
    return vtk_to_numpy(smooth.GetOutput().GetPointData().GetScalars()).reshape(values.shape)


def flush(points, twin):
    """Move the flat ends on the centres of the twin's outermost voxels to its faces."""
    for index, outer in ((np.full(3, 0.5), np.zeros(3)), (twin.shape - 0.5, twin.shape)):
        for axis in range(3):
            ends = np.abs(points[:, axis] - twin.place(index)[axis]) < 0.01 * twin.spacing[axis]
            points[ends, axis] = twin.place(outer)[axis]


def body(twin, phase, low, high, deviation):
    """Closed surface of a phase within a box of voxels: where its smoothed indicator is 1/2."""
    margin = 1 + int(np.ceil(3 * deviation))
    first, end = np.maximum(low - margin, 0), np.minimum(high + margin, twin.shape)
    box = tuple(slice(a, b) for a, b in zip(first[::-1], end[::-1]))
    values = smoothed((twin.labels[box] == phase).astype(np.float32), deviation)
    inside = np.maximum(low - 1, first), np.minimum(high + 1, end)  # ends half a voxel inside the walls
    box = tuple(slice(a, b) for a, b in zip((inside[0] - first)[::-1], (inside[1] - first)[::-1]))
    values = np.pad(values[box], 1, constant_values=-1e3)  # flat ends
    image = vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.SetSpacing(twin.spacing)
    image.SetOrigin(twin.place(inside[0] - 0.5))
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    contour = vtkFlyingEdges3D()
    contour.SetInputData(image)
    contour.SetValue(0, 0.5)
    contour.ComputeNormalsOff()
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(contour.GetOutputPort())
    normals.SetFeatureAngle(50)
    normals.Update()
    surface = normals.GetOutput()
    surface.GetPointData().SetScalars(None)
    flush(vtk_to_numpy(surface.GetPoints().GetData()), twin)
    set_phase(surface, np.full(surface.GetNumberOfCells(), phase, np.uint8))
    return surface


# ---- scene ----------------------------------------------------------------------------------

def rgb(colour):
    return [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]


def put(name, data, view):
    """Put VTK data into the pipeline browser and show them."""
    source = simple.TrivialProducer(registrationName=name, guiName=name)
    source.GetClientSideObject().SetOutput(data)
    source.UpdatePipeline()
    return simple.Show(source, view)


def add(name, data, phases, view):
    """The same, one colour for each phase."""
    shown = put(name, data, view)
    shown.Representation = "Surface"
    shown.Ambient, shown.Diffuse, shown.Specular = 0.6, 0.5, 0.0
    table = simple.GetColorTransferFunction("phase")
    table.InterpretValuesAsCategories = 1
    table.Annotations = [text for phase in range(1, phases + 1) for text in (str(phase), f"phase {phase}")]
    table.IndexedColors = [part for phase in range(phases) for part in rgb(PHASE_COLOURS[phase % len(PHASE_COLOURS)])]
    simple.ColorBy(shown, ("CELLS", "phase"))


def blocks(images):
    data = vtkMultiBlockDataSet()
    for number, image in enumerate(images):
        data.SetBlock(number, image)
    return data


def show_corner(twin, view, options):
    near = np.array(options.view) > 0
    part = np.clip(np.rint(twin.shape * options.cut).astype(int), 1, twin.shape - 1)
    low, high = np.where(near, twin.shape - part, 0), np.where(near, twin.shape, part)
    phases = int(twin.labels.max())
    add("cube", blocks(cube_faces(twin, near, low, high)), phases, view)
    empty = round((1 - options.fill) * part[2])
    low[2], high[2] = (low[2], high[2] - empty) if near[2] else (low[2] + empty, high[2])
    for phase in options.phases:
        surface = body(twin, phase, low, high, options.smooth)
        if surface.GetNumberOfCells() > 0:
            add(f"phase {phase}", surface, phases, view)


def show_sections(twin, view, _):
    add("sections", blocks(section_faces(twin)), int(twin.labels.max()), view)
    box = vtkImageData()
    box.SetDimensions(2, 2, 2)
    box.SetSpacing(twin.spacing * twin.shape)
    box.SetOrigin(twin.origin)
    edges = put("edges", box, view)
    edges.Representation = "Outline"
    edges.AmbientColor = edges.DiffuseColor = (np.array(rgb(MUTED)) + rgb(GRID)) / 2
    edges.LineWidth = SUPERSAMPLING


def aim(twin, view, direction, size):
    """Look at the twin from a direction, as near as the picture holds it; z is up."""
    back = np.array(direction) / np.linalg.norm(direction)
    up = np.array([0, 0, 1] if abs(back[2]) < 0.99 else [0, 1, 0])
    right = np.cross(up, back) / np.linalg.norm(np.cross(up, back))
    axes = np.array([right, np.cross(back, right), back])
    corners = np.array([twin.place(twin.shape * [i, j, k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
    focus, distance = corners.mean(axis=0), 10 * np.ptp(corners)
    slope = np.tan(np.radians(VIEW_ANGLE / 2)) * np.array(size) / size[1] * FILL
    for _ in range(50):
        seen = (corners - focus) @ axes.T
        seen = seen[:, :2] / (distance - seen[:, 2:])
        focus = focus + (seen.max(axis=0) + seen.min(axis=0)) / 2 * distance @ axes[:2]
        distance *= (np.ptp(seen, axis=0) / 2 / slope).max() ** 0.5
    view.CameraViewAngle = VIEW_ANGLE
    view.CameraFocalPoint, view.CameraPosition, view.CameraViewUp = focus, focus + distance * back, up


def dress(twin, view):
    """White background, shades in the corners."""
    view.UseColorPaletteForBackground = 0
    view.BackgroundColorMode = "Single Color"
    view.Background = [1, 1, 1]
    view.OrientationAxesVisibility = 0
    view.CenterAxesVisibility = 0
    view.KeyLightAzimuth, view.KeyLightElevation = 35, 45
    size = np.linalg.norm(twin.spacing * twin.shape)
    if hasattr(view, "UseAmbientOcclusion"):
        view.UseAmbientOcclusion, view.UseSSAODefaultPresets = 1, 0
        view.Radius, view.Bias, view.KernelSize, view.Blur = 0.12 * size, 0.002 * size, 128, 1


def save(view, path):
    """Render finer than asked for and average: no jagged edges."""
    simple.SaveScreenshot(path, view, ImageResolution=view.ViewSize)
    reader = vtkPNGReader()
    reader.SetFileName(path)
    shrink = vtkImageShrink3D()
    shrink.SetInputConnection(reader.GetOutputPort())
    shrink.SetShrinkFactors(SUPERSAMPLING, SUPERSAMPLING, 1)
    shrink.AveragingOn()
    shrink.Update()
    writer = vtkPNGWriter()
    writer.SetInputConnection(shrink.GetOutputPort())
    writer.SetFileName(path)
    writer.Write()


# ---- command line ---------------------------------------------------------------------------

def phases(text):
    return [int(word) for word in text.split(",") if word]


def pixels(text):
    width, height = map(int, text.split(","))
    if min(width, height) < 1:
        raise ValueError
    return [width, height]


def direction(text):
    x, y, z = map(float, text.split(","))
    if not 0 < x * x + y * y + z * z < np.inf:
        raise ValueError
    return [x, y, z]


def picture(text):
    if not text.endswith(".png"):
        raise ValueError
    return text


def share(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: takes a number above 0, at most 1")
    return value


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("twin", help=".vtkhdf file written by exset")
    parser.add_argument("-o", "--output", type=picture, help="picture, .png (default: none, the scene stays)")
    parser.add_argument("--show", choices=("corner", "sections"), default="corner", help="(default: corner)")
    parser.add_argument("--phases", type=phases, default=[2], help="phases that stand in the open corner (default: 2)")
    parser.add_argument("--cut", type=share, default=0.5, help="edge of the open corner, share of the twin's (default: 0.5)")
    parser.add_argument("--fill", type=share, default=0.5, help="height up to which they stand, share of the corner's (default: 0.5)")
    parser.add_argument("--smooth", type=float, default=1, help="smoothing of those surfaces, voxels (default: 1)")
    parser.add_argument("--size", type=pixels, default=[900, 900], help="of the picture, pixels (default: 900,900)")
    parser.add_argument("--view", type=direction, default=[1, -0.75, 0.75],
                        help="direction of the eye, x,y,z (default: 1,-0.75,0.75)")
    parser.add_argument("--voxels", type=int, help="show so many voxels along each axis at most (default: all)")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        twin = read_twin(options.twin, options.voxels)
        absent = sorted(set(options.phases) - set(range(1, twin.labels.max() + 1)))
        if absent:
            raise OSError(f"--phases: {options.twin} has no phase {absent[0]}, but 1 to {twin.labels.max()}")
    except OSError as error:
        sys.exit(f"paraview_cube.py: {error}")
    if options.output:
        view = simple.CreateView("RenderView", ViewSize=[SUPERSAMPLING * n for n in options.size])
    else:
        view = simple.GetActiveViewOrCreate("RenderView")
    {"corner": show_corner, "sections": show_sections}[options.show](twin, view, options)
    dress(twin, view)
    if not options.output:
        simple.Render(view)  # the first one sets the camera
    aim(twin, view, options.view, options.size)
    if options.output:
        save(view, options.output)
    else:
        simple.Render(view)


if __name__ == "__main__":
    main()
