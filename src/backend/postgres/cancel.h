/*
 * cancel.h - asking the server to cancel what a connection does.
 *
 * libpq's way blocks, for ever where a host between is silent: it is done on a
 * thread of its own, which nobody waits for.  The request may arrive after the
 * statement has ended and hit the next one, so a connection that was canceled
 * is not used again.
 */
#ifndef BACKEND_POSTGRES_CANCEL_H
#define BACKEND_POSTGRES_CANCEL_H

#include <libpq-fe.h>

/* Any thread; returns at once.  Where it cannot be sent, it is not. */
void cancel_send(PGconn *conn);

#endif
