/*
 * lock.h - the lock file, by which writers of all processes take turns.
 *
 * It is held for each write transaction, check-point and migration, so that no
 * two Windrow processes ever reset the -wal file and write at the same time;
 * readers never take it.  The file stays when the lock is given back: removing
 * it would let two processes hold two locks.
 */
#ifndef BACKEND_SQLITE_LOCK_H
#define BACKEND_SQLITE_LOCK_H

#include "backend/sqlite/db.h"

struct lock {
	int fd;	   /* -1: not open */
	bool held; /* by this struct lock */
};

void lock_init(struct lock *lock);
void lock_release(struct lock *lock);

/*
 * Wait for the lock as long as db is patient: 0, WR_EBUSY naming the file,
 * WR_ECANCELED, or why it cannot be opened.  Held already: 0 at once.
 */
int lock_take(struct lock *lock, struct db *db, struct wr_error *err);
/* Does nothing if it is not held. */
void lock_give(struct lock *lock);

#endif
