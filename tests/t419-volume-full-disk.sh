#!/usr/bin/env bash
# test: time=120
# shellcheck disable=SC2154 # code comes from lib.sh
# A disk that is really full (a small tmpfs): one line, exit code 1, nothing left of the file, an earlier one kept, no rank waits for
# ever; wherever the room ends, for every format, compressed and not.
. tests/lib.sh
if [ -z "${EXSET_FULL_DISK:-}" ]; then
  if ! unshare -m mount -t tmpfs -o size=64k none "$TEST_TMP" 2>"$TEST_TMP/reason"; then
    echo "skipped: cannot mount a small disk: $(head -n 1 "$TEST_TMP/reason")"
    exit 0
  fi
  EXSET_FULL_DISK=yes exec unshare -m "$0"
fi
disk=$TEST_TMP/disk
mkdir "$disk"
mount -t tmpfs -o size=3m none "$disk" || exit 1
cat >"$TEST_TMP/model.yaml" <<'YAML'
field1: {fraction: 0.3, length_xy: 0.3}
YAML
# phases without order, which do not compress: 2 bits each
"$PYTHON" -c 'import numpy as np, sys; np.random.default_rng(1).integers(1, 5, 100**3, np.uint8).tofile(sys.argv[1])' \
  "$TEST_TMP/noise.raw"
source=("$TEST_TMP/noise.raw" -raw_size "100,100,100" -image_labels "1,2,3,4")

# leave KIB: so much room, in pages of 4 KiB
leave() {
  rm -f "$disk/ballast"
  head -c $((3 * 1024 * 1024 - $1 * 1024)) /dev/zero >"$disk/ballast" 2>/dev/null
}
only() { # FILES...: nothing else is on the disk
  [ "$(cd "$disk" && echo *)" = "$*" ]
}
full() { # RANKS NAME ARGUMENTS...
  local ranks=$1 name=$2
  shift 2
  LIB_SECONDS=20 fails "$ranks" 1 "cannot (write|finish) .*$name.*(No space left|rite error|Error writing)" "$@" -o "$disk/$name" -verbosity 0
  check "nothing is left of $name" only "${kept[@]}"
}

kept=(ballast)
leave 300
for name in box.vtkhdf box.raw box.tif; do
  full 3 $name section "${source[@]}" -section_crop :,:,:
done
# compressed: 250 KB and the index; from no room at all to nearly enough
for room in 0 4 16 240; do
  leave $room
  full $((room % 3 + 1)) box.vtkhdf section "${source[@]}" -section_crop :,:,: -compression gzip
done
leave 200
full 3 twin.vtkhdf generate "$TEST_TMP/model.yaml" -size 100 -voxel_size 0.1 -output fields -compression gzip
# an earlier file is kept
leave 500
exset 2 section "${source[@]}" -section_crop :,:,: -compression gzip -o "$disk/box.vtkhdf" -verbosity 0
check "room for the compressed box (code $code)" [ "$code" = 0 ]
cp "$disk/box.vtkhdf" "$TEST_TMP/kept.vtkhdf"
kept=(ballast box.json box.vtkhdf)
full 2 box.vtkhdf section "${source[@]}" -section_crop :,:,: -compression gzip
check "the earlier file is kept" cmp "$disk/box.vtkhdf" "$TEST_TMP/kept.vtkhdf"
# pictures
rm "$disk"/box.*
kept=(ballast)
leave 0
full 2 p.png section "${source[@]}" -section_plane z=5
full 1 p.tif section "${source[@]}" -section_plane z=5

# A file system that cannot reserve room: the ranks meet the end of it while they write. MPI may add words of its own.
cat >"$TEST_TMP/no_room.c" <<'C'
#include <errno.h>
#include <sys/types.h>
int fallocate(int fd, int mode, off_t at, off_t bytes) { return (void)fd, (void)mode, (void)at, (void)bytes, errno = EOPNOTSUPP, -1; }
int fallocate64(int fd, int mode, off_t at, off_t bytes) { return fallocate(fd, mode, at, bytes); }
C
late() { # RANKS NAME ARGUMENTS...
  local ranks=$1 name=$2
  shift 2
  # sanitizers want to come first, unless told otherwise
  ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0 LIB_SECONDS=20 LD_PRELOAD=$TEST_TMP/no_room.so exset "$ranks" "$@" -o "$disk/$name" -verbosity 0
  check "exit code $code instead of 1 ($ranks ranks): late failure of $name" [ "$code" = 1 ]
  check "one line for $name: $(cat "$TEST_TMP/err")" [ "$(grep -c "^exset: cannot write .*$name" "$TEST_TMP/err")" = 1 ]
  check "nothing is left of $name" only "${kept[@]}"
}
if cc -shared -fPIC -o "$TEST_TMP/no_room.so" "$TEST_TMP/no_room.c" 2>/dev/null; then
  leave 100
  late 3 box.vtkhdf section "${source[@]}" -section_crop :,:,: -compression gzip
  late 3 box.vtkhdf section "${source[@]}" -section_crop :,:,:
  late 2 box.raw section "${source[@]}" -section_crop :,:,:
  leave 270 # enough for the first of two ranks
  late 2 box.vtkhdf section "${source[@]}" -section_crop :,:,: -compression gzip
fi
umount "$disk"
lib_end
