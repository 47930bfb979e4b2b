#!/usr/bin/env pvpython
"""Film through a volume by ParaView: the cube of voxels grows along z, and its top is the section at that height.

    pvpython --force-offscreen-rendering postprocess/paraview_film.py twin.vtkhdf -o film.avi

writes the frames film_0001.png, film_0002.png, ... and of them the film: .avi by the writer in ParaView (where it was built with
FFmpeg, as Debian's is), .mp4 by the program ffmpeg; without an ending the frames alone. With --keep
false the frames are removed after that. Without an X server: paraview_cube.py says how. By hand, in ParaView: colour by
phase, filter Slice with normal z, and in the animation view a track of the slice's origin.
"""
import argparse
import os
import shutil
import subprocess
import sys

import numpy as np
from paraview import simple
from vtkmodules.vtkIOImage import vtkPNGReader

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import paraview_scene as scene  # noqa: E402


def heights(planes, frames):
    """Numbers of planes that the frames show: at least one, all in the last."""
    return np.unique(np.rint(np.linspace(1, planes, frames)).astype(int))


def shoot(volume, view, stem, frames):
    """Save one picture for each height; returns their names."""
    source, names = None, []
    for count in heights(volume.shape[2], frames):
        part = volume.cut([volume.shape[0], volume.shape[1], count])
        data = scene.blocks(scene.box_faces(part))
        if source is None:
            shown = scene.put("cube", data, view)
            source = simple.FindSource("cube")
            scene.paint_phases(shown, volume.phases)
        else:
            source.GetClientSideObject().SetOutput(data)
            source.MarkModified(source)
            source.UpdatePipeline()
        names.append(f"{stem}_{len(names) + 1:04d}.png")
        scene.save(view, names[-1])
    return names


def check_writer(ending):
    """Before anything is drawn: can films with this ending be written?"""
    if ending == ".avi":
        try:
            import vtkmodules.vtkIOFFMPEG  # noqa: F401
        except ImportError:
            raise OSError("this ParaView writes no films: take a name without .avi for the frames, or .mp4 with ffmpeg") from None
    if ending == ".mp4" and not shutil.which("ffmpeg"):
        raise OSError("there is no ffmpeg: take .avi, or a name without .mp4 for the frames")


def film_by_paraview(names, path, rate):
    from vtkmodules.vtkIOFFMPEG import vtkFFMPEGWriter

    reader, writer = vtkPNGReader(), vtkFFMPEGWriter()
    writer.SetInputConnection(reader.GetOutputPort())
    writer.SetFileName(path)
    writer.SetRate(rate)
    writer.SetQuality(2)
    writer.SetCompression(True)
    for number, name in enumerate(names):
        reader.SetFileName(name)
        reader.Update()
        if number == 0:
            writer.Start()
        writer.Write()
    writer.End()


def film_by_ffmpeg(names, path, rate):
    command = ["ffmpeg", "-loglevel", "error", "-y", "-framerate", str(rate), "-i", names[0].replace("_0001.png", "_%04d.png"),
               "-frames:v", str(len(names)), "-vf", "pad=ceil(iw/2)*2:ceil(ih/2)*2:color=white", "-pix_fmt", "yuv420p", path]
    if subprocess.run(command, check=False).returncode != 0:
        raise OSError(f"ffmpeg failed; the frames are there: {names[0]}, ...")


def draw(options):
    stem, ending = os.path.splitext(options.output)
    check_writer(ending)
    volume = scene.read(options.volume, options.voxels)
    view = simple.CreateView("RenderView", ViewSize=[scene.SUPERSAMPLING * n for n in options.size])
    scene.outline(volume, view)
    scene.finish(volume, view, argparse.Namespace(**{**vars(options), "output": None}))
    names = shoot(volume, view, stem, options.frames)
    if ending:
        part = f"{stem}.part{ending}"  # nobody sees half a film
        {".avi": film_by_paraview, ".mp4": film_by_ffmpeg}[ending](names, part, options.rate)
        os.replace(part, options.output)
    if ending and not options.keep:
        for name in names:
            os.remove(name)
        names = []
    written = [options.output] if ending else []
    if names:
        written.append(f"{names[0]} to {names[-1]}")
    print("wrote " + ", ".join(written))


def film(text):
    if os.path.splitext(text)[1] not in ("", ".avi", ".mp4"):
        raise argparse.ArgumentTypeError(f"{text}: takes a name that ends in .avi or .mp4, or has no ending")
    return text


def yes(text):
    if text not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text}: takes true or false")
    return text == "true"


def above_0(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: takes a number from 1")
    return value


def main(arguments=None):
    parser = scene.parser(__doc__, size=(640, 640), output=(film, "film, .avi or .mp4, or frames alone (default: film.avi)"))
    parser.set_defaults(output="film.avi")
    parser.add_argument("--frames", type=above_0, default=60, help="so many at most (default: 60)")
    parser.add_argument("--rate", type=above_0, default=12, help="frames for each second (default: 12)")
    parser.add_argument("--keep", type=yes, default=True, help="keep the frames beside the film: true (default) or false")
    scene.run(draw, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
