/*
 * mem_table.h - the documents of a mem: store.
 *
 * A map finds a document by its key, an array keeps them in the order of their
 * keys, and a second map finds a vector by the digest of the content that it
 * was made from.  Owned by mem.c, which also locks it.
 */
#ifndef BACKEND_MEM_TABLE_H
#define BACKEND_MEM_TABLE_H

#include "backend/backend.h"
#include "backend/decide.h"
#include "base/list.h"
#include "base/map.h"
#include "record/digest.h"
#include "record/record.h"
#include <stdbool.h>
#include <stdint.h>

/* A text that is owned. */
struct mem_text {
	char *ptr; /* NULL: left out */
	size_t len;
};

static inline struct wr_str mem_text_str(struct mem_text text)
{
	return (struct wr_str){ text.ptr, text.len };
}

/* The content of one or more documents. */
struct mem_content {
	struct map_node node; /* key: hash */
	uint8_t hash[DIGEST_SIZE];
	size_t refs;		  /* documents (and changes) that have it */
	struct list_node vectors; /* those with a vector of this content */
};

/* Owns what it points to. */
struct mem_doc {
	struct map_node node; /* key: key */
	struct mem_text key, title, content, metadata;
	struct mem_content *same;
	struct list_node link; /* in same->vectors: has a vector, not pending */
	float *vector;	       /* NULL: none */
	bool pending;
	bool gone; /* leaves with the next mem_table_sweep() */
	int64_t fetched_at, created_at, updated_at;
	uint8_t meta_hash[META_SIZE];
};

struct mem_table {
	struct map keys, contents;
	struct mem_doc **docs; /* in key order */
	size_t ndocs, room;
	uint32_t dim; /* of every vector */
};

void mem_table_init(struct mem_table *t);
void mem_table_release(struct mem_table *t);

struct mem_doc *mem_table_find(const struct mem_table *t, struct wr_str key);
/* Where in docs the first key behind this one is; 0 for an empty one. */
size_t mem_table_after(const struct mem_table *t, struct wr_str key);
/* For decide.h: borrows from doc, which may be NULL. */
struct stored_row mem_doc_row(const struct mem_doc *doc);
/* A vector of the content with this digest, or NULL. */
const float *mem_table_vector(const struct mem_table *t,
			      const uint8_t hash[DIGEST_SIZE]);

/*
 * The steps of a change: what may fail comes first and can be undone, the rest
 * cannot fail.
 */

/* A document with this key alone, in the map but not in docs yet; or NULL. */
struct mem_doc *mem_table_add(struct mem_table *t, struct wr_str key);
/* Takes a document that is not in docs out of the map and frees it. */
void mem_table_undo(struct mem_table *t, struct mem_doc *doc);
/* A reference to the entry of a content; NULL where memory is out. */
struct mem_content *mem_table_hold(struct mem_table *t,
				   const uint8_t hash[DIGEST_SIZE]);
void mem_table_drop(struct mem_table *t, struct mem_content *content);
/* Room for more documents in docs: 0 or WR_ENOMEM. */
int mem_table_reserve(struct mem_table *t, size_t more);

/* Puts doc among the vectors of its content, or takes it out, as is due. */
void mem_doc_relink(struct mem_doc *doc);
/* Put n new documents, in key order, into docs, where there is room. */
void mem_table_merge(struct mem_table *t, struct mem_doc *const *fresh,
		     size_t n);
/* Free the documents that are gone; looks at all of them. */
void mem_table_sweep(struct mem_table *t);

/* The whole of BACKEND_WRITE: all or nothing. */
int mem_table_write(struct mem_table *t, struct write *items, size_t n,
		    int64_t touch_after_us, struct wr_error *err);

/* BACKEND_SEARCH, up to the filling in of documents. */
struct mem_hit {
	const struct mem_doc *doc;
	double score;
};

/* The best documents first; *hits is the caller's to mem_free(). */
int mem_search_text(const struct mem_table *t, const struct text_query *query,
		    const struct filter *filter, uint32_t limit,
		    struct mem_hit **hits, size_t *nhits);
int mem_search_vector(const struct mem_table *t, const float *vector,
		      const struct filter *filter, uint32_t limit,
		      struct mem_hit **hits, size_t *nhits);

static inline bool mem_doc_matches(const struct mem_doc *doc,
				   const struct filter *filter)
{
	return !filter ||
	       filter_matches(filter, mem_text_str(doc->key), doc->fetched_at,
			      mem_text_str(doc->metadata));
}

#endif
