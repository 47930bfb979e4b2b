/* HDF5 file driver of the layout, for one rank and H5Fcreate: see volume_hdf5.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "volume_hdf5.h"
#if H5_VERSION_GE(1, 13, 2)
#include <H5FDdevelop.h>
#endif

typedef struct {
  H5FD_t base; /* first: HDF5's own part */
  exset_h5_layout_t *layout;
  int fd;
  haddr_t end; /* of the space that HDF5 has given out */
} driver_file_t;

typedef struct {
  exset_h5_layout_t *layout;
} driver_info_t;

static H5FD_t *driver_open(const char *path, unsigned flags, hid_t access, haddr_t most) {
  (void)most;
  const driver_info_t *info = H5Pget_driver_info(access);
  driver_file_t *file = info ? calloc(1, sizeof *file) : NULL;
  if (!file) return NULL;
  const int mode = (flags & H5F_ACC_CREAT ? O_CREAT : 0) | (flags & H5F_ACC_TRUNC ? O_TRUNC : 0);
  file->layout = info->layout;
  file->fd = open(path, O_RDWR | O_CLOEXEC | mode, 0666);
  if (file->fd >= 0) return &file->base;
  info->layout->why = errno;
  free(file);
  return NULL;
}

static void remember(driver_file_t *file, bool failed) {
  if (failed && !file->layout->why) file->layout->why = errno ? errno : EIO;
}

static herr_t driver_close(H5FD_t *base) {
  driver_file_t *file = (driver_file_t *)base;
  remember(file, close(file->fd) != 0);
  free(file);
  return 0;
}

static herr_t driver_query(const H5FD_t *base, unsigned long *flags) {
  (void)base;
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  return ((const driver_file_t *)base)->end;
}

static herr_t driver_set_eoa(H5FD_t *base, H5FD_mem_t type, haddr_t end) {
  (void)type;
  ((driver_file_t *)base)->end = end;
  return 0;
}

static haddr_t driver_get_eof(const H5FD_t *base, H5FD_mem_t type) {
  (void)type;
  const off_t size = lseek(((const driver_file_t *)base)->fd, 0, SEEK_END);
  return size < 0 ? HADDR_UNDEF : (haddr_t)size;
}

/* What was never written is zero. */
static herr_t driver_read(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t bytes,
                          void *data) {
  (void)type, (void)transfer;
  const driver_file_t *file = (const driver_file_t *)base;
  memset(data, 0, bytes);
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = pread(file->fd, (char *)data + done, bytes - done, (off_t)(at + done));
    if (n < 0) return -1;
    if (n == 0) break;
    done += (size_t)n;
  }
  return 0;
}

static herr_t driver_write(H5FD_t *base, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t bytes,
                           const void *data) {
  (void)transfer, (void)type;
  driver_file_t *file = (driver_file_t *)base;
  if (data == file->layout->nothing) {
    file->layout->place = at;
    return 0;
  }
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = pwrite(file->fd, (const char *)data + done, bytes - done, (off_t)(at + done));
    remember(file, n <= 0);
    if (n <= 0) break;
    done += (size_t)n;
  }
  return 0;
}

/* The file gets the size of the space that has been given out. */
static herr_t driver_truncate(H5FD_t *base, hid_t transfer, hbool_t closing) {
  (void)transfer, (void)closing;
  driver_file_t *file = (driver_file_t *)base;
  remember(file, ftruncate(file->fd, (off_t)file->end) != 0);
  return 0;
}

static const H5FD_class_t driver = {
#if H5_VERSION_GE(1, 13, 2)
    .version = H5FD_CLASS_VERSION,
    .value = 700, /* of those free for anyone's use */
#endif
    .name = "exset_layout",
    .maxaddr = (haddr_t)INT64_MAX,
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(driver_info_t),
    .open = driver_open,
    .close = driver_close,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t exset_h5_layout_driver(hid_t access, exset_h5_layout_t *layout) {
  const driver_info_t info = {layout};
  const hid_t id = H5FDregister(&driver);
  if (id >= 0 && H5Pset_driver(access, id, &info) >= 0) return id;
  if (id >= 0) H5FDunregister(id);
  return -1;
}
