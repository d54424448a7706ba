/*
 * folder.h - the HTML files below a folder, in the order of their paths.
 *
 * Symbolic links are followed, to folders too, but each folder is looked
 * through once, by a path without links if there is one.
 */
#ifndef FORMAT_FOLDER_H
#define FORMAT_FOLDER_H

#include "base/arena.h"
#include "windrow.h"
#include <stddef.h>
#include <stdint.h>

struct folder_file {
	struct wr_str path; /* relative, parted by slashes, NUL-terminated */
	uint64_t size;	    /* bytes */
	int errnum;	    /* why it cannot be looked at; 0: it can */
};

/* Zero before first use. */
struct folder {
	struct arena arena; /* holds the paths */
	struct folder_file *files;
	size_t nfiles, room;
	uint64_t total; /* bytes of all files */
};

/*
 * Find the files named *.html and *.htm, also those packed as .gz and .zst.  A
 * folder that cannot be read is an entry with its errnum.
 */
int folder_find(struct folder *f, const char *root, struct wr_error *err);
void folder_release(struct folder *f);

/* The name without .gz or .zst where it is HTML's; else empty. */
struct wr_str folder_page_name(struct wr_str name);

#endif
