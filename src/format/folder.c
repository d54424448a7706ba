#include "format/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "format/ascii.h"
#include "record/digest.h"

#define WHERE "folder"

/* Folders still to be looked through. */
struct todo {
	struct wr_str *paths; /* relative; "" is the root */
	size_t n, room;
};

struct seen {
	struct map_node node;
	uint64_t id[2]; /* device and number */
};

struct finding {
	struct folder *f;
	const char *root;
	struct todo folders, links; /* links come last */
	struct map seen;
	struct buf full; /* scratch */
};

struct wr_str folder_page_name(struct wr_str name)
{
	if (ascii_ends(name, ".gz"))
		name.len -= 3;
	else if (ascii_ends(name, ".zst"))
		name.len -= 4;
	if (!ascii_ends(name, ".html") && !ascii_ends(name, ".htm"))
		name.len = 0;
	return name;
}

/* Room for one more element of size bytes. */
static int reserve(void **items, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 64;
	void *p;

	if (n < *room)
		return 0;
	p = mem_resize(*items, more, size);
	if (!p)
		return WR_ENOMEM;
	*items = p;
	*room = more;
	return 0;
}

static int push(struct todo *t, struct wr_str path)
{
	void *p = t->paths;
	int status = reserve(&p, t->n, &t->room, sizeof(*t->paths));

	t->paths = p;
	if (!status)
		t->paths[t->n++] = path;
	return status;
}

static int add_file(struct folder *f, struct wr_str path, uint64_t size,
		    int errnum)
{
	void *p = f->files;
	int status = reserve(&p, f->nfiles, &f->room, sizeof(*f->files));

	f->files = p;
	if (status)
		return status;
	f->files[f->nfiles++] = (struct folder_file){ path, size, errnum };
	f->total += size;
	return 0;
}

/* parent/name, in the arena. */
static int join(struct finding *g, struct wr_str *out, struct wr_str parent,
		const char *name)
{
	size_t n = strlen(name), at = parent.len ? parent.len + 1 : 0;
	char *p = arena_alloc(&g->f->arena, at + n + 1);

	if (!p)
		return WR_ENOMEM;
	if (at) {
		memcpy(p, parent.ptr, parent.len);
		p[parent.len] = '/';
	}
	memcpy(p + at, name, n + 1);
	*out = (struct wr_str){ p, at + n };
	return 0;
}

/* One name in a folder: a file to take, a folder to look through, or neither.
 */
static int look_at(struct finding *g, int dir, struct wr_str parent,
		   const char *name)
{
	bool is_page = folder_page_name(str_of(name)).len > 0;
	struct stat st, own;
	struct wr_str path;
	int status, errnum = 0;

	if (fstatat(dir, name, &st, 0)) {
		if (!is_page)
			return 0;
		errnum = errno;
		memset(&st, 0, sizeof(st));
	} else if (!S_ISDIR(st.st_mode) && !(S_ISREG(st.st_mode) && is_page)) {
		return 0;
	}
	status = join(g, &path, parent, name);
	if (status)
		return status;
	if (errnum || S_ISREG(st.st_mode))
		return add_file(g->f, path, (uint64_t)st.st_size, errnum);
	if (!fstatat(dir, name, &own, AT_SYMLINK_NOFOLLOW) &&
	    S_ISLNK(own.st_mode))
		return push(&g->links, path);
	return push(&g->folders, path);
}

/* 1 where this folder has been looked through already. */
static int mark_seen(struct finding *g, int dir)
{
	struct seen *s;
	struct wr_str key;
	struct stat st;
	uint64_t hash;

	if (fstat(dir, &st))
		return 0;
	s = arena_zalloc(&g->f->arena, 1, sizeof(*s));
	if (!s)
		return WR_ENOMEM;
	s->id[0] = (uint64_t)st.st_dev;
	s->id[1] = (uint64_t)st.st_ino;
	key = (struct wr_str){ (const char *)s->id, sizeof(s->id) };
	hash = digest_hash(key);
	if (map_find(&g->seen, hash, key))
		return 1;
	return map_add(&g->seen, &s->node, hash, key);
}

static int look_through(struct finding *g, struct wr_str path)
{
	struct dirent *e;
	int fd, status;
	DIR *dir;

	buf_clear(&g->full);
	buf_printf(&g->full, "%s/%s", g->root, path.ptr);
	if (buf_status(&g->full))
		return WR_ENOMEM;
	fd = open(g->full.ptr, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return add_file(g->f, path, 0, errno);
	status = mark_seen(g, fd);
	dir = status ? NULL : fdopendir(fd);
	if (!dir) {
		close(fd);
		return status < 0 ? status : 0;
	}
	while (!status && (e = readdir(dir)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			status = look_at(g, dirfd(dir), path, e->d_name);
	closedir(dir);
	return status;
}

static int path_cmp(const void *a, const void *b)
{
	return str_cmp(*(const struct wr_str *)a, *(const struct wr_str *)b);
}

static int path_cmp_down(const void *a, const void *b)
{
	return path_cmp(b, a);
}

static int file_cmp(const void *a, const void *b)
{
	return str_cmp(((const struct folder_file *)a)->path,
		       ((const struct folder_file *)b)->path);
}

static int find_all(struct finding *g)
{
	int status = push(&g->folders, str_of(""));

	while (!status && (g->folders.n || g->links.n)) {
		if (!g->folders.n) {
			qsort(g->links.paths, g->links.n,
			      sizeof(*g->links.paths), path_cmp_down);
			status =
				push(&g->folders, g->links.paths[--g->links.n]);
		}
		if (!status)
			status = look_through(g,
					      g->folders.paths[--g->folders.n]);
	}
	return status;
}

int folder_find(struct folder *f, const char *root, struct wr_error *err)
{
	struct finding g = { .f = f, .root = root };
	int status;

	map_init(&g.seen);
	status = find_all(&g);
	if (!status && f->nfiles)
		qsort(f->files, f->nfiles, sizeof(*f->files), file_cmp);
	map_release(&g.seen);
	buf_release(&g.full);
	mem_free(g.folders.paths);
	mem_free(g.links.paths);
	return status ? error_nomem(err, WHERE) : 0;
}

void folder_release(struct folder *f)
{
	arena_release(&f->arena);
	mem_free(f->files);
	*f = (struct folder){ 0 };
}
