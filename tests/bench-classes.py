#!/usr/bin/python3
"""Field classes that are not in the program: the formulas of doc/theory/field-classes.md against simulation, and its table of the
shape number J of measured phases (with EXSET_DATA, the folder that holds electrode/ and sofc/).

Prints "ratio NAME VALUE BOUND": differences in standard errors. Needs numpy and scipy; without scipy it says so and ends."""
import os

import numpy as np
from PIL import Image, ImageSequence

try:
    from scipy import integrate, stats
    from scipy.special import gamma
except ImportError:
    raise SystemExit("skipped: scipy is not at hand")

RNG = np.random.default_rng(1)
ORDERS = {"chi-square": (1, 2, 4), "below": (1, 2, 4), "T": (1, 2, 5), "F": ((2, 2), (2, 5), (1, 5))}


def surface(dim):
    """Area of the unit sphere in dim dimensions."""
    return 2 * np.pi ** (dim / 2) / gamma(dim / 2)


def minkowski(kind, order, p):
    """M_1, M_2 of the set of fraction p."""
    if kind == "Gaussian":
        level = stats.norm.isf(p)
        return stats.norm.pdf(level), level * stats.norm.pdf(level)
    if kind in ("chi-square", "below"):
        r = stats.chi.isf(p, order) if kind == "chi-square" else stats.chi.ppf(p, order)
        sign = 1 if kind == "chi-square" else -1
        return stats.chi.pdf(r, order), sign * stats.chi.pdf(r, order) * (r - (order - 1) / r)
    if kind == "T" and order == 1:
        return 1 / np.sqrt(2 * np.pi), 0.5 - p
    if kind == "T":
        u = np.arctan2(np.sqrt(order), stats.t.isf(p, order))
        return (np.sin(u) ** (order - 1) / np.sqrt(2 * np.pi),
                np.cos(u) * np.sin(u) ** (order - 2) * gamma((order + 1) / 2) / (np.sqrt(np.pi) * gamma(order / 2)))
    a, b = order
    u = np.arctan(np.sqrt(b / (a * stats.f.isf(p, a, b))))
    radial = [2 ** ((k - 1) / 2) * gamma((k + 1) / 2) for k in (a + b - 2, a + b - 3)]
    factor = surface(a) * surface(b) * np.cos(u) ** (a - 1) * np.sin(u) ** (b - 1) * (2 * np.pi) ** (-(a + b) / 2)
    return factor * radial[0], factor * radial[1] * ((b - 1) / np.tan(u) - (a - 1) * np.tan(u))


def shape(kind, order, p):
    m1, m2 = minkowski(kind, order, p)
    return m2 / (np.pi * m1) ** 2


def measured(sections):
    """J, its standard error (jackknife) and the boundary length by area, of sections of 0 and 1."""
    s = sections.astype(int)
    square = s[:, 1:, 1:] + s[:, 1:, :-1] + s[:, :-1, 1:] + s[:, :-1, :-1]
    euler = ((square == 1).mean((1, 2)) - (square == 3).mean((1, 2))) / 4
    edge = (s[:, 1:] != s[:, :-1]).mean((1, 2)) + (s[:, :, 1:] != s[:, :, :-1]).mean((1, 2))
    diagonal = (s[:, 1:, 1:] != s[:, :-1, :-1]).mean((1, 2)) + (s[:, 1:, :-1] != s[:, :-1, 1:]).mean((1, 2))
    length = np.pi / 8 * (edge + diagonal / np.sqrt(2))
    n = len(s)
    without = [np.delete(euler, i).mean() / np.delete(length, i).mean() ** 2 for i in range(n)]
    return euler.mean() / length.mean() ** 2, np.sqrt((n - 1) * np.var(without)), length.mean()


def gaussian_fields(count, n=512, scale=14.0):
    """Pairs of independent periodic fields of covariance exp(-(h/scale)^2)."""
    i = np.minimum(np.arange(n), n - np.arange(n))
    power = np.fft.fft2(np.exp(-(i[:, None] ** 2 + i ** 2) / scale ** 2)).real.clip(0)
    amplitude = np.sqrt(power / power.sum()) * n * n
    z = [np.fft.ifft2(amplitude * (RNG.standard_normal((n, n)) + 1j * RNG.standard_normal((n, n)))) for _ in range((count + 1) // 2)]
    return np.stack([part for f in z for part in (f.real, f.imag)])[:count]


def section(kind, order, p):
    if kind == "Gaussian":
        return gaussian_fields(1)[0] >= stats.norm.isf(p)
    if kind in ("chi-square", "below"):
        q = (gaussian_fields(order) ** 2).sum(0)
        return q >= stats.chi2.isf(p, order) if kind == "chi-square" else q <= stats.chi2.ppf(p, order)
    if kind == "T":
        z = gaussian_fields(order + 1)
        return z[0] >= stats.t.isf(p, order) * np.sqrt((z[1:] ** 2).mean(0))
    z = gaussian_fields(sum(order)) ** 2
    return z[:order[0]].mean(0) >= stats.f.isf(p, *order) * z[order[0]:].mean(0)


def simulate():
    for kind, order in (("Gaussian", 1), ("chi-square", 1), ("chi-square", 2), ("below", 2), ("T", 2), ("F", (2, 2))):
        found, error, length = measured(np.stack([section(kind, order, 0.4) for _ in range(48)]))
        wanted = shape(kind, order, 0.4)
        print(f"{kind} {order}: J {found:.4f} +- {error:.4f}, formula {wanted:.4f}; boundary by formula "
              f"{length / (np.sqrt(np.pi) / 14 * minkowski(kind, order, 0.4)[0]):.3f}")
        name = f"{kind}_{order}".replace(" ", "").replace("(", "").replace(")", "").replace(",", "_")
        print(f"ratio classes_shape_{name} {abs(found - wanted) / error:.2f} 3.5")


def turn(x, r):
    b = r * np.cos(x)
    return (1 - r * r) / (2 * np.pi * (1 - b * b)) * (1 + b * np.arccos(-b) / np.sqrt(1 - b * b))


def pairs(p, r, n=2000000):
    """L of T_1 and F(1, 1) by the closed form, p <= 1/2, and by random pairs."""
    t_1 = integrate.quad(lambda x: (2 * np.pi * p - x) * turn(x, r), 0, 2 * np.pi * p)[0] / np.pi
    both = lambda x: max(np.pi * p - x, 0) + max(np.pi * p - np.pi + x, 0)
    f_11 = 2 / np.pi * integrate.quad(lambda x: both(x) * turn(x, r), 0, np.pi, points=[np.pi * p, np.pi * (1 - p)])[0]
    u, w = RNG.standard_normal((2, n)), RNG.standard_normal((2, n))
    v = r * u + np.sqrt(1 - r * r) * w
    t, f = stats.t.isf(p, 1), stats.f.isf(p, 1, 1)
    for name, closed, hits in (("T_1", t_1, [z[0] >= t * abs(z[1]) for z in (u, v)]),
                               ("F_1_1", f_11, [z[0] ** 2 >= f * z[1] ** 2 for z in (u, v)])):
        drawn = (hits[0] & hits[1]).mean()
        error = np.sqrt(closed * (1 - closed) / n)
        print(f"ratio classes_pair_{name}_p{p:g} {abs(closed - drawn) / error:.2f} 3.5")


def pages(name):
    with Image.open(name) as image:
        return np.stack([np.asarray(page) for page in ImageSequence.Iterator(image)])


def row(name, sections):
    p, (found, error, _) = sections.mean(), measured(sections)
    print(f"{name}: p {p:.2f}, J {found:.3f} +- {error:.3f}; Gaussian {shape('Gaussian', 1, p):.3f}",
          *(f"; {kind} " + ", ".join(f"{order} {shape(kind, order, p):.3f}" for order in orders) for kind, orders in ORDERS.items()))


def data_rows(folder):
    sections = np.concatenate([pages(f"{folder}/electrode/sections_{plane}.tif") for plane in ("xy", "yz")])
    row("cathode, active material", sections == 85)
    stack, at = pages(f"{folder}/sofc/stack.tif"), np.arange(6, 96, 12)
    cuts = np.concatenate([stack[at], stack[:, at].swapaxes(0, 1), np.moveaxis(stack[:, :, at], 2, 0)])
    row("solid oxide, 1", cuts == 0)
    row("solid oxide, 3", cuts == 254)


simulate()
for fraction in (0.15, 0.4):
    pairs(fraction, 0.7)
if os.path.isdir(os.environ.get("EXSET_DATA", "../shared/data")):
    data_rows(os.environ.get("EXSET_DATA", "../shared/data"))
