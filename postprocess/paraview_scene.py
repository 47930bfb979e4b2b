"""What the ParaView scripts of this folder share: reading, surfaces, colours, camera, scale bar, colour bar, saving.

A script makes VTK data with NumPy, puts them into the pipeline browser and dresses the view; run by pvpython with -o it saves
a picture, in ParaView's Python shell without -o the scene stays, where it can be turned and changed. Lengths are micrometres.
Tried with ParaView 5.11. Python and NumPy of pvpython are enough.
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

from colours import GRID, INK, MUTED, PHASE_COLOURS

SUPERSAMPLING = 2  # pixels rendered along each edge of a pixel of the picture
VIEW_ANGLE = 18  # degrees
FILL = 0.97  # share of the picture that the scene takes


class Volume:
    """Cell arrays [z, y, x] or [z, y, x, component] by name, with the size of a voxel and the first corner (x, y, z)."""

    def __init__(self, arrays, spacing, origin):
        self.arrays, self.spacing, self.origin = arrays, np.array(spacing), np.array(origin)
        self.labels = arrays["phase"]
        self.shape = np.array(self.labels.shape[::-1])  # x, y, z
        self.phases = int(self.labels.max())

    def place(self, index):
        """Coordinates of the corner of voxel (x, y, z)."""
        return self.origin + self.spacing * index

    def corners(self):
        return np.array([self.place(self.shape * [i, j, k]) for i in (0, 1) for j in (0, 1) for k in (0, 1)])

    def cut(self, count):
        """The first `count` voxels (x, y, z)."""
        box = tuple(slice(0, int(n)) for n in count[::-1])
        return Volume({name: array[box] for name, array in self.arrays.items()}, self.spacing, self.origin)


# ---- reading --------------------------------------------------------------------------------

def open_reader(path):
    if not os.path.isfile(path):
        raise OSError(f"cannot read {path}: there is no such file")
    reader = vtkHDFReader()
    reader.SetFileName(path)
    if not reader.CanReadFile(path):
        raise OSError(f"cannot read {path}: not a .vtkhdf file")
    reader.UpdateInformation()
    return reader


def names_of(path):
    """Names of the arrays of a .vtkhdf file."""
    arrays = open_reader(path).GetCellDataArraySelection()
    return [arrays.GetArrayName(i) for i in range(arrays.GetNumberOfArrays())]


def read(path, most=None, names=()):
    """The labels of a .vtkhdf file and the arrays `names`, of its first corner where it has more than `most` voxels along an axis.

    Up to VTK 9.2 (ParaView 5.11) the reader takes an extent of points for one of cells, asks for one cell too many along
    each axis and fails; asked for one less it reads exactly the cells.
    """
    reader = open_reader(path)
    arrays = reader.GetCellDataArraySelection()
    arrays.DisableAllArrays()
    for name in ("phase", *names):
        arrays.EnableArray(name)
    last = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT())[1::2]
    shape = [min(n, most or n) for n in last]
    if min(shape) < 2:
        raise OSError(f"{path} has {shape} voxels: takes at least 2 along each axis")
    mended = (vtkVersion.GetVTKMajorVersion(), vtkVersion.GetVTKMinorVersion()) >= (9, 3)
    reader.UpdateExtent([n for count in shape for n in (0, count if mended else count - 1)])
    image = reader.GetOutput()
    found = {}
    for name in ("phase", *names):
        array = image.GetCellData().GetArray(name)
        if array is None or array.GetNumberOfTuples() != np.prod(shape):
            raise OSError(f"cannot read {path}: no image with cell data \"{name}\"")
        parts = (array.GetNumberOfComponents(),) if array.GetNumberOfComponents() > 1 else ()
        found[name] = vtk_to_numpy(array).reshape(tuple(shape[::-1]) + parts).copy()
    return Volume(found, image.GetSpacing(), image.GetOrigin())


def check_phases(path, volume, wanted, option):
    absent = sorted(set(wanted) - set(range(1, volume.phases + 1)))
    if absent:
        raise OSError(f"{option}: {path} has no phase {absent[0]}, but 1 to {volume.phases}")


# ---- geometry -------------------------------------------------------------------------------

def set_cells(data, values, name="phase"):
    array = numpy_to_vtk(values, deep=True)
    array.SetName(name)
    data.GetCellData().SetScalars(array)


def face(volume, axis, index, layer, ranges):
    """Rectangle normal to an axis on plane `index` of the grid, with the voxels of `layer`; ranges (first, end) of x, y, z."""
    box = [slice(*ends) for ends in ranges]
    first, points = [ends[0] for ends in ranges], [ends[1] - ends[0] + 1 for ends in ranges]
    box[axis], first[axis], points[axis] = layer, index, 1
    image = vtkImageData()
    image.SetDimensions([int(n) for n in points])
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.place(first))
    set_cells(image, volume.labels[tuple(box[::-1])].ravel())
    return image


def cube_faces(volume, near, low, high):
    """Faces of a cube without the box from low to high, which touches the corner where `near` (true: the larger coordinate)."""
    whole, hole = [(0, n) for n in volume.shape], list(zip(low, high))
    rest = [(0, a) if side else (b, n) for side, a, b, n in zip(near, low, high, volume.shape)]
    for axis in range(3):
        n, side = volume.shape[axis], near[axis]
        outer, wall, far = (n, low[axis], 0) if side else (0, high[axis], n)
        b, c = [other for other in range(3) if other != axis]
        beside, below = list(whole), list(hole)
        beside[b], below[c] = rest[b], rest[c]
        for index, ranges in ((far, whole), (wall, hole), (outer, beside), (outer, below)):
            yield face(volume, axis, index, min(max(index - int(side), 0), n - 1), ranges)


def box_faces(volume):
    """The six faces."""
    whole = [(0, n) for n in volume.shape]
    for axis, n in enumerate(volume.shape):
        yield face(volume, axis, 0, 0, whole)
        yield face(volume, axis, n, n - 1, whole)


def section_faces(volume):
    """Sections through the middle, normal to x, y and z."""
    for axis, n in enumerate(volume.shape):
        yield face(volume, axis, n // 2, n // 2, [(0, m) for m in volume.shape])


def blocks(images):
    data = vtkMultiBlockDataSet()
    for number, image in enumerate(images):
        data.SetBlock(number, image)
    return data


def smoothed(values, deviation):
    """Convolution of [z, y, x] with a Gaussian, standard deviation in voxels; at the faces the outermost values go on."""
    if deviation <= 0:
        return values
    image = vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    smooth = vtkImageGaussianSmooth()
    smooth.SetInputData(image)
    smooth.SetStandardDeviations([deviation] * 3)
    smooth.SetRadiusFactors([3] * 3)
    smooth.Update()
    return vtk_to_numpy(smooth.GetOutput().GetPointData().GetScalars()).reshape(values.shape)


def flush(points, volume):
    """Move the flat ends on the centres of the outermost voxels to the faces of the volume."""
    for index, outer in ((np.full(3, 0.5), np.zeros(3)), (volume.shape - 0.5, volume.shape)):
        for axis in range(3):
            ends = np.abs(points[:, axis] - volume.place(index)[axis]) < 0.01 * volume.spacing[axis]
            points[ends, axis] = volume.place(outer)[axis]


def contour(image, feature_angle=50):
    """Surface where the scalars of an image are 1/2, with normals; other point data are carried over."""
    edges = vtkFlyingEdges3D()
    edges.SetInputData(image)
    edges.SetValue(0, 0.5)
    edges.ComputeNormalsOff()
    edges.InterpolateAttributesOn()
    normals = vtkPolyDataNormals()
    normals.SetInputConnection(edges.GetOutputPort())
    normals.SetFeatureAngle(feature_angle)
    normals.Update()
    surface = normals.GetOutput()
    surface.GetPointData().SetScalars(None)
    return surface


def body(volume, inside, low, high, deviation, extra=None):
    """Closed surface, within a box of voxels (x, y, z), of where `inside` [z, y, x]: where its smoothed indicator is 1/2.
    extra: (name, values [z, y, x]) are interpolated to the surface's points."""
    margin = 1 + int(np.ceil(3 * deviation))
    first, end = np.maximum(low - margin, 0), np.minimum(high + margin, volume.shape)
    values = smoothed(inside[tuple(slice(a, b) for a, b in zip(first[::-1], end[::-1]))].astype(np.float32), deviation)
    start, stop = np.maximum(low - 1, first), np.minimum(high + 1, end)  # ends half a voxel inside the walls
    values = values[tuple(slice(a, b) for a, b in zip((start - first)[::-1], (stop - first)[::-1]))]
    values = np.pad(values, 1, constant_values=-1e3)  # flat ends
    image = vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.SetSpacing(volume.spacing)
    image.SetOrigin(volume.place(start - 0.5))
    if extra:
        part = np.pad(extra[1][tuple(slice(a, b) for a, b in zip(start[::-1], stop[::-1]))], 1, mode="edge")
        array = numpy_to_vtk(part.astype(np.float32).ravel(), deep=True)
        array.SetName(extra[0])
        image.GetPointData().AddArray(array)
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=True))
    surface = contour(image)
    if surface.GetNumberOfPoints():
        flush(vtk_to_numpy(surface.GetPoints().GetData()), volume)
    return surface


def on_faces(surface, volume):
    """Which cells (triangles) of a surface lie in a face of the volume."""
    points = vtk_to_numpy(surface.GetPoints().GetData())
    corners = vtk_to_numpy(surface.GetPolys().GetConnectivityArray()).reshape(-1, 3)
    flat = np.zeros(len(corners), bool)
    for axis in range(3):
        for end in (0, volume.shape[axis]):
            at = volume.place(np.full(3, end))[axis]
            flat |= (np.abs(points[corners, axis] - at) < 0.01 * volume.spacing[axis]).all(axis=1)
    return flat


# ---- scene ----------------------------------------------------------------------------------

def rgb(colour):
    return [int(colour[i:i + 2], 16) / 255 for i in (1, 3, 5)]


def mixed(colour, other, share):
    """rgb of a colour with a share of another."""
    return list((1 - share) * np.array(rgb(colour)) + share * np.array(rgb(other)))


def put(name, data, view):
    """Put VTK data into the pipeline browser and show them."""
    source = simple.TrivialProducer(registrationName=name, guiName=name)
    source.GetClientSideObject().SetOutput(data)
    source.UpdatePipeline()
    shown = simple.Show(source, view)
    shown.Representation = "Surface"
    return shown


def paint(shown, name, texts, colours):
    """One colour for each value 1, 2, ... of the cell array `name`."""
    shown.Ambient, shown.Diffuse, shown.Specular = 0.6, 0.5, 0.0
    table = simple.GetColorTransferFunction(name)
    table.InterpretValuesAsCategories = 1
    table.Annotations = [word for number, text in enumerate(texts, 1) for word in (str(number), text)]
    table.NanColor = rgb(GRID)  # masked cells
    table.IndexedColors = [part for colour in colours for part in colour]
    simple.ColorBy(shown, ("CELLS", name))


def paint_phases(shown, phases):
    numbers = range(1, phases + 1)
    paint(shown, "phase", [f"phase {i}" for i in numbers], [rgb(PHASE_COLOURS[(i - 1) % len(PHASE_COLOURS)]) for i in numbers])


def paint_scale(shown, name, limits, colours, log):
    """Colours, evenly spread over the limits of the point array `name`, on a logarithmic scale if `log`; returns the table."""
    table = simple.GetColorTransferFunction(name)
    low, high = limits
    steps = np.linspace(0, 1, len(colours))
    at = low * (high / low) ** steps if log else low + (high - low) * steps
    simple.ColorBy(shown, ("POINTS", name))  # sets the range of the data: before the limits
    table.AutomaticRescaleRangeMode = "Never"
    table.UseLogScale, table.ColorSpace = 0, "Lab"
    table.RGBPoints = [part for x, colour in zip(at, colours) for part in (x, *rgb(colour))]
    table.UseLogScale = int(log)
    shown.Ambient, shown.Diffuse, shown.Specular = 0.55, 0.5, 0.0
    return table


def pixels_of(view):
    """Pixels of the view for one of a picture of 900 x 900: sizes of letters and lines follow it."""
    return min(view.ViewSize) / 900


def colour_bar(table, view, title):
    """A bar at the right of the picture, for which aim() leaves room (option right)."""
    bar = simple.GetScalarBar(table, view)
    pixel = pixels_of(view)
    bar.Title, bar.ComponentTitle = title, ""
    bar.WindowLocation, bar.Orientation = "Any Location", "Vertical"
    bar.Position, bar.ScalarBarLength, bar.ScalarBarThickness = [0.865, 0.25], 0.5, max(1, int(24 * pixel))
    bar.TitleFontSize, bar.LabelFontSize = max(1, int(26 * pixel)), max(1, int(24 * pixel))
    bar.TitleColor = bar.LabelColor = rgb(INK)
    bar.AutomaticLabelFormat, bar.LabelFormat, bar.RangeLabelFormat = 0, "%g", "%g"
    bar.AddRangeLabels, bar.DrawTickMarks, bar.DrawTickLabels = 1, 1, 1
    bar.HorizontalTitle = 1
    bar.Visibility = 1


def outline(volume, view):
    box = vtkImageData()
    box.SetDimensions(2, 2, 2)
    box.SetSpacing(volume.spacing * volume.shape)
    box.SetOrigin(volume.origin)
    edges = put("edges", box, view)
    edges.Representation = "Outline"
    edges.AmbientColor = edges.DiffuseColor = mixed(MUTED, GRID, 0.5)
    edges.LineWidth = max(1, pixels_of(view))


def nice_length(extent):
    """The largest of 1, 2, 5, 10, ... that is at most a third of the extent."""
    power = 10.0 ** np.floor(np.log10(extent / 3))
    return max(m * power for m in (1, 2, 5) if m * power <= extent / 3)


def eye_axes(direction):
    """Unit vectors to the right, up and towards the eye in a picture; z is up, or y where one looks along z."""
    back = np.array(direction, float) / np.linalg.norm(direction)
    up = np.array([0, 0, 1] if abs(back[2]) < 0.99 else [0, 1, 0])
    right = np.cross(up, back) / np.linalg.norm(np.cross(up, back))
    return np.array([right, np.cross(back, right), back])


def bar_place(volume, direction):
    """Ends of a scale bar beside the lowest edge that faces the eye, its length, and the step away from the edge."""
    eye, extent = eye_axes(direction)[2], volume.spacing * volume.shape
    up = 2 if abs(eye[2]) < 0.99 else 1
    front = max((axis for axis in range(3) if axis != up), key=lambda axis: abs(eye[axis]))
    along = 3 - up - front
    length = nice_length(extent[along])
    middle = volume.origin + extent / 2
    outwards = np.copysign(1, eye[front]) * (-1 if eye[2] < -0.2 and up == 2 else 1)  # from below: the far edge is lowest
    middle[front] += outwards * extent[front] / 2
    middle[up] -= extent[up] / 2
    step, half = np.zeros(3), np.zeros(3)
    if abs(eye[2]) < 0.2 or up == 1:  # seen from the side: below
        step[up] = -0.045 * extent.max()
    else:
        step[front] = outwards * 0.06 * extent.max()
    half[along] = length / 2
    return middle + step - half, middle + step + half, length, step


def scale_bar(volume, view, options):
    """A bar with its length in micrometres; returns the points that it takes."""
    first, last, length, step = bar_place(volume, options.view)
    right, up, _ = eye_axes(options.view)
    pixel = pixels_of(view)
    extent = (volume.spacing * volume.shape).max()
    line = simple.Show(simple.Line(registrationName="scale bar", Point1=list(first), Point2=list(last)), view)
    line.AmbientColor = line.DiffuseColor = rgb(INK)
    line.Ambient, line.Diffuse, line.LineWidth = 1, 0, 5 * pixel
    slope = abs(np.dot(last - first, up)) / max(abs(np.dot(last - first, right)), 1e-9)
    at = (first + last) / 2 + 0.4 * step - (0.06 + 0.05 * slope) * extent * up
    text = simple.Show(simple.Text(registrationName="length", Text=f"{length:g} µm"), view)
    text.TextPropMode, text.BillboardPosition, text.Justification = "Billboard 3D Text", list(at), "Center"
    text.Color, text.FontSize = rgb(INK), max(1, round(27 * pixel))
    return np.array([first, last, at - 0.06 * extent * right, at + 0.06 * extent * right])


def aim(points, view, direction, right=0.0):
    """Look at points from a direction, as near as the picture holds them, beside a share `right` left free."""
    axes, size = eye_axes(direction), list(view.ViewSize)
    focus, distance = points.mean(axis=0), 10 * np.ptp(points)
    half = np.tan(np.radians(VIEW_ANGLE / 2)) * np.array(size) / size[1]
    room, centre = half * [1 - right, 1] * FILL, half * [-right, 0]
    for _ in range(50):
        seen = (points - focus) @ axes.T
        seen = seen[:, :2] / (distance - seen[:, 2:])
        focus = focus + ((seen.max(axis=0) + seen.min(axis=0)) / 2 - centre) * distance @ axes[:2]
        distance *= (np.ptp(seen, axis=0) / 2 / room).max() ** 0.5
    view.CameraViewAngle = VIEW_ANGLE
    view.CameraFocalPoint, view.CameraPosition, view.CameraViewUp = focus, focus + distance * axes[2], axes[1]


def dress(volume, view, shades=True):
    """White background, shades in the corners."""
    view.UseColorPaletteForBackground = 0
    view.BackgroundColorMode = "Single Color"
    view.Background = [1, 1, 1]
    view.OrientationAxesVisibility = 0
    view.CenterAxesVisibility = 0
    view.KeyLightAzimuth, view.KeyLightElevation = 35, 45
    size = np.linalg.norm(volume.spacing * volume.shape)
    if shades and hasattr(view, "UseAmbientOcclusion"):
        view.UseAmbientOcclusion, view.UseSSAODefaultPresets = 1, 0
        view.Radius, view.Bias, view.KernelSize, view.Blur = 0.12 * size, 0.002 * size, 128, 1


def new_view(options):
    if options.output:
        return simple.CreateView("RenderView", ViewSize=[SUPERSAMPLING * n for n in options.size])
    return simple.GetActiveViewOrCreate("RenderView")


def finish(volume, view, options, right=0.0, shades=True):
    """Dress the view, aim the camera, and save the picture where one is asked for."""
    dress(volume, view, shades)
    points = volume.corners()
    if options.scale_bar:
        points = np.concatenate([points, scale_bar(volume, view, options)])
    if not options.output:
        simple.Render(view)  # the first one sets the camera
    aim(points, view, options.view, right)
    if options.output:
        save(view, options.output)
    else:
        simple.Render(view)


def save(view, path):
    """Render finer than asked for and average: no jagged edges. Written under another name first."""
    part = path[:-len(".png")] + ".part.png"
    try:
        simple.SaveScreenshot(part, view, ImageResolution=view.ViewSize)
        if not os.path.isfile(part):
            raise OSError(f"{path} cannot be written")
        reader = vtkPNGReader()
        reader.SetFileName(part)
        shrink = vtkImageShrink3D()
        shrink.SetInputConnection(reader.GetOutputPort())
        shrink.SetShrinkFactors(SUPERSAMPLING, SUPERSAMPLING, 1)
        shrink.AveragingOn()
        shrink.Update()
        writer = vtkPNGWriter()
        writer.SetInputConnection(shrink.GetOutputPort())
        writer.SetFileName(part)
        writer.Write()
        os.replace(part, path)
    finally:
        if os.path.exists(part):
            os.remove(part)


# ---- command line ---------------------------------------------------------------------------

def phase_list(text):
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
        raise argparse.ArgumentTypeError(f"{text}: takes a name that ends in .png")
    return text


def share(text):
    value = float(text)
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"{text}: takes a number above 0, at most 1")
    return value


def voxels(text):
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError(f"{text}: takes a number from 2")
    return value


def parser(doc, volume=".vtkhdf file written by exset", view=(1, -0.75, 0.75), size=(900, 900), output=None):
    """Arguments that all scripts have; a script adds its own. output: (type, help) of -o."""
    kind, text = output or (picture, "picture, .png (default: none, the scene stays)")
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("volume", help=volume)
    made.add_argument("-o", "--output", type=kind, help=text)
    made.add_argument("--size", type=pixels, default=list(size), help="of the picture, pixels (default: %d,%d)" % tuple(size))
    made.add_argument("--view", type=direction, default=list(view),
                      help="direction of the eye, x,y,z; --view=-1,... (default: %g,%g,%g)" % tuple(view))
    made.add_argument("--voxels", type=voxels, help="show so many voxels along each axis at most (default: all)")
    made.add_argument("--no-scale-bar", dest="scale_bar", action="store_false", help="without the bar of some micrometres")
    return made


def check_output(path):
    """Before anything is drawn: can a file be written there? ParaView itself goes on without, and may crash."""
    probe = path + ".part"
    try:
        with open(probe, "wb"):
            pass
        os.remove(probe)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror}") from None


def run(draw, options):
    """draw(options), with one line on stderr and exit code 2 where a file is not what it should be."""
    try:
        if options.output:
            check_output(options.output)
        draw(options)
    except OSError as error:
        print(f"{os.path.basename(sys.argv[0] or 'paraview')}: {error}", file=sys.stderr)
        sys.exit(2)
