#include "files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include "base/str.h"
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

void files_init(struct files *f)
{
	*f = (struct files){ 0 };
	snprintf(f->root, sizeof(f->root), "/tmp/windrow-test-XXXXXX");
	assert_non_null(mkdtemp(f->root));
}

static int drop(const char *path, const struct stat *st, int type,
		struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

void files_release(struct files *f)
{
	assert_int_equal(nftw(f->root, drop, 16, FTW_DEPTH | FTW_PHYS), 0);
	buf_release(&f->packed);
}

const char *files_path(struct files *f, const char *name)
{
	snprintf(f->path, sizeof(f->path), "%s/%s", f->root, name);
	return f->path;
}

static void make_folders(char *path, size_t from)
{
	for (char *p = path + from; (p = strchr(p, '/')); p++) {
		*p = '\0';
		if (mkdir(path, 0700))
			assert_int_equal(errno, EEXIST);
		*p = '/';
	}
}

const char *files_write(struct files *f, const char *name, struct wr_str bytes)
{
	FILE *file;

	files_path(f, name);
	make_folders(f->path, strlen(f->root) + 1);
	file = fopen(f->path, "wb");
	assert_non_null(file);
	if (bytes.len)
		assert_int_equal(fwrite(bytes.ptr, bytes.len, 1, file), 1);
	assert_int_equal(fclose(file), 0);
	return f->path;
}

const char *files_puts(struct files *f, const char *name, const char *text)
{
	return files_write(f, name, str_of(text));
}

void files_read(const char *path, struct buf *to)
{
	FILE *file = fopen(path, "rb");
	char chunk[4096];
	size_t n;

	assert_non_null(file);
	while ((n = fread(chunk, 1, sizeof(chunk), file)))
		buf_add(to, chunk, n);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(buf_status(to), 0);
}

size_t files_count(const struct files *f)
{
	DIR *dir = opendir(f->root);
	struct dirent *e;
	size_t n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(dir);
	return n;
}

struct wr_str files_gzip(struct files *f, struct wr_str bytes)
{
	z_stream z = { 0 };
	struct buf from = { 0 };

	buf_clear(&f->packed);
	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, 0),
			 Z_OK);
	buf_add_str(&from, bytes);
	assert_int_equal(
		buf_reserve(&f->packed, deflateBound(&z, bytes.len) + 64), 0);
	z.next_in = (unsigned char *)from.ptr;
	z.avail_in = (unsigned)from.len;
	z.next_out = (unsigned char *)f->packed.ptr;
	z.avail_out = (unsigned)f->packed.room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	f->packed.len = z.total_out;
	deflateEnd(&z);
	buf_release(&from);
	return buf_str(&f->packed);
}

struct wr_str files_zstd(struct files *f, struct wr_str bytes)
{
	size_t room = ZSTD_compressBound(bytes.len), n;

	buf_clear(&f->packed);
	assert_int_equal(buf_reserve(&f->packed, room), 0);
	n = ZSTD_compress(f->packed.ptr, room, bytes.ptr, bytes.len, 3);
	assert_false(ZSTD_isError(n));
	f->packed.len = n;
	return buf_str(&f->packed);
}
