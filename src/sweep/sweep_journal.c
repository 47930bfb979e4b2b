/* Journals: a line for each finished unit, on disk before the next one begins. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sweep_impl.h"

struct exset_journal_s {
  exset_ctx_t *ctx;
  char *path;
  int fd;
};

/* ---- folder ------------------------------------------------------------------------------------- */

static int make_folder(exset_ctx_t *ctx, const char *folder) {
  struct stat info;
  if (mkdir(folder, 0777) == 0) return EXSET_OK;
  const int why = errno;
  if (why == EEXIST && stat(folder, &info) == 0 && S_ISDIR(info.st_mode)) {
    if (access(folder, W_OK | X_OK) == 0) return EXSET_OK;
    return exset_fail(ctx, EXSET_ERR_INPUT, "cannot write to the folder %s: %s", folder,
                      strerror(errno));
  }
  return exset_fail(ctx, EXSET_ERR_INPUT, "cannot make the folder %s: %s", folder, strerror(why));
}

int exset_journal_folder(exset_ctx_t *ctx, const char *folder) {
  return exset_agree(ctx, ctx->rank == 0 ? make_folder(ctx, folder) : EXSET_OK);
}

/* ---- lines -------------------------------------------------------------------------------------- */

/* As a rule one write, so that a line is whole, or cut short by the end of the process or the disk; then to disk. */
static int add_text(exset_journal_t *journal, const char *text, size_t size) {
  while (size > 0) { /* a signal can part it on file systems of a network */
    const ssize_t written = write(journal->fd, text, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;
    text += written;
    size -= (size_t)written;
  }
  if (size == 0 && fdatasync(journal->fd) == 0) return EXSET_OK;
  return exset_fail(journal->ctx, EXSET_ERR_RUN, "cannot write the journal %s: %s", journal->path,
                    strerror(errno));
}

/* A message without tabs and ends of lines, which mean something here. */
static void put_message(FILE *out, const char *message) {
  for (; *message; message++)
    fputc(*message == '\t' || *message == '\n' || *message == '\r' ? ' ' : *message, out);
}

static void put_unit(FILE *out, const exset_unit_t *unit) {
  char id[EXSET_DIGEST_TEXT];
  exset_digest_text(unit->id, id);
  fprintf(out, "%s\t%" PRId64 "\t%s\t%.6g\t", id, unit->realisation, unit->done ? "done" : "failed",
          unit->seconds);
  put_message(out, unit->message);
  for (int i = 0; i < unit->n; i++) fprintf(out, "\t%s=%.17g", unit->name[i], unit->value[i]);
}

int exset_journal_add(exset_journal_t *journal, const exset_unit_t *unit) {
  char *text = NULL;
  size_t size = 0;
  FILE *out = open_memstream(&text, &size);
  if (!out) return exset_fail(journal->ctx, EXSET_ERR_RUN, "out of memory");
  put_unit(out, unit);
  bool whole = fflush(out) == 0;
  if (whole) fprintf(out, "\t%016" PRIx64 "\n", sweep_hash(text, size, 0));
  whole = !ferror(out) && whole;
  whole = fclose(out) == 0 && whole;
  const int err = whole ? add_text(journal, text, size)
                        : exset_fail(journal->ctx, EXSET_ERR_RUN, "out of memory");
  free(text);
  return err;
}

/* ---- opening ------------------------------------------------------------------------------------ */

static int lock(exset_journal_t *journal, bool *locked) {
  *locked = flock(journal->fd, LOCK_EX | LOCK_NB) == 0;
  if (*locked || (errno != EWOULDBLOCK && errno != EINTR)) return EXSET_OK;
  return exset_fail(journal->ctx, EXSET_ERR_INPUT,
                    "another run is writing %s: wait for its end, or give this one another "
                    "-sweep_task or -o",
                    journal->path);
}

/* A line that was cut short gets its end, and this run a line of its own. */
static int begin(exset_journal_t *journal, const char *comment) {
  char *text = NULL, last = '\n';
  const off_t size = lseek(journal->fd, 0, SEEK_END);
  if (size < 0 || (size > 0 && pread(journal->fd, &last, 1, size - 1) != 1))
    return exset_fail(journal->ctx, EXSET_ERR_RUN, "cannot read the journal %s: %s", journal->path,
                      strerror(errno));
  const int length = asprintf(&text, "%s# %s\n", last == '\n' ? "" : "\n", comment);
  if (length < 0) return exset_fail(journal->ctx, EXSET_ERR_RUN, "out of memory");
  const int err = add_text(journal, text, (size_t)length);
  free(text);
  return err;
}

/* The name of a new file is to be on disk, too. */
static void sync_folder(const char *folder) {
  const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd); /* some file systems refuse, and have no need of it */
  close(fd);
}

int exset_journal_open(exset_ctx_t *ctx, const char *folder, int64_t task, int group,
                       const char *comment, exset_journal_t **journal_out, bool *locked) {
  exset_journal_t *journal = calloc(1, sizeof *journal);
  *journal_out = journal;
  if (!journal) return exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  *journal = (exset_journal_t){.ctx = ctx, .fd = -1};
  int err = EXSET_OK;
  if (asprintf(&journal->path, "%s/task%04" PRId64 "-group%04d.txt", folder, task, group) < 0) {
    journal->path = NULL;
    err = exset_fail(ctx, EXSET_ERR_RUN, "out of memory");
  }
  if (!err) {
    journal->fd = open(journal->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (journal->fd < 0)
      err = exset_fail(ctx, EXSET_ERR_INPUT, "cannot write the journal %s: %s", journal->path,
                       strerror(errno));
  }
  if (!err) err = lock(journal, locked);
  if (!err) err = begin(journal, comment);
  if (!err) sync_folder(folder);
  if (err) exset_journal_close(journal_out);
  return err;
}

void exset_journal_close(exset_journal_t **journal) {
  if (!*journal) return;
  if ((*journal)->fd >= 0) close((*journal)->fd); /* each line is on disk */
  free((*journal)->path);
  free(*journal);
  *journal = NULL;
}
