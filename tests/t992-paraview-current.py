"""postprocess/paraview_current.py in ParaView: two materials side by side carry current as their conductivities, 1 to 10; the colours
of the two halves are those of 1 / 5.5 and 10 / 5.5 on the logarithmic scale, and the lines of current are straight."""
# test: time=240
import os

from pictures import draw, np, white

from colours import FLOW_COLOURS
from lib import TMP, check, end, good

SHAPE = (20, 16, 24)
volume = np.ones(SHAPE, np.uint8)
volume[:, :, 12:] = 2
volume.tofile(os.path.join(TMP, "v.raw"))
good("conduct", 1, "v.raw", "-raw_size", "20,16,24", "-voxel_size", "1", "-image_labels", "1,2", "-conduct_sigma", "10,1/1,10",
     "-conduct_axis", "z", "-conduct_fields", "true", "-o", "v.json")


def hue(colours):
    return colours / np.linalg.norm(colours, axis=-1, keepdims=True)


def expected(value, low=0.1, high=10):
    """Colour of a value on the scale of the test, linear between the colours of the table."""
    table = np.array([[int(text[i:i + 2], 16) / 255 for i in (1, 3, 5)] for text in FLOW_COLOURS])
    at = np.log(value / low) / np.log(high / low) * (len(table) - 1)
    return np.array([np.interp(at, np.arange(len(table)), column) for column in table.T])


def coloured(pixels):
    """Pixels of the scene: left of the colour bar, neither white nor gray."""
    found = np.ptp(pixels, axis=-1) > 0.08
    found[:, int(0.78 * pixels.shape[1]):] = False
    return found


def halves(pixels):
    """Mean hue of the left and the right half of what is coloured, without the seam."""
    on = coloured(pixels)
    columns = np.flatnonzero(on.any(axis=0))
    middle, wide = (columns[0] + columns[-1]) / 2, np.ptp(columns)
    at = np.arange(pixels.shape[1])
    sides = at < middle - wide / 8, at > middle + wide / 8
    return [hue(np.median(hue(pixels[on & side[None, :]]), axis=0)) for side in sides]


options = ("v.vtkhdf", "--set", "2", "--view=0,-1,0", "--limits", "0.1,10", "--size", "300,240", "--smooth", "0.5")
for show in ("surface", "lines"):
    pixels = draw("current", f"{show}.png", *options, "--show", show, "--lines", "60")
    for side, found, value in zip(("left", "right"), halves(pixels), (1 / 5.5, 10 / 5.5)):
        angle = np.degrees(np.arccos(found @ hue(expected(value))))
        other = np.degrees(np.arccos(found @ hue(expected(10 / 5.5 if value < 1 else 1 / 5.5))))
        check(f"{show}: the {side} half is {angle:.1f} degrees from its colour, {other:.1f} from the other", angle < 4 and other > 12)
    bar = pixels[:, int(0.8 * pixels.shape[1]):]
    table = hue(np.array([expected(v) for v in np.geomspace(0.1, 10, 9)]))
    nearest = (hue(bar[np.ptp(bar, axis=-1) > 0.1]) @ table.T).argmax(axis=1)
    check(f"{show}: the colour bar has all colours: {np.bincount(nearest, minlength=9)}", len(set(nearest)) == 9)
    if show == "lines":
        on = coloured(pixels)
        rows = np.flatnonzero(on.any(axis=1))
        part = on[rows[0] + np.ptp(rows) // 4:rows[-1] - np.ptp(rows) // 4]
        change = np.mean(part != part[len(part) // 2]) / np.mean(part)
        check(f"lines are straight: {change:.3f} of their pixels change along z", change < 0.2)
        check(f"lines leave gaps: {np.mean(part.any(axis=0)):.2f}", 0.05 < on.mean() < 0.9 * np.mean(~white(pixels)) + 0.05)
end()
