#include "backend/backend.h"
#include "base/error.h"

static const char *urls_name(enum wr_urls urls)
{
	switch (urls) {
	case WR_URLS_DEFAULT:
		return "default";
	case WR_URLS_AS_GIVEN:
		return "as-given";
	case WR_URLS_CONSERVATIVE:
		return "conservative";
	case WR_URLS_AGGRESSIVE:
		return "aggressive";
	}
	return "unknown";
}

static const char *fulltext_name(enum wr_fulltext fulltext)
{
	switch (fulltext) {
	case WR_FULLTEXT_DEFAULT:
		return "default";
	case WR_FULLTEXT_ON:
		return "on";
	case WR_FULLTEXT_OFF:
		return "off";
	}
	return "unknown";
}

int settings_agree(struct settings *wishes, const struct settings *recorded,
		   const char *where, struct wr_error *err)
{
	if (wishes->urls != WR_URLS_DEFAULT && wishes->urls != recorded->urls)
		return error_set(err, WR_ESCHEMA, 0, where,
				 "the store was made with %s URLs, not with "
				 "%s ones; leave the choice out, or make "
				 "another store",
				 urls_name(recorded->urls),
				 urls_name(wishes->urls));
	if (wishes->fulltext != WR_FULLTEXT_DEFAULT &&
	    wishes->fulltext != recorded->fulltext)
		return error_set(err, WR_ESCHEMA, 0, where,
				 "the store was made with full text %s, not "
				 "%s; leave the choice out, or make another "
				 "store",
				 fulltext_name(recorded->fulltext),
				 fulltext_name(wishes->fulltext));
	*wishes = *recorded;
	return 0;
}
