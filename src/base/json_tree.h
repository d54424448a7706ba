/*
 * json_tree.h - what a parsed JSON value is made of; for json*.c alone.
 *
 * All nodes of a tree live in the arena of its root and never change.
 */
#ifndef BASE_JSON_TREE_H
#define BASE_JSON_TREE_H

#include "base/json.h"

/* Deeper nesting is refused, which bounds every recursion over a tree. */
enum { JSON_DEPTH_MOST = 512 };

struct json {
	enum json_kind kind;
	uint32_t order; /* of a member, as it was read: the last one counts */
	union {
		bool truth;
		int64_t whole;
		double real;
		struct wr_str text;
		struct {
			size_t count;
			union {
				const struct json *items;
				/* Sorted by name; no name comes twice. */
				const struct json_pair *members;
			};
		};
	};
};

struct json_pair {
	struct wr_str name;
	struct json value;
};

#endif
