/* Output files: temporary name first, final name when complete. */
#include "exset/core.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

static int temp_name(exset_ctx_t *ctx, const char *path, char *temp, size_t size) {
  const int length = snprintf(temp, size, "%s.part", path);
  if (path[0] && length > 0 && (size_t)length < size) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_INPUT, "output path is %s: \"%.60s\"",
                    path[0] ? "too long" : "empty", path);
}

static int try_create(exset_ctx_t *ctx, const char *path, const char *temp) {
  struct stat info;
  if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) /* renaming would replace a device */
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot write %s: it is %s", path,
                      S_ISDIR(info.st_mode) ? "a folder" : "a device or pipe, not a file");
  const int fd = open(temp, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
  if (fd < 0) {
    const int why = errno;
    return exset_fail(ctx, EXSET_ERR_INPUT,
                      "cannot write %s: %s; the folder must exist and be writable", path,
                      strerror(why));
  }
  return close(fd) == 0
             ? EXSET_OK
             : exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s: %s", temp, strerror(errno));
}

int exset_outfile_open(exset_ctx_t *ctx, const char *path, char *temp, size_t size) {
  int err = temp_name(ctx, path, temp, size);
  if (!err && ctx->rank == 0) err = try_create(ctx, path, temp);
  return exset_agree(ctx, err);
}

int exset_outfile_check(exset_ctx_t *ctx, const char *path) {
  char temp[PATH_SIZE];
  int err = temp_name(ctx, path, temp, sizeof temp);
  if (!err && ctx->rank == 0) {
    const bool was_there = access(temp, F_OK) == 0;
    err = try_create(ctx, path, temp);
    if (!err && !was_there) unlink(temp);
  }
  return exset_agree(ctx, err);
}

static int flush_and_rename(exset_ctx_t *ctx, const char *path, const char *temp) {
  const int fd = open(temp, O_RDONLY | O_CLOEXEC);
  int failed = fd < 0 || fsync(fd) != 0;
  if (fd >= 0) failed |= close(fd) != 0;
  if (!failed && rename(temp, path) == 0) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot finish %s: %s", path, strerror(errno));
}

int exset_outfile_commit(exset_ctx_t *ctx, const char *path) {
  char temp[PATH_SIZE];
  int err = temp_name(ctx, path, temp, sizeof temp);
  EXSET_TRY(exset_agree(ctx, EXSET_OK)); /* all ranks have closed the file */
  if (!err && ctx->rank == 0) err = flush_and_rename(ctx, path, temp);
  return exset_agree(ctx, err);
}

void exset_outfile_discard(exset_ctx_t *ctx, const char *path) {
  char temp[PATH_SIZE];
  const int length = snprintf(temp, sizeof temp, "%s.part", path);
  if (ctx->rank == 0 && length > 0 && (size_t)length < sizeof temp) unlink(temp);
}

static int write_text(exset_ctx_t *ctx, const char *temp, const char *text) {
  FILE *file = fopen(temp, "w");
  bool ok = file && fputs(text, file) >= 0;
  int why = errno;
  if (file && fclose(file) != 0 && ok) { /* a full disk shows here */
    ok = false;
    why = errno;
  }
  if (ok) return EXSET_OK;
  return exset_fail(ctx, EXSET_ERR_RUN, "cannot write %s: %s", temp, strerror(why));
}

int exset_outfile_text(exset_ctx_t *ctx, const char *path, const char *text) {
  char temp[PATH_SIZE];
  EXSET_TRY(exset_outfile_open(ctx, path, temp, sizeof temp));
  int err = exset_agree(ctx, ctx->rank == 0 ? write_text(ctx, temp, text) : EXSET_OK);
  if (!err) err = exset_outfile_commit(ctx, path);
  if (err) exset_outfile_discard(ctx, path);
  return err;
}
