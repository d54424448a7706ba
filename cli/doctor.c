/*
 * windrow doctor: looks for damage and for what could be better.
 */
#include <stddef.h>
#include <string.h>

#include "command.h"
#include "json.h"
#include "output.h"
#include "store.h"
#include "windrow.h"

struct doctor_options {
	struct common common;
	bool deep;
};

static const struct {
	const char *name;
	enum colour colour;
} levels[] = {
	[WR_LOG_ERROR] = { "error", COLOUR_RED },
	[WR_LOG_WARN] = { "warning", COLOUR_YELLOW },
	[WR_LOG_INFO] = { "info", COLOUR_BLUE },
	[WR_LOG_DEBUG] = { "debug", COLOUR_DIM },
};

static struct wr_str str(const char *s)
{
	return (struct wr_str){ s, s ? strlen(s) : 0 };
}

static void add_finding(struct text *t, enum wr_log_level level,
			const char *what, const char *advice, bool json)
{
	if (level > WR_LOG_DEBUG)
		level = WR_LOG_DEBUG;
	if (json) {
		if (t->ptr[t->len - 1] != '[')
			text_putc(t, ',');
		json_open(t);
		json_put_text(t, "level", levels[level].name);
		json_put_text(t, "what", what);
		json_put_text(t, "advice", advice);
		json_close(t);
		return;
	}
	output_put(t, output_colour(stdout), levels[level].colour,
		   levels[level].name);
	text_puts(t, ": ");
	text_add_shown(t, str(what), 0);
	text_putc(t, '\n');
	if (advice && *advice)
		output_wrap(t, str(advice), 2, output_columns(stdout), false, 0,
			    0);
}

/* Returns whether there is anything to worry about. */
static bool print_findings(const wr_reply *reply, bool json)
{
	enum wr_log_level level;
	const char *what, *advice;
	struct text t = { 0 };
	bool worry = false;
	size_t i;

	if (json) {
		json_open(&t);
		json_name(&t, "findings");
		text_putc(&t, '[');
	}
	for (i = 0; wr_reply_finding(reply, i, &level, &what, &advice) == 1;
	     i++) {
		worry |= level == WR_LOG_ERROR || level == WR_LOG_WARN;
		add_finding(&t, level, what, advice, json);
	}
	if (json) {
		text_putc(&t, ']');
		json_put_bool(&t, "ok", !worry);
		json_close(&t);
		text_putc(&t, '\n');
	} else if (!worry) {
		text_puts(&t, "the store is well\n");
	}
	output_print(&t);
	text_release(&t);
	return worry;
}

static int doctor_run(void *settings, size_t nargs, char **args)
{
	const struct doctor_options *opts = settings;
	struct wr_error err = { 0 };
	wr_store *store = NULL;
	wr_reply *reply = NULL;
	int status;

	(void)nargs;
	(void)args;
	status = store_open(&store, &opts->common, STORE_BARE_LONG);
	if (status)
		return status;
	if (wr_check_wait(store, opts->deep ? WR_CHECK_DEEP : 0, -1, &reply,
			  &err))
		status = output_failed("", &err);
	else if (print_findings(reply, opts->common.json))
		status = EXIT_SOME;
	wr_reply_free(reply);
	return store_close(store, status);
}

static const struct option_spec options[] = {
	{ OPTION_FLAG, "deep", 0, offsetof(struct doctor_options, deep), NULL,
	  "Read everything: takes as long as that takes.", 0, 0 },
	{ 0 },
};

const struct command doctor_command = {
	.name = "doctor",
	.arguments = "[OPTION]...",
	.summary = "Check the store, and say what to do",
	.details = "Each finding comes with its advice.  The exit status is 1 "
		   "if there are errors or warnings.  With --json one object "
		   "with ok and findings, each with level, what and advice.",
	.options = options,
	.settings = sizeof(struct doctor_options),
	.run = doctor_run,
};
