"""Covariance functions of isotropic models, from the parameters that a model file holds; shared by tests and benchmarks.

rho(h) = integral of S(k) k^2 sinc(k h) over k, divided by that of S(k) k^2: the grid plays no part."""
import re

import numpy as np

STEPS = 20000  # of the integral over k


def read_field(path, number):
    """The parameters of one field of a model file: {"family": ..., "length_xy": ...}, texts, numbers or lists."""
    block = re.search(rf"^field{number}:\n((?:  .*\n)+)", open(path).read(), re.MULTILINE).group(1)
    return {name: parse(text) for name, text in re.findall(r"^  (\w+): (.*)$", block, re.MULTILINE)}


def parse(text):
    values = []
    for item in text.strip("[]").split(","):
        try:
            values.append(float(item))
        except ValueError:
            values.append(item.strip())
    return values[0] if len(values) == 1 else values


def bspline(x):
    x = np.abs(x)
    return np.where(x >= 2, 0, np.where(x >= 1, (2 - x) ** 3 / 6, 2 / 3 - x * x * (1 - x / 2)))


def density(field, k):
    family = field["family"]
    if family == "knots":
        x = k / field["knots_max"] * (len(field["knots"]) - 1)
        return sum(c * (bspline(x - j) + (bspline(x + j) if j else 0)) for j, c in enumerate(field["knots"]))
    q = field["length_xy"] * k
    if family == "gaussian":
        return np.exp(-q * q / 4)
    if family == "matern":
        return (2 * field["nu"] + q * q) ** -(field["nu"] + 1.5)
    if family == "ring":
        return np.exp(-((q - 1) / field["width"]) ** 2 / 2)
    raise ValueError(f"no density of family {family}")


def covariance(field, lags, k_max):
    """At the lags, from wavenumbers up to k_max, the grid's largest: pi over the voxel's edge."""
    k = (np.arange(STEPS) + 0.5) * k_max / STEPS
    share = density(field, k) * k * k
    share /= share.sum()
    return np.array([(share * np.sinc(k * h / np.pi)).sum() for h in lags])
