#!/usr/bin/python3
"""
Conductivity of three-phase twins of a lithium-ion cathode by `exset conduct`, along z. Tables are Markdown; lines
"ratio NAME VALUE BOUND". Arguments: what to measure and edges in voxels; without: all but search and choices, small.

  peers 256           each phase alone: the default against PETSc's algebraic multigrids with the options that `search` found best
  growth 128 256 512  iterations, seconds and memory of each phase alone
  contrast 128 256    three phases of contrast 10 and 1000 in every order, two phases of contrast 10 and 1000
  scaling 256         1 and 2 ranks: the same box, and one of twice the thickness
  roofline 256        time of an iteration against the memory's bandwidth (build/tests/bench-conduct on a twin)
  choices 128         other parameters of the multigrid: the program built again with each
  search 128          options of BoomerAMG, GAMG and ML: processor time of the three phases, best first

The twins are made by the model of input/electrode/lp.yaml, calibrated to the sections in $EXSET_DATA, or with the parameters that
this gave. Iterations end at a relative residual of 1e-6. Seconds are those of the whole command from MPI_Init on, best of several
turns. Memory is the sum of the ranks' peaks, libraries included.
"""
import glob
import itertools
import json
import math
import os
import shutil
import subprocess
import sys
import tempfile

EXSET = os.path.abspath(os.environ.get("EXSET", "bin/exset"))
MPIEXEC = os.environ.get("MPIEXEC", "mpirun").split()
DATA = os.environ.get("EXSET_DATA", "../shared/data")
HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = """
field1: {type: gaussian, fraction: 0.39855, family: gaussian, length_xy: 9.524}
field2: {type: gaussian, fraction: 0.24929, family: matern, length_xy: 4.7482, nu: 0.32164}
"""
PHASES = {"active material": "1,0,0", "binder": "0,1,0", "pore": "0,0,1"}
TURNS = 3

BOOMERAMG = {"coarsen_type": "HMIS", "interp_type": "ext+i", "P_max": "4", "agg_nl": "1", "strong_threshold": "0.25",
             "relax_type_all": "l1scaled-SOR/Jacobi"}
GAMG = {}
ML = {}


def options(name, settings):
    """PETSc's options of a preconditioner; settings under mg_levels keep their name."""
    prefix = {"hypre": "pc_hypre_boomeramg_", "gamg": "pc_gamg_", "ml": "pc_ml_"}[name]
    words = ["-conduct_pc_type", name]
    for key, value in settings.items():
        words += ["-conduct_" + ("" if key.startswith("mg_levels") else prefix) + key, value]
    return words


PEERS = {"default": [], "CG + BoomerAMG": options("hypre", BOOMERAMG), "CG + GAMG": options("gamg", GAMG),
         "CG + ML": options("ml", ML)}

SEARCH = {
    "hypre": [{"coarsen_type": "HMIS", "interp_type": "ext+i", "P_max": "4", "agg_nl": a, "strong_threshold": s, "relax_type_all": r}
              for a, s, r in itertools.product("01", ("0.25", "0.5", "0.7"),
                                               ("symmetric-SOR/Jacobi", "l1scaled-SOR/Jacobi", "Chebyshev"))]
             + [BOOMERAMG | other for other in (
                 {"agg_nl": "2"}, {"agg_num_paths": "2"}, {"coarsen_type": "PMIS"}, {"coarsen_type": "Falgout"}, {"P_max": "6"},
                 {"P_max": "2"}, {"truncfactor": "0.2"}, {"strong_threshold": "0.1"}, {"interp_type": "ext+i-mm"},
                 {"keeptranspose": "1"}, {"max_row_sum": "0.9"})] + [{}],
    "gamg": [{"threshold": t, "aggressive_coarsening": a, **smoother}
             for t, a, smoother in itertools.product(("0", "0.01", "0.04"), "012",
                                                     ({}, {"mg_levels_ksp_max_it": "1", "mg_levels_pc_type": "sor"}))] + [{}],
    "ml": [{"Threshold": t, "CoarsenScheme": c} for t, c in itertools.product(("0", "0.02", "0.08"), ("Uncoupled", "MIS"))],
}

# Other choices: what to replace in which files of src/conduct.
GRAPH, SETUP, CYCLE = "conduct_graph.h", "conduct_graph_setup.c", "conduct_graph.c"
TWICE = "  EXSET_TRY(cycle(mg, k, true));\n  return cycle(mg, k, false);"


def half(value):
    return [(GRAPH, "CONDUCT_HALF 0.45", f"CONDUCT_HALF {value}")]


def strong(value):
    return [(GRAPH, "CONDUCT_STRONG 0.1", f"CONDUCT_STRONG {value}")]


CHOICES = {
    "as it is": [],
    "one cycle on each level": [(CYCLE, TWICE, "  return cycle(mg, k, true);")],
    "two from the second level of graphs on": [(CYCLE, TWICE, TWICE.replace("return", "return k < 1 ? EXSET_OK :"))],
    "two on the first three": [(CYCLE, TWICE, TWICE.replace("return", "return k > 2 ? EXSET_OK :"))],
    "two sweeps on the first level of graphs": [(SETUP, ".first_sweeps = 1", ".first_sweeps = 2")],
    "one sweep below": [(SETUP, ".sweeps = 2", ".sweeps = 1")],
    "three": [(SETUP, ".sweeps = 2", ".sweeps = 3")],
    "coarse conductances: sums": half("0."),
    "halved sums in a uniform medium (series rule)": half("0.5"),
    "between": half("0.35"),
    "connected pieces whatever the contrast": strong("0."),
    "joined above a part of 0.25": strong("0.25"),
}


# ---- runs ------------------------------------------------------------------------------------------

def measure(command):
    """A rank of the program: run it, leave its peak memory and its processor time in a file."""
    _, status, usage = os.wait4(os.spawnvp(os.P_NOWAIT, command[0], command), 0)
    with open(f"{os.getpid()}.rank", "w") as file:
        print(usage.ru_maxrss * 1024, usage.ru_utime + usage.ru_stime, file=file)
    sys.exit(os.waitstatus_to_exitcode(status) != 0)


class Bench:
    """A folder with the model and the twins that are asked for."""

    def __init__(self, folder):
        self.folder, self.twins = folder, set()
        sections = [os.path.join(DATA, "electrode", f"sections_{plane}.tif") for plane in ("xy", "yz")]
        self.model = os.path.join(folder, "model.yaml")
        if all(map(os.path.exists, sections)):
            case = os.path.join(HERE, "..", "input", "electrode", "lp.yaml")
            self.command("calibrate", case, "-method", "coverage", "-sections_xy", os.path.abspath(sections[0]), "-sections_yz",
                         os.path.abspath(sections[1]), "-o", self.model)
            return
        with open(self.model, "w") as file:
            file.write(MODEL)

    def command(self, *words, ranks=2):
        command = [*MPIEXEC, "-n", str(ranks), sys.executable, os.path.join(HERE, "bench-conduct.py"), "--rank", EXSET, *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        memory = processor = 0
        for path in glob.glob(os.path.join(self.folder, "*.rank")):
            with open(path) as file:
                peak, seconds = file.read().split()
            os.remove(path)
            memory += int(peak)
            processor += float(seconds)
        return memory, processor

    def twin(self, size):
        name = "x".join(map(str, size)) + ".vtkhdf"
        if name not in self.twins:
            self.command("generate", self.model, "-size", ",".join(map(str, size)), "-voxel_size", "1", "-seed", "1", "-verbosity",
                         "0", "-o", name)
            self.twins.add(name)
        return name

    def conduct(self, size, sigma, *words, ranks=2, rtol="1e-6"):
        """One run: figures by name."""
        memory, processor = self.command("conduct", self.twin(size), "-conduct_sigma", sigma, "-conduct_axis", "z", "-conduct_ksp_rtol", rtol,
                              "-verbosity", "0", "-o", "run.json", *words, ranks=ranks)
        with open(os.path.join(self.folder, "run.json")) as file:
            data = json.load(file)
        run = data["runs"][0]
        sigma_eff = run["sigma_eff"]
        mismatch = max(abs(run[name] - sigma_eff) for name in ("flux_in", "flux_out")) / (sigma_eff or 1)
        return {"seconds": data["seconds"]["total"], "setup": run["seconds"]["setup"], "solve": run["seconds"]["solve"],
                "iterations": run["iterations"], "sigma_eff": sigma_eff, "mismatch": mismatch, "memory": memory / math.prod(size),
                "processor": processor}

    def best(self, runs, turns=TURNS):
        """The quickest of some turns: runs maps names to the arguments of conduct."""
        found = {}
        for _ in range(turns):
            for name, (words, named) in runs.items():
                result = self.conduct(*words, **named)
                if name not in found or result["seconds"] < found[name]["seconds"]:
                    found[name] = result
        return found


def cube(n):
    return (n, n, n)


def row(*cells):
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def head(*cells):
    print()
    row(*cells)
    print("|" + "---|" * len(cells))


# ---- what is measured ------------------------------------------------------------------------------

def peers(bench, n):
    """The default and algebraic multigrids; the default more often, as it is quick."""
    head("phase", f"{n}^3 voxels", "s", "of it set-up", "iterations", "bytes per voxel", "error of sigma_eff", "mismatch")
    for phase, sigma in PHASES.items():
        exact = bench.conduct(cube(n), sigma, rtol="1e-11")["sigma_eff"]
        ours = bench.best({"default": ((cube(n), sigma), {})})
        others = bench.best({name: ((cube(n), sigma, *words), {}) for name, words in PEERS.items() if words}, 1)
        results = ours | others | bench.best({"default ": ((cube(n), sigma), {})}, 1)
        results["default"] = min(results["default"], results.pop("default "), key=lambda r: r["seconds"])
        for name, r in results.items():
            row(phase, name, f"{r['seconds']:.2f}", f"{r['setup']:.2f}", r["iterations"], f"{r['memory']:.0f}",
                f"{abs(r['sigma_eff'] / exact - 1):.0e}", f"{r['mismatch']:.0e}")
        for name in others:
            short = name.split()[-1].lower()
            print(f"ratio conduct-{phase.replace(' ', '-')}-to-{short}-{n} "
                  f"{results['default']['seconds'] / results[name]['seconds']:.3f} 0.25")


def growth(bench, edges):
    head("phase", *(f"{n}^3: iterations, s, bytes per voxel" for n in edges), "growth")
    for phase, sigma in PHASES.items():
        results = [bench.best({"": ((cube(n), sigma), {})}, TURNS if n < 512 else 2)[""] for n in edges]
        factor = results[-1]["iterations"] / results[0]["iterations"]
        row(phase, *(f"{r['iterations']}, {r['seconds']:.2f}, {r['memory']:.0f}" for r in results), f"{factor:.2f}")
        print(f"ratio conduct-growth-{phase.replace(' ', '-')}-{edges[0]}-{edges[-1]} {factor:.2f} 1.5")
        if edges[-1] >= 256: # below, the libraries count
            print(f"ratio conduct-bytes-{phase.replace(' ', '-')}-{edges[-1]} {results[-1]['memory']:.1f} 60")


def contrast(bench, edges):
    """Conductivities in all orders; the phases in the order of their names."""
    sets = [*itertools.permutations(("1000", "10", "1")), *itertools.permutations(("1e6", "1e3", "1")),
            *itertools.permutations(("10", "1", "0")), *itertools.permutations(("1000", "1", "0"))]
    head("sigma of " + ", ".join(PHASES), *(f"{n}^3: iterations, s" for n in edges))
    for sigma in map(",".join, sets):
        results = [bench.best({"": ((cube(n), sigma), {})}, 1)[""] for n in edges]
        row(sigma, *(f"{r['iterations']}, {r['seconds']:.2f}" for r in results))


def scaling(bench, n):
    """Set-up and iteration, in turns; the labelling is in the whole command."""
    head("phase", f"1 rank, {n}^3: s", f"2 ranks, {n}^3: s", f"2 ranks, {2 * n} x {n} x {n}: s", "iterations")
    for phase, sigma in PHASES.items():
        long = (2 * n, n, n)
        r = bench.best({"one": ((cube(n), sigma), {"ranks": 1}), "two": ((cube(n), sigma), {}), "long": ((long, sigma), {})})
        row(phase, *(f"{x['seconds']:.2f} ({x['setup']:.2f} + {x['solve']:.2f})" for x in r.values()),
            " ".join(str(x["iterations"]) for x in r.values()))
        name = phase.replace(" ", "-")
        print(f"ratio conduct-strong-{name} {2 * r['two']['seconds'] / r['one']['seconds']:.2f} 1.33")
        each = {k: x["setup"] + x["solve"] * r["one"]["iterations"] / max(x["iterations"], 1) for k, x in r.items()}
        print(f"ratio conduct-weak-{name} {each['long'] / each['one']:.2f} 1.33")


def search(bench, n):
    """By processor time on one rank, which other work on the machine changes least."""
    for name, settings in SEARCH.items():
        found = []
        for setting in settings:
            r = [bench.conduct(cube(n), sigma, *options(name, setting), ranks=1) for sigma in PHASES.values()]
            found.append((sum(x["processor"] for x in r), setting, r))
            print(".", end="", file=sys.stderr, flush=True)
        head(f"{name}, {n}^3", "processor s of three phases", *(f"{phase}: s, iterations, bytes per voxel" for phase in PHASES))
        for total, setting, r in sorted(found, key=lambda f: f[0]):
            row(" ".join(f"{k} {v}" for k, v in setting.items()) or "as PETSc has it", f"{total:.2f}",
                *(f"{x['processor']:.2f}, {x['iterations']}, {x['memory']:.0f}" for x in r))


def choices(bench, n):
    """The program built again with each choice."""
    global EXSET
    sets = [*PHASES.values(), "1000,10,1", "1,10,1000"]
    found, product = {}, EXSET
    with tempfile.TemporaryDirectory() as folder:
        for name in ("Makefile", "src", "include"):
            copy = shutil.copytree if os.path.isdir(os.path.join(HERE, "..", name)) else shutil.copy2
            copy(os.path.join(HERE, "..", name), os.path.join(folder, name))
        for choice, edits in CHOICES.items():
            for file, old, new in edits:
                replace(os.path.join(folder, "src", "conduct", file), old, new)
            subprocess.run(["make", "-s", "-j2", "all"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
            EXSET = os.path.join(folder, "bin", "exset")
            found[choice] = [cell(bench, n, sigma) for sigma in sets]
            for file, _, _ in edits:
                shutil.copyfile(os.path.join(HERE, "..", "src", "conduct", file), os.path.join(folder, "src", "conduct", file))
    EXSET = product
    head(f"{n}^3: iterations, s of set-up and iteration", *PHASES, *sets[3:])
    for choice, results in found.items():
        row(choice, *results)


def cell(bench, n, sigma):
    try:
        r = bench.best({"": ((cube(n), sigma), {})})[""]
    except RuntimeError:
        return "not positive definite"
    return f"{r['iterations']}, {r['setup']:.2f} + {r['solve']:.2f}"


def replace(path, old, new):
    with open(path) as file:
        text = file.read()
    if text.count(old) != 1:
        sys.exit(f"{path}: \"{old}\" occurs {text.count(old)} times")
    with open(path, "w") as file:
        file.write(text.replace(old, new))


def roofline(bench, n):
    """Iterations against the bandwidth, by the other benchmark."""
    program = os.path.join(os.path.abspath(os.environ.get("BUILD", "build")), "tests", "bench-conduct")
    subprocess.run([*MPIEXEC, "-n", "2", program, bench.twin(cube(n))], cwd=bench.folder, check=True)


def main():
    words = sys.argv[1:]
    if words[:1] == ["--rank"]:
        measure(words[1:])
    actions = {"peers": peers, "growth": growth, "contrast": contrast, "scaling": scaling, "search": search, "choices": choices,
               "roofline": roofline}
    several = (growth, contrast)
    plan = []
    for word in words or "growth 128 256 scaling 128 contrast 128 peers 128".split():
        if word in actions:
            plan.append((actions[word], []))
        elif word.isdigit() and plan:
            plan[-1][1].append(int(word))
        else:
            sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        for action, edges in plan:
            if action in several:
                action(bench, edges or [128, 256])
            else:
                for n in edges or [128]:
                    action(bench, n)


main()
