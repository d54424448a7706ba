#include "pipeline/attempt.h"

#include <string.h>

/*
 * Embed the documents that wait for it: a page of them is read, goes through
 * the embed and write stages as a ticket of its own, and then the next.  What
 * still cannot be embedded is passed over, and goes on waiting.
 */
struct pending {
	struct progress progress;
	struct pipeline *p;
	struct request *req;
	struct attempt attempt;
	struct result page;
	struct buf after;
	struct wr_error last_error; /* of a document that was not embedded */
	uint64_t waiting;	    /* in the whole store */
	bool counting;		    /* the last page was asked for the count */
};

static void next_page(struct pending *pe);

static void pending_end(struct pending *pe, const struct wr_error *err)
{
	result_release(&pe->page);
	buf_release(&pe->after);
	pe->req->remaining = pe->waiting;
	request_end(pe->p, pe->req, err);
}

/* Ask once more how many wait now; their documents are of no interest. */
static void count_rest(struct pending *pe)
{
	pe->counting = true;
	next_page(pe);
}

static void page_embedded(struct call *call)
{
	struct ticket *t = ticket_of(call);
	struct pending *pe = call->owner_data;
	struct request *req = pe->req;
	struct wr_error err;

	req->total += t->counts[WR_UPDATED];
	for (size_t i = 0; i < t->n; i++)
		if (t->outcomes[i].error)
			pe->last_error = *t->outcomes[i].error;
	err = t->call.error;
	ticket_free(t);
	if (req->call.given_up)
		give_up_error(&err, req->call.given_up);
	if (err.status) {
		/* Given up, or the page ran into its deadline. */
		pending_end(pe, &err);
	} else if (req->limit && req->total >= req->limit) {
		count_rest(pe);
	} else {
		next_page(pe);
	}
}

static void fill_item(struct item *item, struct ticket *t, size_t i,
		      const struct document *doc, float *vector)
{
	item_init(item, t, i, WRITE_VECTOR);
	item->rec.key = doc->key;
	item->rec.key_hash = digest_hash(doc->key);
	item->rec.content = doc->content;
	memcpy(item->rec.content_hash, doc->content_hash, DIGEST_SIZE);
	item->wants_vector = true;
	item->vector = vector;
}

/* A ticket for the page, which takes the page's memory over. */
static struct ticket *page_ticket(struct pending *pe)
{
	size_t n = pe->page.ndocs, dim = pipeline_dim(pe->p);
	struct ticket *t = ticket_new_items(n);

	for (size_t i = 0; t && i < n; i++) {
		float *vector =
			arena_alloc(&pe->page.arena, dim * sizeof(float));

		if (!vector) {
			ticket_free(t);
			return NULL;
		}
		fill_item(&t->input->items[i], t, i, &pe->page.docs[i], vector);
	}
	if (!t)
		return NULL;
	t->input->arena = pe->page.arena;
	arena_init(&pe->page.arena);
	return t;
}

static void embed_page(struct pending *pe)
{
	struct request *req = pe->req;
	struct ticket *t;
	struct wr_error err;

	buf_clear(&pe->after);
	buf_add_str(&pe->after, pe->page.docs[pe->page.ndocs - 1].key);
	t = buf_status(&pe->after) ? NULL : page_ticket(pe);
	if (!t) {
		error_nomem(&err, "pipeline");
		pending_end(pe, &err);
		return;
	}
	t->call.settled = page_embedded;
	t->call.owner_data = pe;
	pipeline_start(pe->p, &t->call);
	/* Whoever gives the request up means its pages too. */
	t->call.owner = req->call.owner;
	t->call.tag = req->call.tag;
}

static void page_read(struct attempt *a)
{
	struct pending *pe = list_item(a, struct pending, attempt);
	struct wr_error err;
	bool none;

	if (a->op.error.status) {
		pending_end(pe, &a->op.error);
		return;
	}
	if (pe->req->call.given_up) {
		give_up_error(&err, pe->req->call.given_up);
		pending_end(pe, &err);
		return;
	}
	none = !pe->page.ndocs;
	if (pe->counting)
		/* Nothing at all worked: say why, rather than "0 embedded". */
		pending_end(pe, pe->req->total || !pe->last_error.status
					? NULL
					: &pe->last_error);
	else if (none)
		count_rest(pe);
	else
		embed_page(pe);
}

static void next_page(struct pending *pe)
{
	struct request *req = pe->req;
	uint64_t n = PENDING_PAGE;

	if (req->limit && req->limit - req->total < n)
		n = req->limit - req->total;
	result_release(&pe->page);
	result_init(&pe->page);
	pe->attempt = (struct attempt){ .done = page_read };
	pe->attempt.op.kind = BACKEND_PENDING;
	pe->attempt.op.u.pending.after = buf_str(&pe->after);
	pe->attempt.op.u.pending.max_bytes = PENDING_BYTES;
	pe->attempt.op.u.pending.limit = pe->counting ? 1 : (uint32_t)n;
	pe->attempt.op.u.pending.result = &pe->page;
	pe->attempt.op.u.pending.remaining = pe->counting ? &pe->waiting : NULL;
	attempt_start(pe->p, req, &pe->attempt);
}

void pending_start(struct pipeline *p, struct request *req)
{
	struct pending *pe = progress_new(req, sizeof(*pe));
	struct wr_error err;

	if (!pe) {
		error_nomem(&err, "pipeline");
		request_end(p, req, &err);
		return;
	}
	if (!p->embeds) {
		error_set(&err, WR_ENOTSUP, 0, "pipeline",
			  "this store is open without an embedder; open it "
			  "with one to embed what waits");
		request_end(p, req, &err);
		return;
	}
	pe->p = p;
	pe->req = req;
	result_init(&pe->page);
	next_page(pe);
}
