#!/usr/bin/python3
"""Split the electrode's sections: split.py DATA OUT writes OUT/even_xy.tif, odd_xy.tif, even_yz.tif, odd_yz.tif.

DATA is the folder with electrode/sections_xy.tif and sections_yz.tif. Neighbouring sections go to different halves."""
import sys

from PIL import Image, ImageSequence


def save(name, pages):
    pages[0].save(name, save_all=True, append_images=pages[1:])


data, out = sys.argv[1:3]
for plane in ("xy", "yz"):
    with Image.open(f"{data}/electrode/sections_{plane}.tif") as image:
        pages = [page.copy() for page in ImageSequence.Iterator(image)]
    save(f"{out}/even_{plane}.tif", pages[0::2])
    save(f"{out}/odd_{plane}.tif", pages[1::2])
