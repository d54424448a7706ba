#include "format/output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/ascii.h"

#define WHERE "output"

enum {
	OUT_SIZE = 128 * 1024,
	NAME_TRIES = 100,
	GZIP_LEVEL = 6,
	ZSTD_LEVEL = 3
};

enum packing { PACK_NONE, PACK_GZIP, PACK_ZSTD };

struct output {
	char *name;   /* for messages */
	char *target; /* NULL: written to in place */
	char *temp;   /* NULL: likewise */
	int fd;
	bool owned;  /* close fd */
	bool synced; /* a regular file: fsync() means something */

	unsigned char *buf; /* packed bytes on their way to fd */
	size_t len;

	enum packing packing;
	bool z_inited;
	z_stream z;
	ZSTD_CCtx *zc;

	struct wr_error broken; /* a file with a hole is never finished */
};

static void *zlib_alloc(void *arg, unsigned n, unsigned size)
{
	(void)arg;
	return mem_zalloc(n, size);
}

static void zlib_free(void *arg, void *p)
{
	(void)arg;
	mem_free(p);
}

/*
 * write(2), where a pipe without a reader is an error and not the death of the
 * program, whatever that does with SIGPIPE.
 */
static ssize_t write_quietly(int fd, const void *p, size_t len)
{
	struct timespec none = { 0, 0 };
	sigset_t pipe_only, before, pending;
	ssize_t n;
	int saved;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigemptyset(&pending);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
	n = write(fd, p, len);
	saved = errno;
	if (n < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
		while (sigtimedwait(&pipe_only, NULL, &none) < 0 &&
		       errno == EINTR)
			;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return n;
}

static int write_out(struct output *o, const unsigned char *p, size_t len,
		     struct wr_error *err)
{
	struct pollfd w = { .fd = o->fd, .events = POLLOUT };
	ssize_t n;

	while (len) {
		n = write_quietly(o->fd, p, len < SSIZE_MAX ? len : SSIZE_MAX);
		if (n >= 0) {
			p += n;
			len -= (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			poll(&w, 1, -1);
		} else if (errno != EINTR) {
			return error_set(err, WR_EIO, errno, WHERE,
					 "cannot write %s: %s", o->name,
					 strerror(errno));
		}
	}
	return 0;
}

static int flush(struct output *o, struct wr_error *err)
{
	size_t len = o->len;

	o->len = 0;
	return write_out(o, o->buf, len, err);
}

static int write_plain(struct output *o, const void *p, size_t len,
		       struct wr_error *err)
{
	int status;

	if (len > OUT_SIZE - o->len) {
		status = flush(o, err);
		if (status)
			return status;
	}
	if (len > OUT_SIZE)
		return write_out(o, p, len, err);
	if (len)
		memcpy(o->buf + o->len, p, len);
	o->len += len;
	return 0;
}

/* One round of packing into what is free of buf: 1 while there is more. */
static int deflate_round(struct output *o, bool finish, struct wr_error *err)
{
	int code;

	o->z.next_out = o->buf + o->len;
	o->z.avail_out = (unsigned)(OUT_SIZE - o->len);
	code = deflate(&o->z, finish ? Z_FINISH : Z_NO_FLUSH);
	o->len = OUT_SIZE - o->z.avail_out;
	if (code == Z_STREAM_ERROR)
		return error_set(err, WR_EBUG, code, WHERE,
				 "%s: zlib lost its state", o->name);
	return finish ? code != Z_STREAM_END
		      : o->z.avail_in > 0 || !o->z.avail_out;
}

static int write_gzip(struct output *o, const void *p, size_t len, bool finish,
		      struct wr_error *err)
{
	/* zlib takes its input without const, though it only reads it. */
	union {
		const void *in;
		unsigned char *given;
	} from = { p };
	int more, status;

	do {
		o->z.next_in = from.given;
		o->z.avail_in = len < UINT_MAX ? (unsigned)len : UINT_MAX;
		from.given += len ? o->z.avail_in : 0;
		len -= o->z.avail_in;
		do {
			more = deflate_round(o, finish, err);
			if (more < 0)
				return more;
			status = o->len == OUT_SIZE ? flush(o, err) : 0;
			if (status)
				return status;
		} while (more);
	} while (len);
	return 0;
}

static int write_zstd(struct output *o, const void *p, size_t len, bool finish,
		      struct wr_error *err)
{
	ZSTD_inBuffer in = { p, len, 0 };
	ZSTD_outBuffer out;
	size_t left;
	int status;

	do {
		out = (ZSTD_outBuffer){ o->buf, OUT_SIZE, o->len };
		left = ZSTD_compressStream2(o->zc, &out, &in,
					    finish ? ZSTD_e_end
						   : ZSTD_e_continue);
		o->len = out.pos;
		if (ZSTD_isError(left))
			return error_set(err, WR_ENOMEM, 0, WHERE, "%s: %s",
					 o->name, ZSTD_getErrorName(left));
		status = o->len == OUT_SIZE ? flush(o, err) : 0;
		if (status)
			return status;
	} while (in.pos < in.size || (finish && left));
	return 0;
}

static int pack(struct output *o, const void *p, size_t len, bool finish,
		struct wr_error *err)
{
	switch (o->packing) {
	case PACK_GZIP:
		return write_gzip(o, p, len, finish, err);
	case PACK_ZSTD:
		return write_zstd(o, p, len, finish, err);
	default:
		return write_plain(o, p, len, err);
	}
}

/* pack(), until it has failed once. */
static int pack_on(struct output *o, const void *p, size_t len, bool finish,
		   struct wr_error *err)
{
	int status = o->broken.status;

	if (!status)
		status = pack(o, p, len, finish, &o->broken);
	if (status && err)
		*err = o->broken;
	return status;
}

int output_write(struct output *o, const void *p, size_t len,
		 struct wr_error *err)
{
	return len ? pack_on(o, p, len, false, err) : 0;
}

static int start_packing(struct output *o, const char *path,
			 struct wr_error *err)
{
	if (ascii_ends(str_of(path), ".gz")) {
		o->z.zalloc = zlib_alloc;
		o->z.zfree = zlib_free;
		if (deflateInit2(&o->z, GZIP_LEVEL, Z_DEFLATED, MAX_WBITS + 16,
				 8, Z_DEFAULT_STRATEGY) != Z_OK)
			return error_nomem(err, WHERE);
		o->z_inited = true;
		o->packing = PACK_GZIP;
	} else if (ascii_ends(str_of(path), ".zst")) {
		o->zc = ZSTD_createCCtx();
		if (!o->zc)
			return error_nomem(err, WHERE);
		ZSTD_CCtx_setParameter(o->zc, ZSTD_c_compressionLevel,
				       ZSTD_LEVEL);
		ZSTD_CCtx_setParameter(o->zc, ZSTD_c_checksumFlag, 1);
		o->packing = PACK_ZSTD;
	}
	return 0;
}

/* Open a new file beside target, with the permissions that target has. */
static int open_temp(struct output *o, const struct stat *old,
		     struct wr_error *err)
{
	size_t room = strlen(o->target) + 48;
	mode_t mode = old ? old->st_mode & 0777 : 0666;

	o->temp = mem_alloc(room);
	if (!o->temp)
		return error_nomem(err, WHERE);
	for (unsigned i = 0; i < NAME_TRIES; i++) {
		snprintf(o->temp, room, "%s.%ld-%llx.part", o->target,
			 (long)getpid(),
			 (unsigned long long)clock_now_us() + i);
		o->fd = open(o->temp,
			     O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
			     mode);
		if (o->fd >= 0) {
			o->owned = o->synced = true;
			if (old && fchmod(o->fd, mode))
				return error_errno(err, errno, WHERE,
						   "cannot write %s", o->temp);
			return 0;
		}
		if (errno != EEXIST && errno != EINTR)
			break;
	}
	mem_free(o->temp);
	o->temp = NULL;
	return error_errno(err, errno, WHERE, "cannot write %s", o->name);
}

/* A pipe, a device: nothing can be put in its place. */
static int open_in_place(struct output *o, const char *path,
			 struct wr_error *err)
{
	do {
		o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	} while (o->fd < 0 && errno == EINTR);
	if (o->fd < 0)
		return error_errno(err, errno, WHERE, "cannot write %s", path);
	o->owned = true;
	return 0;
}

static int open_file(struct output *o, const char *path, struct wr_error *err)
{
	struct stat st;
	char *real;

	if (stat(path, &st)) {
		if (errno != ENOENT)
			return error_errno(err, errno, WHERE, "cannot write %s",
					   path);
		o->target = mem_strdup(path);
		if (!o->target)
			return error_nomem(err, WHERE);
		return open_temp(o, NULL, err);
	}
	if (S_ISDIR(st.st_mode))
		return error_set(err, WR_EINVAL, EISDIR, WHERE,
				 "cannot write %s: it is a folder", path);
	if (!S_ISREG(st.st_mode))
		return open_in_place(o, path, err);
	/* A link stays a link, to the new file. */
	o->target = mem_alloc(PATH_MAX);
	if (!o->target)
		return error_nomem(err, WHERE);
	real = realpath(path, o->target);
	if (!real)
		return error_errno(err, errno, WHERE, "cannot write %s", path);
	return open_temp(o, &st, err);
}

int output_open(struct output **out, const char *path, struct wr_error *err)
{
	struct output *o = mem_zalloc(1, sizeof(*o));
	bool plain = !strcmp(path, "-");
	int status;

	*out = NULL;
	if (!o)
		return error_nomem(err, WHERE);
	o->fd = STDOUT_FILENO;
	o->name = mem_strdup(plain ? "standard output" : path);
	o->buf = mem_alloc(OUT_SIZE);
	if (!o->name || !o->buf)
		status = error_nomem(err, WHERE);
	else
		status = plain ? 0 : open_file(o, path, err);
	if (!status)
		status = start_packing(o, path, err);
	if (status) {
		output_abort(o);
		return status;
	}
	*out = o;
	return 0;
}

/* The name is as lasting as the file only once its folder is on disk. */
static void sync_folder(const char *target)
{
	const char *slash = strrchr(target, '/');
	char *dir;
	int fd;

	if (slash == target)
		slash++;
	dir = slash ? mem_dup(target, (size_t)(slash - target))
		    : mem_strdup(".");
	if (!dir)
		return;
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
	mem_free(dir);
}

static int put_in_place(struct output *o, struct wr_error *err)
{
	int fd = o->fd;

	if (o->synced && fsync(fd))
		return error_set(err, WR_EIO, errno, WHERE,
				 "cannot write %s: %s", o->name,
				 strerror(errno));
	if (o->owned) {
		o->owned = false;
		if (close(fd) && errno != EINTR)
			return error_set(err, WR_EIO, errno, WHERE,
					 "cannot write %s: %s", o->name,
					 strerror(errno));
	}
	if (!o->temp)
		return 0;
	if (rename(o->temp, o->target))
		return error_errno(err, errno, WHERE, "cannot write %s",
				   o->name);
	mem_free(o->temp);
	o->temp = NULL;
	sync_folder(o->target);
	return 0;
}

int output_close(struct output *o, struct wr_error *err)
{
	int status = pack_on(o, "", 0, true, err);

	if (!status)
		status = flush(o, err);
	if (!status)
		status = put_in_place(o, err);
	output_abort(o);
	return status;
}

void output_abort(struct output *o)
{
	if (!o)
		return;
	if (o->owned)
		close(o->fd);
	if (o->temp)
		unlink(o->temp);
	if (o->z_inited)
		deflateEnd(&o->z);
	ZSTD_freeCCtx(o->zc);
	mem_free(o->temp);
	mem_free(o->target);
	mem_free(o->name);
	mem_free(o->buf);
	mem_free(o);
}
