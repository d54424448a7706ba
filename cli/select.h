/*
 * select.h - the options that say which pages, shared by the commands that
 * search, export and prune.
 */
#ifndef CLI_SELECT_H
#define CLI_SELECT_H

#include <stdbool.h>

#include "options.h"
#include "text.h"
#include "windrow.h"

struct selection {
	const char *host, *url_prefix;
	int64_t since, until;
	struct option_list meta; /* "key=value" */
	struct text metadata;	 /* the JSON object that filter points to */
};

/*
 * Make a filter of it, which lives as long as sel.  EXIT_FINE, or EXIT_CANNOT
 * after saying what is wrong.
 */
int selection_filter(struct selection *sel, struct wr_filter *filter);
bool selection_is_empty(const struct selection *sel);
void selection_release(struct selection *sel);

#define SELECT_HOST_HELP "Only pages of this host."
#define SELECT_PREFIX_HELP "Only pages whose URL begins so."
#define SELECT_SINCE_HELP                                        \
	"Only pages fetched at this time or later: 2024-05-01, " \
	"2024-05-01T12:30:00Z, Unix seconds, or 7d for seven days ago."
#define SELECT_UNTIL_HELP "Only pages fetched before this time."
#define SELECT_META_HELP                                                      \
	"Only pages whose metadata has this member.  The value is JSON "      \
	"where it can be, else text: --meta lang=en --meta depth=2.  May be " \
	"repeated; all must match."

#endif
