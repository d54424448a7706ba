/*
 * conninfo_uri.h - a URI taken apart as far as libpq does not: conninfo.c's.
 */
#ifndef BACKEND_POSTGRES_CONNINFO_URI_H
#define BACKEND_POSTGRES_CONNINFO_URI_H

#include "backend/postgres/conninfo.h"
#include "base/buf.h"

struct uri {
	struct buf rest; /* for libpq */
	/* Lists with commas, of SQLAlchemy's "host=a:1&host=b:2". */
	struct buf hosts, ports;
	bool has_ports;
	struct wr_str password; /* as it is written; borrowed from the text */
};

/*
 * text begins behind "//".  What is Windrow's own, and not libpq's, goes to c.
 * uri_release() is due also where this fails.
 */
int uri_init(struct uri *u, struct conninfo *c, const char *text,
	     bool has_driver, struct wr_error *err);
void uri_release(struct uri *u);

/* WR_EINVAL, quoting nothing. */
int uri_is_bad(struct wr_error *err);

#endif
