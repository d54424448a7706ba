#include "conformance.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * A folder of its own, so that whatever lies beside the file goes with it; in
 * memory where there is such a place, for thousands of commits are awaited.
 */
static void place(char *location, size_t room)
{
	const char *under = getenv("TMPDIR");
	char folder[256];

	if (!under)
		under = access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm";
	snprintf(folder, sizeof(folder), "%s/windrow-conformance-XXXXXX",
		 under);
	if (!mkdtemp(folder))
		fail_msg("no folder for a store: %s", folder);
	snprintf(location, room, "sqlite:///%s/store.db", folder);
}

static void clear(const char *location)
{
	char folder[256], path[600];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s", location + strlen("sqlite:///"));
	*strrchr(folder, '/') = '\0';
	dir = opendir(folder);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		unlink(path);
	}
	if (dir)
		closedir(dir);
	rmdir(folder);
}

const struct driver driver = {
	.name = "sqlite",
	.backend = &sqlite_backend,
	.place = place,
	.clear = clear,
	.persists = true,
	.threads = true,
	.stems = true,
};
