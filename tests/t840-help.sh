#!/usr/bin/env bash
# test: time=60
# --help for the program and each command, the parameter page; -dry_run checks and writes nothing.
. tests/lib.sh
code=
dir=$TEST_TMP
says() { grep -qE -e "$1" "$dir/out"; }
silent() { [ ! -s "$dir/err" ]; }

exset 1 --help
check "exit code of --help" [ $code = 0 ]
check "--help is silent on stderr" silent
commands=$(sed -n '/^commands/,/^ *$/p' "$dir/out" | awk 'NR > 1 && NF {print $1}')
for name in info coverage calibrate generate conduct morph validate section; do
  check "--help lists $name" grep -qxF "$name" <(echo "$commands")
done
for command in $commands; do
  exset 1 "$command" --help
  check "exit code of $command --help" [ $code = 0 ]
  check "$command --help shows its usage" says "exset $command"
  check "$command --help explains -o" says '^ *-o\b'
  check "$command --help is silent on stderr" silent
done
exset 3 generate --help
check "one help text from three ranks" [ "$(grep -c -- '-realisations' "$dir/out")" = 1 ]

exset 1 info -parameters
check "doc/parameters.md is that of the program (make docs)" diff -q "$dir/out" doc/parameters.md

cat >"$dir/model.yaml" <<'YAML'
field1: {fraction: 0.3, length_xy: 0.5}
YAML
cat >"$dir/three.yaml" <<'YAML'
field1: {fraction: 0.3, length_xy: 0.5}
field2: {fraction: 0.4, length_xy: 0.5}
YAML
mkdir "$dir/empty"
(cd input/demo && tar cf - case.yaml section_*.png) | tar xf - -C "$dir"
"$PYTHON" -c 'import sys, numpy as np; np.ones((4, 5, 6), np.uint8).tofile(sys.argv[1])' "$dir/volume.raw"
dry() { # ranks, arguments: must say something, leave nothing, end with 0
  exset "$@" -dry_run
  check "exit code $code of exset $* -dry_run" [ $code = 0 ] || head -n 3 "$dir/err"
  check "exset $* -dry_run prints a plan" [ -s "$dir/out" ]
  check "exset $* -dry_run writes nothing" [ -z "$(ls -A "$dir/empty")" ]
}
for ranks in 1 3; do
  dry $ranks coverage "$dir/section_xy_1.png" -o "$dir/empty/c.json"
  dry $ranks calibrate "$dir/case.yaml" -o "$dir/empty/m.yaml"
  dry $ranks generate "$dir/model.yaml" -size 40 -voxel_size 0.1 -o "$dir/empty/t.vtkhdf"
  dry $ranks validate "$dir/case.yaml" -model "$dir/three.yaml" -o "$dir/empty/v.json"
  dry $ranks section "$dir/volume.raw" -raw_size 4,5,6 -image_labels 1 -section_plane z=1 -o "$dir/empty/s.png"
  dry $ranks conduct "$dir/volume.raw" -raw_size 4,5,6 -conduct_sigma 1 -o "$dir/empty/c.json"
  dry $ranks morph "$dir/volume.raw" -raw_size 4,5,6 -o "$dir/empty/m.json"
done
exset 1 generate "$dir/model.yaml" -size 8 -voxel_size 0.1 -verbosity 0 -o "$dir/empty/1,2.vtkhdf"
check "a comma in the name of an output" [ -e "$dir/empty/1,2.vtkhdf" ]
check "results beside it" [ -e "$dir/empty/1,2.json" ]
lib_end
