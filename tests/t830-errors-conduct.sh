#!/usr/bin/env bash
# test: time=120
# Mistakes in volumes and conductivities given to conduct: one line, exit code 2, at 1 and 3 ranks.
. tests/lib.sh
code=
dir=$TEST_TMP
"$PYTHON" - "$dir" <<'PY' || exit 1
import sys
import h5py
import numpy as np
from PIL import Image
folder = sys.argv[1] + "/"
rng = np.random.default_rng(5)
phase = rng.integers(1, 4, (6, 7, 8)).astype(np.uint8)
Image.fromarray(phase[0]).save(folder + "stack.tif", save_all=True, append_images=[Image.fromarray(p) for p in phase[1:]])
phase.tofile(folder + "volume.raw")
phase[:1].tofile(folder + "plane.raw")
with h5py.File(folder + "float.h5", "w") as f:
    f["phase"] = rng.random((6, 7, 8))
with h5py.File(folder + "flat.h5", "w") as f:
    f["phase"] = phase[0]
with h5py.File(folder + "other.vtkhdf", "w") as f:
    f["data"] = phase
PY
head -c 900 "$dir/float.h5" >"$dir/cut.h5"
head -c 500 "$dir/stack.tif" >"$dir/cut.tif"
echo "not a volume" >"$dir/text.vtkhdf"
con() { # ranks, words, file and further arguments
  local ranks=$1 words=$2
  shift 2
  fails "$ranks" 2 "$words" conduct -o "$dir/conduct.json" "$@"
}
sigma=(-conduct_sigma "0,1,0" -conduct_axis x)

# volumes
con "1 3" "missing.vtkhdf.*No such file" "$dir/missing.vtkhdf" "${sigma[@]}"
con 1 "one volume is needed" "${sigma[@]}"
con 3 "text.vtkhdf" "$dir/text.vtkhdf" "${sigma[@]}"
con 1 "cut.h5" "$dir/cut.h5" "${sigma[@]}" -volume_dataset phase
con 3 "cut.tif" "$dir/cut.tif" "${sigma[@]}"
con 1 "other.vtkhdf" "$dir/other.vtkhdf" "${sigma[@]}"
con 3 "float.h5" "$dir/float.h5" "${sigma[@]}" -volume_dataset phase
con 1 "flat.h5" "$dir/flat.h5" "${sigma[@]}" -volume_dataset phase
con 1 "nothing" "$dir/flat.h5" "${sigma[@]}" -volume_dataset nothing
con 3 "volume.raw.*(raw_size|336)" "$dir/volume.raw" "${sigma[@]}" -raw_size 6,7,9
con 1 "raw_size" "$dir/volume.raw" "${sigma[@]}"
con 1 "raw_size.*0" "$dir/volume.raw" "${sigma[@]}" -raw_size 0,7,8
con 3 "stack.tif.*3" "$dir/stack.tif" -conduct_sigma 0,1 -image_labels 1,2
con 1 " 9 .*stack.tif" "$dir/stack.tif" -conduct_sigma 0,1,0,0 -image_labels 1,2,3,9

# conductivities, phases
con "1 3" "has 2 values; the volume has 3 phases" "$dir/stack.tif" -conduct_sigma 0,1
con 1 "conduct_sigma is needed" "$dir/stack.tif" -conduct_axis x
for value in -1,0,0 0,nan,0 0,inf,0 0,,0 0,1,0/0,1x,0; do
  con 1 "conduct_sigma has \"[a-z1-]*\".*finite number in \[0,inf\)" "$dir/stack.tif" -conduct_sigma $value
done
con 3 "conduct_sigma has \"-1\".*finite number in \[0,inf\)" "$dir/stack.tif" -conduct_sigma 0,-1,0
con 3 "conductivities are 0" "$dir/stack.tif" -conduct_sigma 0,0,0
con 1 "0,0,0: all conductivities are 0" "$dir/stack.tif" -conduct_sigma 0,1,0/0,0,0
con 1 "1e-40 and 1 .*factor 10\^15" "$dir/stack.tif" -conduct_sigma 0,1,1e-40
con 1 "set 2 has 2 values, the first has 3" "$dir/stack.tif" -conduct_sigma 0,1,0/1,0
con 1 "2 values in each set; the volume has 3 phases" "$dir/stack.tif" -conduct_sigma 0,1/1,0/1,1
con 1 "both -conduct_sigma and -conduct_phases" "$dir/stack.tif" "${sigma[@]}" -conduct_phases all
con 3 "phase 4; the volume has the phases 1 to 3" "$dir/stack.tif" -conduct_phases 4
con 1 "all stands alone" "$dir/stack.tif" -conduct_phases 1,all

# axes, accuracy, boundary
con 3 "conduct_axis.*w" "$dir/stack.tif" -conduct_sigma 0,1,0 -conduct_axis w
con 1 "names z twice" "$dir/stack.tif" -conduct_sigma 0,1,0 -conduct_axis z,z
con 1 "conduct_rtol.*1.*\(0,1\)" "$dir/stack.tif" "${sigma[@]}" -conduct_rtol 1
con 3 "conduct_boundary.*open" "$dir/stack.tif" "${sigma[@]}" -conduct_boundary open

# one plane: no current through it, and in the plane the conductivity of a section
plane=("$dir/plane.raw" -raw_size "1,7,8" -conduct_phases all)
con "1 3" "plane.raw is one voxel thick along z" "${plane[@]}"
exset 1 conduct "${plane[@]}" -conduct_axis x -o "$dir/plane.json"
check "in the plane: exit code $code" [ $code = 0 ]
check "a warning" grep -q "^warning: .*thick along z" "$dir/err"

# PETSc's options
pet() { con "$1" "$2" "$dir/stack.tif" -conduct_sigma 1,2,3 -conduct_axis x -verbosity 0 "${@:3}"; }
pet 1 "PETSc: .*nosuch" -conduct_ksp_type nosuch
pet 3 "PETSc: .*abc" -conduct_ksp_rtol abc
pet 3 "PETSc: .*nosuch.*boomeramg" -conduct_pc_type hypre -conduct_pc_hypre_type nosuch
pet 3 "PETSc: .*Shell PC" -conduct_pc_type shell
fails 3 2 "nowhere" conduct "$dir/stack.tif" "${sigma[@]}" -o "$dir/nowhere/c.json"
check "no result of a failed run" [ ! -e "$dir/conduct.json" ]
lib_end
