#!/usr/bin/env python3
# test: time=120
"""exset morph: r_max, r_min, constrictivity and their distributions against brute force over all cells and all radii, with
masked cells, cubic and other voxels; a radius of intrusion is never larger than one of size."""
import itertools
import os

import numpy as np

from lib import TMP, check, end, good, read_json


class Naive:
    """Distances between all cells of a small volume."""

    def __init__(self, volume, voxel):
        self.volume, self.shape = volume.ravel(), volume.shape
        self.unit = min(voxel)
        where, weight = np.indices(volume.shape).reshape(3, -1), (np.array(voxel) / self.unit) ** 2
        self.squared = sum(w * (at[:, None] - at[None]) ** 2 for w, at in zip(weight, where))
        self.inside = np.zeros(volume.size)
        for p in set(self.volume) - {0}:
            own, other = self.volume == p, (self.volume != p) & (self.volume != 0)
            self.inside[own] = self.squared[np.ix_(own, other)].min(1)

    def cover(self, squared):
        """Largest squared radius of the balls around all cells that contain a cell; 0: none."""
        best = np.zeros(len(squared))
        for c in np.flatnonzero(squared):
            best[self.squared[c] < squared[c]] = np.maximum(best[self.squared[c] < squared[c]], squared[c])
        return best

    def connected(self, cells, start):
        """Those cells (joined through faces) that start, some of them, leads to."""
        cells, found = cells.reshape(self.shape), (start & cells).reshape(self.shape)
        while True:
            grown = found.copy()
            for axis, way in itertools.product(range(3), (1, -1)):
                moved = np.roll(found, way, axis)
                moved[tuple(slice(None) if a != axis else (0 if way == 1 else -1) for a in range(3))] = False
                grown |= moved & cells
            if (grown == found).all():
                return found.ravel()
            found = grown

    def filled(self, phase, axis, last):
        """Squared radius at which cells of the phase are filled from an outer face."""
        own, best = self.volume == phase, np.zeros(self.volume.size)
        face = np.zeros(self.shape, bool)
        face[tuple(slice(None) if a != axis else last for a in range(3))] = True
        for radius in np.unique(self.inside[own]):
            reached = self.connected(own & (self.inside >= radius), face.ravel())
            best = np.maximum(best, self.cover(np.where(reached, radius, 0)))
            # larger balls around these centres have been counted at larger radii
        return best

    def radius(self, squared):
        return (np.sqrt(squared) - 0.5) * self.unit

    def half(self, phase, covers):
        """Radius at which the mean share of cells with at least this radius is 1/2."""
        own = self.volume == phase
        knots = np.unique(self.inside[own])
        share = np.mean([[(c[own] >= k).mean() for k in knots] for c in covers], axis=0)
        if share[0] < 0.5:
            return 0
        k = np.flatnonzero(share >= 0.5)[-1]
        r = self.radius(knots)
        return r[-1] if k == len(r) - 1 else r[k] + (share[k] - 0.5) / (share[k] - share[k + 1]) * (r[k + 1] - r[k])


def volume_of(seed, shape, masked):
    """Blobs: three noises smoothed over neighbours, the largest is the phase."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(3, *shape))
    for axis in (1, 2, 3):
        for _ in range(2):
            noise = noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)
    phase = noise.argmax(0) + 1
    return np.where(rng.random(shape) < masked, 0, phase).astype(np.uint8)


def compare(seed, shape, voxel, masked, ranks, tolerance):
    volume = volume_of(seed, shape, masked)
    volume.tofile(os.path.join(TMP, "v.raw"))
    good("morph", ranks, "v.raw", "-raw_size", ",".join(map(str, shape)), "-voxel_size", ",".join(map(str, voxel)), "-verbosity",
         "0", "-image_labels", "1,2,3", "-image_mask", "0", "-morph_descriptors", "intrusion", "-o", "m.json")
    naive, results = Naive(volume, voxel), read_json("m.json")
    own_cover = naive.cover(naive.inside)
    for p, d in zip(results["phases"], results["distributions"]):
        own = naive.volume == p["phase"]
        what = f"volume {seed}, phase {p['phase']}: "
        r_max = naive.half(p["phase"], [own_cover])
        check(f"{what}r_max {p['r_max']}, naive {r_max}", abs(p["r_max"] - r_max) <= tolerance)
        check(f"{what}{d['size']['counts']}", sum(d["size"]["counts"]) == own.sum())
        edges = np.array(d["size"]["edges"])
        expected = [(naive.radius(own_cover[own]) > e - tolerance).mean() for e in edges]
        check(f"{what}sizes {d['size']['at_least']}, naive {expected}", np.allclose(d["size"]["at_least"], expected, atol=1e-12))
        for axis, name in enumerate("zyx"):
            faces = [naive.filled(p["phase"], axis, last) for last in (0, -1)]
            r_min = naive.half(p["phase"], faces)
            check(f"{what}r_min along {name} {p['r_min'][name]}, naive {r_min}", abs(p["r_min"][name] - r_min) <= tolerance)
            check(f"{what}constrictivity", abs(p["constrictivity"][name] - (p["r_min"][name] / p["r_max"]) ** 2) < 1e-12)
            check(f"{what}r_min <= r_max", p["r_min"][name] <= p["r_max"])
            filled, h = np.mean([(f[own] > 0).mean() for f in faces]), d["intrusion"][name]
            check(f"{what}filled {filled}, {h}", abs((h["at_least"][0] if h else 0) - filled) < 1e-12)


compare(1, (12, 11, 10), (1, 1, 1), 0, 1, 1e-9)
compare(2, (9, 12, 13), (0.3, 0.3, 0.3), 0.02, 3, 1e-9)
compare(3, (10, 9, 11), (0.5, 0.3, 0.37), 0.01, 2, 2e-4)  # squares that are no whole numbers are rounded
end()
