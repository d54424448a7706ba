#include "engine/reply.h"

#include "base/mem.h"
#include "base/str.h"
#include "engine/queue.h"

#include <string.h>

struct wr_reply *reply_new(enum wr_event_kind kind, struct wr_queue *q,
			   uint64_t tag)
{
	struct wr_reply *r = mem_zalloc(1, sizeof(*r));

	if (!r)
		return NULL;
	list_init(&r->link);
	r->kind = kind;
	r->tag = tag;
	r->queue = queue_ref(q);
	return r;
}

void wr_reply_free(wr_reply *r)
{
	if (!r)
		return;
	if (r->embed)
		embed_request_fail(r->embed, WR_ECANCELED, 0,
				   "the request to embed was dropped");
	ticket_free(r->ticket);
	request_free(r->request);
	mem_free(r->log);
	mem_free(r->log_where);
	queue_unref(r->queue);
	mem_free(r);
}

const struct wr_error *wr_reply_error(const wr_reply *r)
{
	static const struct wr_error none;

	if (!r)
		return &none;
	if (r->ticket)
		return &r->ticket->call.error;
	return r->request ? &r->request->call.error : &r->error;
}

/* --------------------------------------------------------- submissions -- */

uint64_t wr_reply_count(const wr_reply *r, enum wr_outcome which)
{
	if (!r || !r->ticket || (unsigned)which >= WR_NOUTCOMES)
		return 0;
	return r->ticket->counts[which];
}

uint64_t wr_reply_embedded(const wr_reply *r)
{
	return r && r->ticket ? r->ticket->embedded : 0;
}

enum wr_outcome wr_reply_outcome(const wr_reply *r, size_t i,
				 const struct wr_error **err)
{
	const struct settled *s;

	if (err)
		*err = NULL;
	if (!r || !r->ticket || i >= r->ticket->n)
		return WR_FAILED;
	s = &r->ticket->outcomes[i];
	if (err)
		*err = s->error;
	return (enum wr_outcome)s->outcome;
}

enum wr_skip wr_reply_skip(const wr_reply *r, size_t i)
{
	if (!r || !r->ticket || i >= r->ticket->n)
		return WR_SKIP_NONE;
	return (enum wr_skip)r->ticket->outcomes[i].skip;
}

/* -------------------------------------------------------- other verbs -- */

uint64_t wr_reply_total(const wr_reply *r)
{
	if (r && r->kind == WR_EV_DELETE && r->ticket)
		return r->ticket->counts[WR_UPDATED];
	return r && r->request ? r->request->total : 0;
}

uint64_t wr_reply_remaining(const wr_reply *r)
{
	return r && r->request ? r->request->remaining : 0;
}

/* Fill in as much of the caller's struct as the caller knows. */
static void fill(void *to, const void *from, size_t size, size_t known)
{
	memcpy(to, from, size < known ? size : known);
	memcpy(to, &size, sizeof(size));
}

int wr_reply_known(const wr_reply *r, size_t i, struct wr_known_url *known)
{
	const struct request *req = r ? r->request : NULL;
	struct wr_known_url k = WR_KNOWN_URL_INIT;

	if (!req || req->call.kind != CALL_KNOWN || !req->stored ||
	    i >= req->n || known->size < sizeof(known->size))
		return WR_EINVAL;
	k.stored = !!(req->stored[i] & KNOWN_STORED);
	k.has_embedding = !!(req->stored[i] & KNOWN_VECTOR);
	k.fetched_at = req->fetched_at ? req->fetched_at[i] : 0;
	fill(known, &k, known->size, sizeof(k));
	return 0;
}

size_t wr_reply_documents(const wr_reply *r)
{
	return r && r->request ? r->request->result.ndocs : 0;
}

int wr_reply_document(const wr_reply *r, size_t i, struct wr_document *doc)
{
	const struct document *d;
	struct wr_document out = WR_DOCUMENT_INIT;

	if (!r || !r->request || i >= r->request->result.ndocs ||
	    doc->size < sizeof(doc->size))
		return WR_EINVAL;
	d = &r->request->result.docs[i];
	if (!d->found) {
		fill(doc, &out, doc->size, sizeof(out));
		return 0;
	}
	out.url = d->key;
	out.title = d->title;
	out.content = d->content;
	out.metadata = d->metadata;
	out.snippet = d->snippet;
	out.fetched_at = d->fetched_at;
	out.created_at = d->created_at;
	out.updated_at = d->updated_at;
	out.score = d->score;
	out.embedding = d->embedding;
	out.embedding_dim = d->embedding ? d->dim : 0;
	out.pending = d->pending;
	out.rank_text = d->rank_text;
	out.rank_vector = d->rank_vector;
	fill(doc, &out, doc->size, sizeof(out));
	return 1;
}

struct wr_str wr_reply_cursor(const wr_reply *r)
{
	const struct request *req = r ? r->request : NULL;

	if (!req || !req->more || !req->result.ndocs)
		return (struct wr_str){ "", 0 };
	return req->result.docs[req->result.ndocs - 1].key;
}

int wr_reply_stat(const wr_reply *r, size_t i, const char **name,
		  uint64_t *value)
{
	if (!r || !r->request || i >= r->request->result.nstats)
		return 0;
	*name = r->request->result.stats[i].name;
	*value = r->request->result.stats[i].value;
	return 1;
}

int wr_reply_property(const wr_reply *r, size_t i, const char **name,
		      const char **value)
{
	if (!r || !r->request || i >= r->request->result.nproperties)
		return 0;
	*name = r->request->result.properties[i].name;
	*value = r->request->result.properties[i].value;
	return 1;
}

int wr_reply_finding(const wr_reply *r, size_t i, enum wr_log_level *level,
		     const char **what, const char **advice)
{
	const struct finding *f;

	if (!r || !r->request || i >= r->request->result.nfindings)
		return 0;
	f = &r->request->result.findings[i];
	*level = f->level;
	*what = f->what;
	*advice = f->advice;
	return 1;
}

const char *wr_reply_log(const wr_reply *r, enum wr_log_level *level,
			 const char **where)
{
	if (!r)
		return NULL;
	if (level)
		*level = r->log_level;
	if (where)
		*where = r->log_where;
	return r->log;
}

/* ------------------------------------------- embedding by the program -- */

size_t wr_embed_texts(const wr_reply *job, const struct wr_str **texts)
{
	return job && job->embed ? embed_request_texts(job->embed, texts) : 0;
}

int wr_embed_finish(wr_reply *job, const float *vectors, size_t n, size_t dim)
{
	struct embed_request *req;
	int status = WR_EINVAL;

	if (!job)
		return status;
	req = job->embed;
	job->embed = NULL;
	if (req)
		status = embed_request_finish(req, vectors, n, dim);
	wr_reply_free(job);
	return status;
}

void wr_embed_fail(wr_reply *job, int status, uint32_t retry_after_ms,
		   const char *message)
{
	if (!job)
		return;
	if (job->embed)
		embed_request_fail(job->embed, status, retry_after_ms, message);
	job->embed = NULL;
	wr_reply_free(job);
}
