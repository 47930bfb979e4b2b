#!/usr/bin/env bash
# test: time=120
# Mistakes in commands, keys and case files: one line, exit code 2, at 1 and 3 ranks.
. tests/lib.sh
dir=$TEST_TMP

fails "1 3" 2 "no command given"
fails "1 3" 2 "unknown command \"genrate\".*nearest is generate" genrate
fails 1 2 "unknown command \"-size\"" -size
fails "1 3" 2 "unknown key -sizes;.*nearest.* -size" generate -sizes 3
fails 1 2 "unknown key -field1_lenght_xy;.*-field(1|#)_length_xy" generate -field1_lenght_xy 3
fails 1 2 "size.*nothing|size.*value|size.*needs" generate -size
fails "1 3" 2 "case file.*missing.yaml.*No such file" generate "$dir/missing.yaml"

printf 'seed: 3\nvoxl_size: 0.1\n' >"$dir/key.yaml"
fails "1 3" 2 "voxl_size.*voxel_size" generate "$dir/key.yaml"
printf 'field1: {type: gaussian\n  nonsense' >"$dir/damaged.yaml"
fails "1 3" 2 "damaged.yaml" generate "$dir/damaged.yaml"
head -c 300 /dev/urandom >"$dir/binary.yaml"
fails 1 2 "binary.yaml" generate "$dir/binary.yaml"
: >"$dir/empty.yaml"
fails 1 2 "." generate "$dir/empty.yaml"
fails 1 2 "." generate "$dir"

fails 1 2 "verbosity.*loud" info -verbosity loud
fails 1 2 "verbosity.*7.*\[0,2\]|verbosity.*7" info -verbosity 7
lib_end
