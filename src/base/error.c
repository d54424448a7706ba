#include "base/error.h"

#include "base/str.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Text that was cut at size - 1 bytes ends with a whole character again. */
static void format_line(char *to, size_t size, const char *fmt, va_list args)
{
	char text[1024];
	struct wr_str s;

	if (vsnprintf(text, sizeof(text), fmt, args) < 0)
		text[0] = '\0';
	s = str_clip(str_of(text), size - 1);
	memcpy(to, s.ptr, s.len);
	to[s.len] = '\0';
	str_one_line(to);
}

/* By way of a copy: the arguments may point into err. */
static int fill(struct wr_error *err, int status, int native, const char *where,
		const char *fmt, va_list args)
{
	struct wr_error e = { .status = status, .native = native };

	if (!err)
		return status;
	format_line(e.message, sizeof(e.message), fmt, args);
	snprintf(e.where, sizeof(e.where), "%s", where);
	*err = e;
	return status;
}

int error_set(struct wr_error *err, int status, int native, const char *where,
	      const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, status, native, where, fmt, args);
	va_end(args);
	return status;
}

int error_nomem(struct wr_error *err, const char *where)
{
	return error_set(err, WR_ENOMEM, 0, where, "out of memory");
}

static int status_of_errno(int errnum)
{
	switch (errnum) {
	case EACCES:
	case EPERM:
	case EROFS:
		return WR_EAUTH;
	case ENOENT:
	case ENOTDIR:
		return WR_ENOENT;
	case ENOMEM:
		return WR_ENOMEM;
	default:
		return WR_EIO;
	}
}

int error_errno(struct wr_error *err, int errnum, const char *where,
		const char *fmt, ...)
{
	int status = status_of_errno(errnum);
	char what[160], reason[80];
	va_list args;

	if (!err)
		return status;
	va_start(args, fmt);
	format_line(what, sizeof(what), fmt, args);
	va_end(args);
	return error_set(err, status, errnum, where, "%s: %s", what,
			 strerror_r(errnum, reason, sizeof(reason)));
}

void error_clear(struct wr_error *err)
{
	if (err)
		*err = (struct wr_error){ 0 };
}

bool error_passes(int status)
{
	switch (status) {
	case WR_ENOMEM:
	case WR_EFULL:
	case WR_ETIMEOUT:
	case WR_EIO:
	case WR_EBUSY:
	case WR_ELIMIT:
		return true;
	default:
		return false;
	}
}

const char *wr_status_name(int status)
{
	static const char *const names[] = {
		"WR_OK",       "WR_EINVAL",    "WR_ENOMEM",  "WR_EFULL",
		"WR_ETIMEOUT", "WR_ECANCELED", "WR_ECLOSED", "WR_EFORKED",
		"WR_EIO",      "WR_EBUSY",     "WR_ELIMIT",  "WR_EAUTH",
		"WR_EDATA",    "WR_ESCHEMA",   "WR_ENOTSUP", "WR_ECORRUPT",
		"WR_EREMOTE",  "WR_EBUG",      "WR_EEXIST",  "WR_ENOENT",
	};
	const int n = sizeof(names) / sizeof(names[0]);

	return status <= 0 && status > -n ? names[-status] : "unknown status";
}
