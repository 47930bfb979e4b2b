#!/usr/bin/env bash
# test: time=120
# SIGKILL while generate works: under the final name there is nothing or, once it has finished, a whole file.
. tests/lib.sh
dir=$TEST_TMP
cat >"$dir/model.yaml" <<'YAML'
field1: {fraction: 0.3, length_xy: 0.5}
field2: {fraction: 0.6, length_xy: 0.7}
YAML
SIZE=192
whole() {
  "$PYTHON" -c 'import sys, h5py
phase = h5py.File(sys.argv[1])["VTKHDF/CellData/phase"][()]
sys.exit(bool(phase.shape != (int(sys.argv[2]),) * 3 or phase.min() != 1 or phase.max() != 3))' "$1" $SIZE
}
interrupted=0 written=0
kill_when() { # condition (a command), tried every 5 ms until the program ends
  rm -f "$dir"/twin*
  "$EXSET" generate "$dir/model.yaml" -size $SIZE -voxel_size 0.1 -o "$dir/twin.vtkhdf" >/dev/null 2>&1 </dev/null &
  local pid=$!
  while kill -0 $pid 2>/dev/null && ! "$@"; do sleep 0.005; done
  kill -9 $pid 2>/dev/null
  wait $pid 2>/dev/null
  [ $? = 137 ] && interrupted=$((interrupted + 1))
  if [ -e "$dir/twin.vtkhdf" ]; then
    written=$((written + 1))
    check "a file under the final name is whole ($*)" whole "$dir/twin.vtkhdf"
  else
    check "no file under the final name, none needed ($*)" true
  fi
}
part_exists() { [ -e "$dir/twin.vtkhdf.part" ]; }
part_grown() { [ "$(stat -c %s "$dir/twin.vtkhdf.part" 2>/dev/null || echo 0)" -gt $((SIZE * SIZE * SIZE / 2)) ]; }
part_gone() { [ -e "$dir/twin.vtkhdf" ]; }
never() { false; }
passed_ms() { [ $(($(date +%s%3N) - t0)) -gt "$1" ]; }

t0=$(date +%s%3N)
kill_when passed_ms 300
kill_when part_exists
kill_when part_exists
kill_when part_grown
kill_when part_grown
kill_when part_gone
check "$interrupted of 6 runs were interrupted; at least 3 wanted" [ $interrupted -ge 3 ]
kill_when never
check "an undisturbed run leaves a file" [ -e "$dir/twin.vtkhdf" ]
check "an undisturbed run leaves no temporary file" no_part_files
lib_end
