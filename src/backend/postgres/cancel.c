#include "backend/postgres/cancel.h"

#include <pthread.h>
#include <signal.h>

static void *cancel_main(void *arg)
{
	PGcancel *cancel = arg;
	char reason[256];

	/* Whether it helped shows on the connection itself. */
	(void)PQcancel(cancel, reason, sizeof(reason));
	PQfreeCancel(cancel);
	return NULL;
}

void cancel_send(PGconn *conn)
{
	PGcancel *cancel = PQgetCancel(conn);
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int rc;

	if (!cancel)
		return;
	rc = pthread_attr_init(&attr);
	if (rc) {
		PQfreeCancel(cancel);
		return;
	}
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* The program's signals are not for this thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&thread, &attr, cancel_main, cancel);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	if (rc)
		PQfreeCancel(cancel);
}
