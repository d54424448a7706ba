#include "backend/sqlite/location.h"

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* from is NUL-terminated, so looking ahead is safe. */
static int decode(struct buf *to, const char *from, struct wr_error *err)
{
	for (; *from; from++) {
		int high, low;

		if (*from == '?' || *from == '#')
			return error_set(err, WR_EINVAL, 0, "sqlite",
					 "a store URL has no options; a \"%c\" "
					 "in a file's name is written %%%02X",
					 *from, (unsigned)*from);
		if (*from != '%') {
			buf_putc(to, *from);
			continue;
		}
		high = hex_digit(from[1]);
		low = high < 0 ? -1 : hex_digit(from[2]);
		if (low < 0 || (!high && !low))
			return error_set(err, WR_EINVAL, 0, "sqlite",
					 "\"%.3s\" in the store URL is no "
					 "percent-encoding; a \"%%\" in a "
					 "file's name is written %%25",
					 from);
		buf_putc(to, (char)(high * 16 + low));
		from += 2;
	}
	return buf_status(to) ? error_nomem(err, "sqlite") : 0;
}

static int parse(struct buf *path, const char *location, struct wr_error *err)
{
	static const char prefix[] = "sqlite:///";
	const char *name;

	if (!strcmp(location, "sqlite://") || !strcmp(location, "sqlite:") ||
	    !strcmp(location, "sqlite:///:memory:") ||
	    !strcmp(location, "sqlite://:memory:") ||
	    !strcmp(location, "sqlite:///"))
		return error_set(err, WR_EINVAL, 0, "sqlite",
				 "\"%s\" names no file; for a store in memory "
				 "use \"mem:\"",
				 location);
	if (strncmp(location, prefix, sizeof(prefix) - 1) != 0)
		return error_set(err, WR_EINVAL, 0, "sqlite",
				 "the store URL is to be like "
				 "sqlite:///relative.db or "
				 "sqlite:////absolute/path.db");
	name = location + sizeof(prefix) - 1;
	return decode(path, name, err);
}

/* The folder's real path and the file's name: the file may not exist yet. */
static int resolve_new(char **out, const char *path, struct wr_error *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char folder[PATH_MAX], real[PATH_MAX];
	struct buf text = { 0 };
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len + 2 > sizeof(folder))
		return error_set(err, WR_EINVAL, ENAMETOOLONG, "sqlite",
				 "the path of the store is too long");
	memcpy(folder, path, len);
	folder[len] = '\0';
	if (!slash)
		memcpy(folder, ".", 2);
	else if (!len)
		memcpy(folder, "/", 2);
	if (!realpath(folder, real)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return error_set(err, WR_ENOENT, errno, "sqlite",
					 "there is no folder %s: make it, or "
					 "correct the store URL",
					 folder);
		return error_errno(err, errno, "sqlite", "folder %s", folder);
	}
	buf_puts(&text, strcmp(real, "/") != 0 ? real : "");
	buf_putc(&text, '/');
	buf_puts(&text, name);
	*out = buf_take(&text);
	buf_release(&text);
	return *out ? 0 : error_nomem(err, "sqlite");
}

static int check_kind(const char *path, struct wr_error *err)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	if (S_ISDIR(st.st_mode))
		return error_set(err, WR_EINVAL, EISDIR, "sqlite",
				 "%s is a folder, not a file", path);
	if (!S_ISREG(st.st_mode))
		return error_set(err, WR_EINVAL, 0, "sqlite",
				 "%s is not a regular file", path);
	return 0;
}

int location_path(char **out, const char *location, struct wr_error *err)
{
	struct buf path = { 0 };
	char real[PATH_MAX];
	int status = parse(&path, location, err);

	*out = NULL;
	if (status)
		goto out;
	if (realpath(path.ptr, real)) {
		*out = mem_strdup(real);
		status = *out ? 0 : error_nomem(err, "sqlite");
	} else {
		status = resolve_new(out, path.ptr, err);
	}
	if (!status)
		status = check_kind(*out, err);
	/* Room for "-wal" and "-lock" behind it. */
	if (!status && strlen(*out) + 8 > PATH_MAX)
		status = error_set(err, WR_EINVAL, ENAMETOOLONG, "sqlite",
				   "the path of the store is too long");
out:
	if (status) {
		mem_free(*out);
		*out = NULL;
	}
	buf_release(&path);
	return status;
}
