#!/usr/bin/env python3
# test: time=180
"""exset regress: mistakes are one line and exit code 2, at any number of ranks, and nothing is written."""
import os

import h5py
import numpy as np

from lib import TMP, bad, check, end, good, read_json, run
from regress_table import write_table


def put(name, text):
    with open(os.path.join(TMP, name), "w", encoding="utf-8") as file:
        file.write(text)


write_table("sweep.csv", samples=12)
before = set(os.listdir(TMP))
bad("regress", 3, "No such file", "none.csv")
bad("regress", 3, "has no column phase1_m_facto_x; the nearest is phase1_m_factor_x", "sweep.csv", "-regress_target",
    "phase1_m_facto_x")
bad("regress", 1, "has no column mfactor; the nearest is m_factor", "sweep.csv", "-regress_target", "mfactor")
bad("regress", 1, "has no column volume_fracton; the nearest is volume_fraction", "sweep.csv", "-regress_predictors", "volume_fracton")
bad("regress", 1, "one table is needed")
bad("regress", 1, "names power twice", "sweep.csv", "-regress_form", "power,power")
bad("regress", 1, "needs -regress_predictors", "sweep.csv", "-regress_form", "predictors")
bad("regress", 1, "names volume_fraction twice", "sweep.csv", "-regress_predictors", "volume_fraction,volume_fraction")
bad("regress", 1, "names z twice", "sweep.csv", "-regress_axis", "z,z")
bad("regress", 1, "has no column phase3_m_factor_x; the nearest is phase", "sweep.csv", "-regress_phase", "1,3")
bad("regress", 1, "has no column field1_length_x; the nearest is field1_length_xy", "sweep.csv", "-regress_predictors",
    "field1_length_x")
bad("regress", 1, "would replace the input", "sweep.csv", "-o", "sweep.json")
bad("regress", 1, "the folder must exist", "sweep.csv", "-o", "none/fit.json")

# damaged tables
put("short.csv", "sample,phase1_volume_fraction,phase1_m_factor_x\n1,0.5,0.2\n2,0.4\n")
bad("regress", 1, "short.csv, line 3: it has 2 fields, the head has 3", "short.csv")
put("words.csv", "sample,phase1_volume_fraction,phase1_m_factor_x\n1,0.5,0.2\n2,0.4,many\n")
bad("regress", 1, 'words.csv, line 3, column phase1_m_factor_x: "many" is not a number', "words.csv")

for text, words in ((b"no HDF5", "cannot read"), (None, "cannot read"), ((3, 2), "has another number of rows"), ((), "no columns")):
    path = os.path.join(TMP, "table.h5")
    if text is None or isinstance(text, tuple):
        with h5py.File(path, "w") as file:
            file["other" if text is None else "table/message"] = np.bytes_("")
            for i, n in enumerate(text or ()):
                file[f"table/x{i}"] = np.zeros(n)
    else:
        with open(path, "wb") as file:
            file.write(text)
    bad("regress", 1, words, "table.h5")

# what leaves nothing to fit
put("plain.csv", "sample,phase1_m_factor_x\n1,0.2\n2,0.3\n3,0.4\n")
bad("regress", 1, "has no column volume_fraction", "plain.csv")
put("few.csv", "sample,phase1_volume_fraction,phase1_m_factor_x\n1,0.5,0.2\n2,0.4,0.1\n")
bad("regress", 3, "nothing can be fitted to few.csv: form archie, 2 usable rows of 2 samples: too few rows: "
    "2 parameters need more than 2", "few.csv", "-regress_form", "archie")
put("zero.csv", "sample,status,phase1_volume_fraction,phase1_m_factor_x\n1,done,0.5,0\n2,failed,0.4,0.1\n")
bad("regress", 1, "no row of zero.csv can be used: all 2 samples are left out", "zero.csv")
put("failed.csv", 'sample,status,message\n1,failed,"no, it did not"\n2,failed,\n')
bad("regress", 1, "none of 2 samples is done; its column message tells why", "failed.csv")
check(f"something was written: {set(os.listdir(TMP)) - before}",
      {n for n in set(os.listdir(TMP)) - before if not n.endswith((".csv", ".h5"))} == set())
check("a CSV of results was written", "regress.csv" not in os.listdir(TMP))

# a dry run tells the rows and writes nothing; results of another command stay
r = good("regress", 1, "sweep.csv", "-dry_run")
check(r.stdout, "66 rows of 11 of 12 samples" in r.stdout and "power" not in r.stdout)
check("a dry run wrote", "regress.json" not in os.listdir(TMP))
put("other.json", '{"command": "sweep"}')
bad("regress", 1, "holds results of exset sweep", "sweep.csv", "-o", "other.json")

# only some columns: the forms that need others are passed over
put("eps.csv", "sample,phase1_volume_fraction,phase1_m_factor_x\n" +
    "".join(f"{i},{0.2 + 0.05 * i},{(0.2 + 0.05 * i) ** 1.5}\n" for i in range(9)))
r = good("regress", 1, "eps.csv", "-o", "fit.json")
fits = read_json("fit.json")["groups"][0]["fits"]
check(f"fits {[f['form'] for f in fits]}", [f["form"] for f in fits] == ["eps", "eps", "bruggeman"])
check(f"a = {fits[0]['parameters']}", abs(fits[0]["parameters"]["a"] - 1.5) < 1e-12 and abs(fits[2]["r2"] - 1) < 1e-12)
check("nothing says what is passed over", "no columns for form power" in run("regress", 1, "eps.csv", "-o", "fit.json").stderr)
end()
