#include "record/url_query.h"

#include "base/str.h"
#include "record/url.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Parameters that say where a visitor came from, and never what the page
 * shows; names such as "ref", "source" or "id" can do either and stay.  Sorted.
 */
static const char *const tracking[] = {
	"__hsfp",	 "__hssc",
	"__hstc",	 "_branch_match_id",
	"_ga",		 "_gac",
	"_gl",		 "_hsenc",
	"_hsmi",	 "_openstat",
	"dclid",	 "epik",
	"fb_action_ids", "fb_action_types",
	"fbclid",	 "gad_campaignid",
	"gad_source",	 "gbraid",
	"gclid",	 "gclsrc",
	"hsctatracking", "igsh",
	"igshid",	 "irclickid",
	"li_fat_id",	 "mc_cid",
	"mc_eid",	 "mkt_tok",
	"ml_subscriber", "ml_subscriber_hash",
	"msclkid",	 "mtm_campaign",
	"mtm_cid",	 "mtm_content",
	"mtm_group",	 "mtm_keyword",
	"mtm_medium",	 "mtm_placement",
	"mtm_source",	 "oly_anon_id",
	"oly_enc_id",	 "pk_campaign",
	"pk_cid",	 "pk_content",
	"pk_keyword",	 "pk_kwd",
	"pk_medium",	 "pk_source",
	"rb_clickid",	 "ref_src",
	"s_kwcid",	 "srsltid",
	"ttclid",	 "twclid",
	"vero_conv",	 "vero_id",
	"wbraid",	 "wickedid",
	"yclid",	 "ysclid",
};

enum { NAME_MAX_TRACKING = 24, PARAMS_MAX = URL_MAX / 2 + 1 };

struct param {
	struct wr_str text; /* name=value */
	size_t name_len;
};

static int tracking_cmp(const void *key, const void *item)
{
	return strcmp(key, *(const char *const *)item);
}

static bool is_tracking(struct wr_str name)
{
	char lower[NAME_MAX_TRACKING];

	if (name.len >= sizeof(lower))
		return name.len > 4 && !strncasecmp(name.ptr, "utm_", 4);
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
	}
	lower[name.len] = '\0';
	if (!strncmp(lower, "utm_", 4))
		return true;
	return bsearch(lower, tracking, sizeof(tracking) / sizeof(*tracking),
		       sizeof(*tracking), tracking_cmp) != NULL;
}

/* By name, then by place: where the query lies orders equal names. */
static int param_cmp(const void *left, const void *right)
{
	const struct param *a = left, *b = right;
	int c = str_cmp((struct wr_str){ a->text.ptr, a->name_len },
			(struct wr_str){ b->text.ptr, b->name_len });

	return c ? c
		 : (a->text.ptr > b->text.ptr) - (a->text.ptr < b->text.ptr);
}

/* Returns how many of its parameters are worth keeping. */
static size_t params_split(struct param *params, struct wr_str query)
{
	const char *p = query.ptr, *end = query.ptr + query.len;
	size_t n = 0;

	while (p < end && n < PARAMS_MAX) {
		const char *next = memchr(p, '&', (size_t)(end - p));
		const char *stop = next ? next : end;
		const char *eq = memchr(p, '=', (size_t)(stop - p));
		size_t name_len = (size_t)((eq ? eq : stop) - p);

		if (stop > p && !is_tracking((struct wr_str){ p, name_len }))
			params[n++] = (struct param){ { p, (size_t)(stop - p) },
						      name_len };
		p = stop + 1;
	}
	return n;
}

size_t url_query_tidy(char *out, struct wr_str query)
{
	struct param params[PARAMS_MAX];
	char text[URL_MAX];
	size_t n, len = 0;

	if (!query.len || query.len > sizeof(text))
		return query.len;
	n = params_split(params, query);
	qsort(params, n, sizeof(*params), param_cmp);
	for (size_t i = 0; i < n; i++) {
		if (i)
			text[len++] = '&';
		memcpy(text + len, params[i].text.ptr, params[i].text.len);
		len += params[i].text.len;
	}
	memcpy(out, text, len);
	return len;
}
