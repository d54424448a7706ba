/*
 * literals.h - parameters that go within the statement's text.
 *
 * Pure.  Citus hands the update of an upsert to its workers without telling
 * them the types of its parameters, and they fail.
 */
#ifndef BACKEND_POSTGRES_LITERALS_H
#define BACKEND_POSTGRES_LITERALS_H

#include "backend/postgres/wire.h"
#include "base/buf.h"

/*
 * sql, with a literal for each $n whose parameter is a boolean, an integer or a
 * time: none of them can be taken for anything else.  Those behind the last one
 * of another type leave p.  0, WR_ENOMEM, or WR_EBUG: a time before the year 1,
 * or a $n that p lacks.
 */
int literals_fill(struct buf *out, const char *sql, struct params *p);

#endif
