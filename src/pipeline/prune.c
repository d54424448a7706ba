#include "pipeline/attempt.h"

/*
 * Delete by filter: one bounded transaction after the other, so that nobody
 * waits long for the writer and memory is flat.
 */
struct prune {
	struct progress progress;
	struct pipeline *p;
	struct request *req;
	struct attempt attempt;
	struct buf last; /* the key up to which everything is done */
	struct buf after;
};

static void next_rows(struct prune *pr);

static void prune_end(struct prune *pr, const struct wr_error *err)
{
	buf_release(&pr->last);
	buf_release(&pr->after);
	request_end(pr->p, pr->req, err);
}

static void rows_gone(struct attempt *a)
{
	struct prune *pr = list_item(a, struct prune, attempt);
	struct request *req = pr->req;
	struct wr_error err = { 0 };

	if (a->op.error.status) {
		prune_end(pr, &a->op.error);
		return;
	}
	req->total += a->op.u.prune.removed;
	if (!a->op.u.prune.more || (req->limit && req->total >= req->limit)) {
		prune_end(pr, NULL);
	} else if (req->call.given_up) {
		give_up_error(&err, req->call.given_up);
		prune_end(pr, &err);
	} else {
		next_rows(pr);
	}
}

static void next_rows(struct prune *pr)
{
	struct request *req = pr->req;
	uint64_t rows = PRUNE_ROWS;
	struct wr_error err;

	if (req->limit && req->limit - req->total < rows)
		rows = req->limit - req->total;
	buf_clear(&pr->after);
	buf_add_str(&pr->after, buf_str(&pr->last));
	buf_clear(&pr->last);
	if (buf_status(&pr->after)) {
		error_nomem(&err, "pipeline");
		prune_end(pr, &err);
		return;
	}
	pr->attempt = (struct attempt){ .done = rows_gone };
	pr->attempt.op.kind = BACKEND_PRUNE;
	pr->attempt.op.u.prune.filter = &req->filter;
	pr->attempt.op.u.prune.after = buf_str(&pr->after);
	pr->attempt.op.u.prune.limit = (uint32_t)rows;
	pr->attempt.op.u.prune.dry_run = req->dry_run;
	pr->attempt.op.u.prune.last = &pr->last;
	attempt_start(pr->p, req, &pr->attempt);
}

void prune_start(struct pipeline *p, struct request *req)
{
	struct prune *pr = progress_new(req, sizeof(*pr));
	struct wr_error err;

	if (!pr) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	pr->p = p;
	pr->req = req;
	next_rows(pr);
}
