#include "format/input.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/error.h"
#include "base/mem.h"

#define WHERE "input"

enum { RAW_SIZE = 128 * 1024 };

enum packing { PACK_UNKNOWN, PACK_NONE, PACK_GZIP, PACK_ZSTD };

struct input {
	char *name;
	int fd;
	bool owned; /* close fd */
	uint64_t total;

	/* What was read and not yet unpacked: raw[at .. len). */
	unsigned char *raw;
	size_t at, len;
	uint64_t before; /* bytes of the file in front of raw[0] */
	bool at_end;	 /* nothing comes behind raw[len) */

	enum packing packing;
	bool between;  /* members or frames: the input may end here */
	bool z_inited; /* z is to be ended */
	z_stream z;
	ZSTD_DStream *zd;
	size_t zd_first; /* bytes to begin a frame with, zstd's own hint */
	size_t zd_wants; /* bytes to go on with, likewise */

	struct wr_error broken; /* what every read says from now on */
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

static int input_new(struct input **out, int fd, const char *name,
		     struct wr_error *err)
{
	struct input *in = mem_zalloc(1, sizeof(*in));
	struct stat st;
	off_t pos;

	*out = NULL;
	if (!in)
		return error_nomem(err, WHERE);
	in->fd = fd;
	in->name = mem_strdup(name);
	in->raw = mem_alloc(RAW_SIZE);
	if (!in->name || !in->raw) {
		input_close(in);
		return error_nomem(err, WHERE);
	}
	if (!fstat(fd, &st) && S_ISREG(st.st_mode)) {
		pos = lseek(fd, 0, SEEK_CUR);
		if (pos >= 0 && pos < st.st_size)
			in->total = (uint64_t)(st.st_size - pos);
	}
	*out = in;
	return 0;
}

int input_open_fd(struct input **out, int fd, const char *name,
		  struct wr_error *err)
{
	return input_new(out, fd, name, err);
}

int input_open(struct input **out, const char *path, struct wr_error *err)
{
	int fd, status;

	*out = NULL;
	if (!strcmp(path, "-"))
		return input_new(out, STDIN_FILENO, "standard input", err);
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return error_errno(err, errno, WHERE, "cannot open %s", path);
	status = input_new(out, fd, path, err);
	if (status) {
		close(fd);
		return status;
	}
	(*out)->owned = true;
	return 0;
}

void input_close(struct input *in)
{
	if (!in)
		return;
	if (in->z_inited)
		inflateEnd(&in->z);
	ZSTD_freeDStream(in->zd);
	if (in->owned)
		close(in->fd);
	mem_free(in->name);
	mem_free(in->raw);
	mem_free(in);
}

const char *input_name(const struct input *in)
{
	return in->name;
}

void input_progress(const struct input *in, uint64_t *done, uint64_t *total)
{
	*done = in->before + in->at;
	*total = in->total;
}

/* Where in the file the next byte to unpack lies. */
static unsigned long long offset(const struct input *in)
{
	return (unsigned long long)(in->before + in->at);
}

/* read(2) that rides out signals and descriptors that do not block. */
static ssize_t read_some(struct input *in, void *to, size_t size,
			 struct wr_error *err)
{
	struct pollfd p = { .fd = in->fd, .events = POLLIN };
	ssize_t n;

	if (size > SSIZE_MAX)
		size = SSIZE_MAX;
	for (;;) {
		n = read(in->fd, to, size);
		if (n >= 0)
			return n;
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			poll(&p, 1, -1);
		else if (errno != EINTR)
			return error_errno(err, errno, WHERE, "cannot read %s",
					   in->name);
	}
}

/* Read more raw bytes behind those that are left. */
static int fill(struct input *in, struct wr_error *err)
{
	ssize_t n;

	memmove(in->raw, in->raw + in->at, in->len - in->at);
	in->before += in->at;
	in->len -= in->at;
	in->at = 0;
	n = read_some(in, in->raw + in->len, RAW_SIZE - in->len, err);
	if (n < 0)
		return (int)n;
	in->at_end = n == 0;
	in->len += (size_t)n;
	return 0;
}

static int start_gzip(struct input *in, struct wr_error *err)
{
	in->z.zalloc = zlib_alloc;
	in->z.zfree = zlib_free;
	if (inflateInit2(&in->z, MAX_WBITS + 16) != Z_OK)
		return error_nomem(err, WHERE);
	in->z_inited = true;
	in->packing = PACK_GZIP;
	return 0;
}

static int start_zstd(struct input *in, struct wr_error *err)
{
	in->zd = ZSTD_createDStream();
	if (!in->zd)
		return error_nomem(err, WHERE);
	in->zd_first = in->zd_wants = ZSTD_initDStream(in->zd);
	if (ZSTD_isError(in->zd_first))
		return error_nomem(err, WHERE);
	in->packing = PACK_ZSTD;
	return 0;
}

static int recognise(struct input *in, struct wr_error *err)
{
	static const unsigned char gzip[3] = { 0x1f, 0x8b, 0x08 };
	static const unsigned char frame[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	static const unsigned char skippable[3] = { 0x2a, 0x4d, 0x18 };
	const unsigned char *p = in->raw;
	int status;

	while (in->len < 4 && !in->at_end) {
		status = fill(in, err);
		if (status)
			return status;
	}
	if (in->len >= 3 && !memcmp(p, gzip, 3))
		return start_gzip(in, err);
	if (in->len >= 4 &&
	    (!memcmp(p, frame, 4) ||
	     ((p[0] & 0xf0) == 0x50 && !memcmp(p + 1, skippable, 3))))
		return start_zstd(in, err);
	in->packing = PACK_NONE;
	return 0;
}

static ssize_t read_plain(struct input *in, void *to, size_t size,
			  struct wr_error *err)
{
	ssize_t n;

	if (in->at < in->len) {
		if (size > in->len - in->at)
			size = in->len - in->at;
		memcpy(to, in->raw + in->at, size);
		in->at += size;
		return (ssize_t)size;
	}
	if (in->at_end)
		return 0;
	n = read_some(in, to, size, err);
	if (n > 0)
		in->before += (uint64_t)n;
	else
		in->at_end = n == 0;
	return n;
}

static int truncated(const struct input *in, const char *kind,
		     struct wr_error *err)
{
	return error_set(err, WR_ECORRUPT, 0, WHERE,
			 "%s ends in the middle of its %s data, at byte %llu: "
			 "the file is incomplete",
			 in->name, kind, offset(in));
}

/*
 * Get ready for the next member: 1 if there is one, 0 at the end.  Zeros
 * between members are what tapes leave; other bytes are damage.
 */
static int next_member(struct input *in, struct wr_error *err)
{
	int status;

	for (;;) {
		while (in->at < in->len && !in->raw[in->at])
			in->at++;
		if (in->at < in->len)
			break;
		if (in->at_end)
			return 0;
		status = fill(in, err);
		if (status)
			return status;
	}
	if (in->raw[in->at] != 0x1f)
		return error_set(err, WR_ECORRUPT, 0, WHERE,
				 "%s: bytes that are no gzip data at byte %llu",
				 in->name, offset(in));
	inflateReset(&in->z);
	in->between = false;
	return 1;
}

static int gzip_failed(const struct input *in, int code, struct wr_error *err)
{
	if (code == Z_MEM_ERROR)
		return error_nomem(err, WHERE);
	return error_set(err, WR_ECORRUPT, code, WHERE,
			 "%s: gzip data damaged near byte %llu (%s)", in->name,
			 offset(in), in->z.msg ? in->z.msg : "no valid data");
}

static ssize_t read_gzip(struct input *in, void *to, size_t size,
			 struct wr_error *err)
{
	size_t want = size < UINT_MAX ? size : UINT_MAX, got = 0;
	int code, status;

	while (!got) {
		if (in->between) {
			status = next_member(in, err);
			if (status <= 0)
				return status;
		}
		if (in->at == in->len) {
			if (in->at_end)
				return truncated(in, "gzip", err);
			status = fill(in, err);
			if (status)
				return status;
			continue;
		}
		in->z.next_in = in->raw + in->at;
		in->z.avail_in = (unsigned)(in->len - in->at);
		in->z.next_out = to;
		in->z.avail_out = (unsigned)want;
		code = inflate(&in->z, Z_NO_FLUSH);
		in->at = in->len - in->z.avail_in;
		got = want - in->z.avail_out;
		in->between = code == Z_STREAM_END;
		/* What came out before the damage is delivered first; zlib
		 * stays in its failed state and says so again. */
		if (code != Z_OK && code != Z_STREAM_END &&
		    code != Z_BUF_ERROR && !got)
			return gzip_failed(in, code, err);
	}
	return (ssize_t)got;
}

static int zstd_failed(const struct input *in, size_t code,
		       struct wr_error *err)
{
	switch (ZSTD_getErrorCode(code)) {
	case ZSTD_error_memory_allocation:
		return error_nomem(err, WHERE);
	case ZSTD_error_frameParameter_windowTooLarge:
		return error_set(err, WR_ENOTSUP, 0, WHERE,
				 "%s was packed with a window of over 128 MiB; "
				 "unpack it first with zstd -d --long=31",
				 in->name);
	default:
		return error_set(err, WR_ECORRUPT, 0, WHERE,
				 "%s: zstd data damaged near byte %llu (%s)",
				 in->name, offset(in), ZSTD_getErrorName(code));
	}
}

/*
 * zstd is fed one block at a time, as it asks: what it unpacks in a call that
 * fails is lost, and so at most the damaged block is.
 */
static ssize_t read_zstd(struct input *in, void *to, size_t size,
			 struct wr_error *err)
{
	ZSTD_outBuffer o = { to, size, 0 };
	ZSTD_inBuffer i;
	size_t code;
	int status;

	while (!o.pos) {
		if (in->at == in->len && !in->at_end) {
			status = fill(in, err);
			if (status)
				return status;
			continue;
		}
		if (in->at == in->len && in->between)
			return 0;
		i.src = in->raw + in->at;
		i.size = in->len - in->at;
		i.pos = 0;
		if (i.size > in->zd_wants)
			i.size = in->zd_wants;
		code = ZSTD_decompressStream(in->zd, &o, &i);
		in->at += i.pos;
		if (ZSTD_isError(code))
			return zstd_failed(in, code, err);
		in->between = code == 0;
		in->zd_wants = code ? code : in->zd_first;
		if (!o.pos && in->at == in->len && in->at_end && !in->between)
			return truncated(in, "zstd", err);
	}
	return (ssize_t)o.pos;
}

static ssize_t unpack(struct input *in, void *to, size_t size,
		      struct wr_error *err)
{
	int status;

	if (in->packing == PACK_UNKNOWN) {
		status = recognise(in, err);
		if (status)
			return status;
	}
	switch (in->packing) {
	case PACK_GZIP:
		return read_gzip(in, to, size, err);
	case PACK_ZSTD:
		return read_zstd(in, to, size, err);
	default:
		return read_plain(in, to, size, err);
	}
}

ssize_t input_read(struct input *in, void *to, size_t size,
		   struct wr_error *err)
{
	ssize_t n = in->broken.status;

	if (!n)
		n = unpack(in, to, size, &in->broken);
	if (n < 0 && err)
		*err = in->broken;
	return n;
}
