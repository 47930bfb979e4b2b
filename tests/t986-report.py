"""postprocess/report.py: takes up descriptors, conductivities with both boundaries, sweeps and laws; reads of a volume what it shows."""
# test: time=120
import os
import re
import resource
import subprocess
import sys

from lib import TMP, check, end, good, read_json

try:
    import h5py
    import matplotlib  # noqa: F401
    import numpy as np
    from PIL import Image
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(0)


def report(*arguments, limit=None):
    path = os.path.abspath("postprocess/report.py")
    bound = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
    done = subprocess.run([sys.executable, path, *arguments, "-o", "page.html"], cwd=TMP, capture_output=True, text=True,
                          preexec_fn=bound, env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})
    check(f"report.py {arguments}: {done.returncode} {done.stderr[-400:]}", done.returncode == 0)
    with open(os.path.join(TMP, "page.html"), encoding="utf-8") as file:
        return file.read()


def sweep_table(name, samples):
    """Samples of a material with M = eps^1.5 / tau^2, the last one failed."""
    generator = np.random.default_rng(1)
    lines = ["sample,status,realisations,field1_fraction,phase1_volume_fraction,phase1_volume_fraction_sd,phase1_constrictivity_z,"
             "phase1_constrictivity_z_sd,phase1_geodesic_tortuosity_z,phase1_geodesic_tortuosity_z_sd,phase1_percolating_fraction_z,"
             "phase1_percolating_fraction_z_sd,phase1_m_factor_z,phase1_m_factor_z_sd,seconds,message"]
    for i in range(1, samples):
        eps, beta, tau = generator.uniform(0.3, 0.7), generator.uniform(0.3, 0.8), generator.uniform(1.05, 1.4)
        lines.append(f"{i},done,2,{eps:.4f},{eps:.4f},0.01,{beta:.4f},0.01,{tau:.4f},0.01,0.99,0.001,{eps ** 1.5 / tau ** 2:.6f},0.01,1.0,")
    lines.append(f"{samples},failed,0,0.1,{',' * 11}no path")
    with open(os.path.join(TMP, name), "w") as file:
        file.write("\n".join(lines) + "\n")


with open(os.path.join(TMP, "model.yaml"), "w") as out:
    out.write("field1: {fraction: 0.25, length_xy: 0.6}\nfield2: {fraction: 0.5, length_xy: 0.8}\n")
good("generate", 1, "model.yaml", "-size", "20,24,28", "-voxel_size", "0.1", "-o", "twin.vtkhdf")
good("morph", 1, "twin.vtkhdf", "-morph_descriptors", "fraction,tortuosity,chord", "-o", "morph.json")
for boundary, axis in (("electrodes", "z"), ("periodic", "all")):
    good("conduct", 1, "twin.vtkhdf", "-conduct_sigma", "0,1,0", "-conduct_axis", axis, "-conduct_boundary", boundary,
         "-o", f"{boundary}.json")
sweep_table("sweep.csv", 24)
good("regress", 1, "sweep.csv", "-o", "regress.json")
os.remove(os.path.join(TMP, "twin.json"))  # fractions are then those of another result on the file

# periodic alone: no word of electrodes
page = report("periodic.json")
check("no word of faces with voltage", "Voltage between" not in page and "Periodic boundaries: the mean gradient" in page)
tensor = read_json("periodic.json")["tensor"]
check("the tensor", "Tensor, periodic.json" in page and f"{tensor[0][0]:#.4g}" in page)

page = report(".", "--phases", "pore,grain,glass")
for words in ("Shape of the phases", "geodesic tortuosity", "mean chord / µm", "Voltage between two opposite faces", "With periodic boundaries the",
              "grain (1), periodic", "Sweep: sweep.csv", "23 of 24 samples are done, 1 failed", "Fitted laws: regress.json",
              "phase1_m_factor_z", "R², CV", "xy sections", "yz sections"):
    check(f"\"{words}\" on the page", words in page)
morph = read_json("morph.json")
check("the tortuosity of phase 2", f"{morph['phases'][1]['geodesic_tortuosity']['z']:.4f} ± " in page)
cells = re.search(r"grain</td><td>–</td><td>–</td><td>([0-9.]+)</td>", page)
check(f"the twin's fraction {cells}", cells and abs(float(cells[1]) - morph["phases"][1]["volume_fraction"]) < 1e-4)
check("nothing from elsewhere", not re.search(r"(src|href)=\"(?!data:)", page))

# 8 GB of voxels, which take no place in the file, in 3 GB of address space
with h5py.File(os.path.join(TMP, "huge.vtkhdf"), "w") as file:
    group = file.create_group("VTKHDF")
    group.attrs["Spacing"] = (0.1, 0.1, 0.1)
    group.create_dataset("CellData/phase", (2000, 2000, 2000), "u1", chunks=(1, 2000, 2000), fillvalue=2)
with open(os.path.join(TMP, "huge.json"), "w") as file:
    file.write('{"checksum": "0", "volume_fractions": [0, 1]}')
Image.fromarray(np.full((50, 60), 85, np.uint8)).save(os.path.join(TMP, "s.png"))
page = report("huge.vtkhdf", "huge.json", "--xy", "s.png", "--labels", "0,85", limit=3 * 2**30)
check("sections of a huge volume", page.count('alt="xy section of the twin"') == 2 and "2000 × 2000 × 2000" in page)
end()
