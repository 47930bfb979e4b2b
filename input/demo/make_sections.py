#!/usr/bin/python3
"""Make the demo's sections: a packing of spheres with a coating, in a matrix with pores, pressed along z: 4 xy and 4 xz sections.

The structure is not an excursion set, so calibrating exset's model to it is a real task:
active material (phase 2) is a random packing of spheres of four sizes that overlap slightly where they
meet; solid electrolyte (phase 3) is a thin coating on every particle and the matrix between them; pores
(phase 1) are bubbles of three sizes in the matrix, which often cling to the coating and to each other. Pressing is mimicked by
squeezing everything along z. Lengths are in voxels of 0.1 micrometres.

Usage: make_sections.py [folder]      (default: the folder of this script; needs numpy only)
"""
import os
import struct
import sys
import zlib

import numpy as np

SIZE = 512  # edge of the cubic domain and of the sections
PRESS = 0.85  # length along z after pressing / before
RADII = np.array([28.0, 21.0, 15.0, 11.0])  # active material, before pressing
SHARES = np.array([0.30, 0.30, 0.25, 0.15])  # of the particles' volume
OVERLAP = 0.80  # closest distance of two centres / sum of the radii
PARTICLES = 0.48  # volume of all particles / domain (overlaps counted twice)
COATING = 3.0  # thickness of the electrolyte on each particle, before pressing
BUBBLES = np.array([12.0, 16.0, 20.0])  # pore bubbles, before pressing
BUBBLES_PER_VOLUME = 3.3e-5  # number per voxel
GRAY = {1: 0, 2: 85, 3: 170}
SEED = 20250321


def pack(rng, box):
    """Random sequential packing, large spheres first, periodic; centres (n, 3) as x, y, z, and radii."""
    volume = box.prod()
    cell = 2 * RADII.max()
    n_cells = np.maximum((box // cell).astype(int), 3)
    grid = {}
    centres, radii = [], []
    neighbours = [(a, b, c) for a in (-1, 0, 1) for b in (-1, 0, 1) for c in (-1, 0, 1)]
    for radius, share in zip(RADII, SHARES):
        wanted = int(round(share * PARTICLES * volume / (4 / 3 * np.pi * radius**3)))
        placed = tries = 0
        while placed < wanted and tries < 400 * wanted:
            tries += 1
            c = rng.random(3) * box
            key = np.minimum((c / box * n_cells).astype(int), n_cells - 1)
            near = [i for d in neighbours for i in grid.get(tuple((key + d) % n_cells), ())]
            if near:
                delta = np.abs(np.array([centres[i] for i in near]) - c)
                delta = np.minimum(delta, box - delta)
                closest = OVERLAP * (np.array([radii[i] for i in near]) + radius)
                if np.any((delta**2).sum(axis=1) < closest**2):
                    continue
            grid.setdefault(tuple(key), []).append(len(centres))
            centres.append(c)
            radii.append(radius)
            placed += 1
        print(f"radius {radius:4.1f}: {placed} of {wanted} particles placed")
    return np.array(centres), np.array(radii)


def cut(centres, radii, box, axis, position):
    """True for the pixels of a plane that lie inside a sphere.

    axis: of the plane's normal (1: y, 2: z), position along it; rows run along the other of y and z, columns along x.
    Coordinates before pressing: rows along z are SIZE pixels of box[2] / SIZE each.
    """
    other = 3 - axis
    inside = np.zeros((SIZE, SIZE), bool)
    rows = (np.arange(SIZE) + 0.5) * box[other] / SIZE
    columns = (np.arange(SIZE) + 0.5) * box[0] / SIZE
    offset = np.abs(centres[:, axis] - position)
    offset = np.minimum(offset, box[axis] - offset)
    for i in np.flatnonzero(offset < radii):
        dr = np.abs(rows - centres[i, other])
        dc = np.abs(columns - centres[i, 0])
        dr, dc = np.minimum(dr, box[other] - dr), np.minimum(dc, box[0] - dc)
        r, c = np.flatnonzero(dr < radii[i]), np.flatnonzero(dc < radii[i])
        d2 = offset[i] ** 2 + dr[r, None] ** 2 + dc[None, c] ** 2
        inside[np.ix_(r, c)] |= d2 < radii[i] ** 2
    return inside


def write_png(path, gray):
    """8-bit gray PNG."""

    def chunk(kind, data):
        crc = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", crc)

    rows, columns = gray.shape
    raw = b"".join(b"\0" + row.tobytes() for row in gray.astype(np.uint8))
    with open(path, "wb") as f:
        f.write(b"\x89PNG\r\n\x1a\n")
        f.write(chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)))
        f.write(chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
    rng = np.random.default_rng(SEED)
    box = np.array([SIZE, SIZE, SIZE / PRESS])
    centres, radii = pack(rng, box)
    n_bubbles = rng.poisson(BUBBLES_PER_VOLUME * box.prod())
    bubbles = rng.random((n_bubbles, 3)) * box
    bubble_radii = rng.choice(BUBBLES, n_bubbles)
    total = np.zeros(4)
    for name, axis in (("xy", 2), ("xz", 1)):
        for k in range(4):
            position = (k + 0.5) / 4 * box[axis]
            particle = cut(centres, radii, box, axis, position)
            coated = cut(centres, radii + COATING, box, axis, position)
            pore = cut(bubbles, bubble_radii, box, axis, position) & ~coated
            phase = np.full((SIZE, SIZE), 3)
            phase[pore] = 1
            phase[particle] = 2
            gray = np.zeros((SIZE, SIZE), np.uint8)
            for p, value in GRAY.items():
                gray[phase == p] = value
            write_png(os.path.join(folder, f"section_{name}_{k + 1}.png"), gray)
            fractions = np.bincount(phase.ravel(), minlength=4) / phase.size
            total += fractions / 8
            print(f"section_{name}_{k + 1}.png  fractions", np.round(fractions[1:], 4))
    print("mean fractions", np.round(total[1:], 4))


if __name__ == "__main__":
    main()
