#include "work.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "moment.h"
#include "output.h"
#include "signals.h"

enum { TAG_PROGRESS = WORK_TAG + 1 };

int work_init(struct work *w, wr_store *store, bool quiet, struct wr_error *err)
{
	*w = (struct work){ .store = store, .started = moment_clock() };
	progress_init(&w->progress, quiet);
	signals_catch();
	return wr_queue_new(&w->queue, err);
}

double work_seconds(const struct work *w)
{
	return moment_clock() - w->started;
}

void work_release(struct work *w)
{
	progress_done(&w->progress);
	wr_queue_free(w->queue);
}

static uint64_t stat_of(const wr_reply *reply, const char *name)
{
	const char *found;
	uint64_t value;
	size_t i;

	for (i = 0; wr_reply_stat(reply, i, &found, &value) == 1; i++) {
		if (!strcmp(found, name))
			return value;
	}
	return 0;
}

static const char *phase_of(const wr_reply *reply)
{
	const char *name, *value;
	size_t i;

	for (i = 0; wr_reply_property(reply, i, &name, &value) == 1; i++) {
		if (!strcmp(name, "phase"))
			return value;
	}
	return NULL;
}

/* "building index: loading tuples", and how much of that is done. */
static void show(struct work *w, const wr_reply *reply)
{
	const char *phase = phase_of(reply);
	uint64_t done = stat_of(reply, "done");
	uint64_t total = stat_of(reply, "total");
	char a[NUMBER_TEXT], b[NUMBER_TEXT];
	struct text t = { 0 };

	if (!phase)
		return;
	if (strncmp(w->phase, phase, sizeof(w->phase) - 1)) {
		/* What is left is told from the phase's own beginning. */
		snprintf(w->phase, sizeof(w->phase), "%s", phase);
		w->progress.started = moment_clock();
	}
	text_add_shown(&t, (struct wr_str){ phase, strlen(phase) }, 0);
	if (total)
		text_printf(&t, "  %s of %s", output_number(a, done),
			    output_number(b, total));
	/* A bar shows how much it is; a line has to say it. */
	if (total && !w->progress.terminal)
		text_printf(&t, "  %.0f%%",
			    100.0 * (double)(done < total ? done : total) /
				    (double)total);
	progress_show(&w->progress, total ? (double)done / (double)total : -1,
		      t.ptr, NULL);
	text_release(&t);
}

static void ask(struct work *w)
{
	struct wr_error err;

	if (w->asked || !progress_is_due(&w->progress))
		return;
	/* It is asked for to please: where that fails, there is none. */
	w->asked = !wr_progress(w->store, w->queue, TAG_PROGRESS, &err);
}

static void answered(struct work *w, const struct wr_event *ev)
{
	w->asked = false;
	if (!ev->status)
		show(w, ev->reply);
	/* Also where nothing was shown: not at once again. */
	w->progress.shown = moment_clock();
	wr_reply_free(ev->reply);
}

static int end(const struct wr_event *ev, wr_reply **out, struct wr_error *err)
{
	if (ev->reply)
		*err = *wr_reply_error(ev->reply);
	err->status = ev->status;
	*out = ev->reply;
	return ev->status;
}

int work_await(struct work *w, wr_reply **out, struct wr_error *err)
{
	bool canceled = false;

	for (;;) {
		struct pollfd fds[] = {
			{ .fd = wr_queue_fd(w->queue), .events = POLLIN },
			{ .fd = canceled ? -1 : signals_fd(),
			  .events = POLLIN },
		};
		struct wr_event ev;
		int n;

		poll(fds, 2, w->asked ? -1 : progress_wait(&w->progress));
		if (signals_asked() && !canceled) {
			canceled = true;
			n = wr_cancel(w->store, w->queue, WORK_TAG, err);
			if (n)
				return n;
		}
		n = wr_queue_next(w->queue, &ev, 1, 0);
		if (n < 0)
			return n;
		if (n && ev.tag == WORK_TAG)
			return end(&ev, out, err);
		if (n)
			answered(w, &ev);
		ask(w);
	}
}
