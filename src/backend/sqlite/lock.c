#include "backend/sqlite/lock.h"

#include "base/error.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void lock_init(struct lock *lock)
{
	lock->fd = -1;
	lock->held = false;
}

static void close_file(struct lock *lock)
{
	if (lock->fd >= 0)
		close(lock->fd);
	lock_init(lock);
}

void lock_release(struct lock *lock)
{
	lock_give(lock);
	close_file(lock);
}

/* Whoever may write the store may lock it, as with SQLite's own files. */
static void follow_mode(int fd, const char *store)
{
	struct stat st;

	if (stat(store, &st))
		return;
	if (fchmod(fd, st.st_mode & 0666))
		return;
	if (!geteuid() && (st.st_uid || st.st_gid) &&
	    fchown(fd, st.st_uid, st.st_gid))
		return;
}

static int open_file(struct lock *lock, const char *name, const char *store,
		     struct wr_error *err)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW;

	lock->fd = open(name, flags | O_CREAT | O_EXCL, 0600);
	if (lock->fd >= 0)
		follow_mode(lock->fd, store);
	else if (errno == EEXIST)
		lock->fd = open(name, flags);
	/* Gone again, or not made in time: once more. */
	if (lock->fd < 0 && errno == ENOENT)
		lock->fd = open(name, flags | O_CREAT, 0600);
	if (lock->fd < 0)
		return error_errno(err, errno, "sqlite",
				   "cannot open the lock file %s", name);
	return 0;
}

/* Somebody may have removed or replaced it while we waited. */
static bool is_in_place(const struct lock *lock, const char *name)
{
	struct stat ours, there;

	return !fstat(lock->fd, &ours) && !stat(name, &there) &&
	       ours.st_ino == there.st_ino && ours.st_dev == there.st_dev;
}

int lock_take(struct lock *lock, struct db *db, struct wr_error *err)
{
	char name[PATH_MAX];
	int status;

	if (lock->held)
		return 0;
	snprintf(name, sizeof(name), "%s-lock", db->path);
	for (int tries = 0;; tries++) {
		if (lock->fd < 0) {
			status = open_file(lock, name, db->path, err);
			if (status)
				return status;
		}
		if (!flock(lock->fd, LOCK_EX | LOCK_NB)) {
			if (is_in_place(lock, name))
				break;
			close_file(lock);
		} else if (errno != EWOULDBLOCK && errno != EINTR) {
			return error_errno(err, errno, "sqlite",
					   "cannot lock %s", name);
		}
		if (!db_pause(db, tries)) {
			if (atomic_load(&db->canceled))
				return error_set(err, WR_ECANCELED, 0, "sqlite",
						 "cancelled");
			return error_set(err, WR_EBUSY, EWOULDBLOCK, "sqlite",
					 "another process has been writing for "
					 "too long: it holds %s",
					 name);
		}
	}
	lock->held = true;
	return 0;
}

void lock_give(struct lock *lock)
{
	if (!lock->held)
		return;
	/* Not by closing alone: a forked child may hold the file open. */
	flock(lock->fd, LOCK_UN);
	lock->held = false;
}
