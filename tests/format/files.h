/*
 * files.h - real files in a folder that goes away with its test.
 */
#ifndef TESTS_FORMAT_FILES_H
#define TESTS_FORMAT_FILES_H

#include "base/buf.h"
#include "windrow.h"
#include <stdbool.h>
#include <stddef.h>

struct files {
	char root[64];
	char path[512]; /* what files_path() gave last */
	struct buf packed;
};

void files_init(struct files *f);
void files_release(struct files *f);

/* root/name, until the next call. */
const char *files_path(struct files *f, const char *name);

/* Write a file, in folders made as they are needed; gives its path. */
const char *files_write(struct files *f, const char *name, struct wr_str bytes);
const char *files_puts(struct files *f, const char *name, const char *text);

/* The whole file, appended. */
void files_read(const char *path, struct buf *to);
/* How many names the folder holds. */
size_t files_count(const struct files *f);

/* One gzip member, one zstd frame: until the next call. */
struct wr_str files_gzip(struct files *f, struct wr_str bytes);
struct wr_str files_zstd(struct files *f, struct wr_str bytes);

#endif
