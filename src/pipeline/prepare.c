#include "base/mem.h"
#include "base/str.h"
#include "pipeline/stages.h"

/*
 * The first stage: canonical URL, clean text, digests.  Workers prepare many
 * small tickets in one job, or one large one; they are then admitted in the
 * order in which they were started, whichever job was done first.
 */
struct prepare_job {
	struct loop_job job;
	struct pipeline *p;
	struct record_rules rules;
	bool embeds;
	struct list_node tickets; /* by job_link */
};

/* Room for the vector that the embedder or an equal content will bring. */
static int make_vector_room(struct item *item, const struct prepare_job *job)
{
	bool text = record_has_text(&item->rec);

	item->wants_vector = text && !item->rec.embedding;
	if (!item->wants_vector || !job->embeds)
		return 0;
	item->vector = arena_alloc(&item->ticket->input->arena,
				   job->rules.dim * sizeof(float));
	return item->vector ? 0 : WR_ENOMEM;
}

static int prepare_item(struct item *item, const struct wr_record *in,
			const struct prepare_job *job, struct wr_error *err)
{
	struct ticket *t = item->ticket;
	struct arena *arena = &t->input->arena;
	int status;

	if (item->kind == WRITE_DELETE) {
		status =
			record_key(&item->rec.key, in->url,
				   t->keys ? WR_URLS_AS_GIVEN : job->rules.urls,
				   arena, err);
		if (!status)
			item->rec.key_hash = digest_hash(item->rec.key);
		return status;
	}
	status = record_prepare(&item->rec, in, &job->rules, arena, &t->repairs,
				err);
	if (!status && make_vector_room(item, job))
		status = error_nomem(err, "prepare");
	return status;
}

/* Worker thread: the ticket is nobody else's meanwhile. */
static void prepare_ticket(struct ticket *t, struct prepare_job *job)
{
	struct input *in = t->input;
	enum write_kind kind =
		t->call.kind == CALL_DELETE ? WRITE_DELETE : WRITE_UPSERT;

	job->rules.now_us = t->now_us;
	if (input_make_items(in)) {
		t->prepare_status = WR_ENOMEM;
		return;
	}
	for (size_t i = 0; i < t->n; i++) {
		struct item *item = &in->items[i];
		struct wr_error err = { 0 };

		item_init(item, t, i, kind);
		if (prepare_item(item, &in->recs[i], job, &err)) {
			ticket_set_error(t, i, &err);
			item->state = ITEM_DONE;
		}
	}
}

static void work(struct loop_job *j)
{
	struct prepare_job *job = list_item(j, struct prepare_job, job);
	struct ticket *t;

	list_each (t, &job->tickets, struct ticket, job_link)
		prepare_ticket(t, job);
}

/* --------------------------------------------------------- loop thread -- */

/* Records brought vectors, and the store had no dimension: it has one now. */
struct dim_save {
	struct backend_op op;
	struct pipeline *p;
	struct settings settings;
	struct loop_timer timer;
	struct backoff backoff;
};

static void dim_saved(struct backend_op *op)
{
	struct dim_save *s = list_item(op, struct dim_save, op);
	struct pipeline *p = s->p;

	/* Nothing can be written meanwhile, so try as long as anybody waits. */
	if (error_passes(op->error.status) && !list_empty(&p->calls)) {
		loop_timer_set(p->loop, &s->timer,
			       next_try_us(p, &s->backoff, &op->error));
		return;
	}
	if (op->error.status) {
		/* The next vector tries again. */
		log_message(p->config.log, WR_LOG_WARN, op->error.where,
			    "cannot record the dimension: %s",
			    op->error.message);
		atomic_store(&p->dim, 0);
		p->config.settings.dim = 0;
	}
	p->dim_saving = false;
	mem_free(s);
	pipeline_unhold(p);
	pipeline_pump(p);
}

static void save_dim_again(struct loop_timer *timer)
{
	struct dim_save *s = list_item(timer, struct dim_save, timer);

	s->p->config.backend->run(s->p->config.backend_self, &s->op);
}

static int save_dim(struct pipeline *p, uint32_t dim)
{
	struct dim_save *s = mem_zalloc(1, sizeof(*s));

	if (!s)
		return WR_ENOMEM;
	s->p = p;
	s->settings = p->config.settings;
	s->settings.dim = dim;
	s->op = (struct backend_op){ .kind = BACKEND_SETTINGS,
				     .u.settings = &s->settings,
				     .done = dim_saved };
	s->timer.fired = save_dim_again;
	atomic_store(&p->dim, dim);
	p->config.settings.dim = dim;
	p->dim_saving = true;
	pipeline_hold(p);
	p->config.backend->run(p->config.backend_self, &s->op);
	return 0;
}

/* Its own vector was prepared while the store had no dimension. */
static int check_dim(struct pipeline *p, struct item *item,
		     struct wr_error *err)
{
	uint32_t dim = pipeline_dim(p);
	size_t have;

	if (!item->rec.embedding)
		return 0;
	have = item->ticket->input->recs[item->index].embedding_dim;
	if (have == dim)
		return 0;
	if (dim)
		return error_set(err, WR_EDATA, 0, "prepare",
				 "the embedding of %.*s has %zu dimensions, "
				 "the store has %u; embed it with the store's "
				 "model",
				 (int)str_clip(item->rec.key, 100).len,
				 item->rec.key.ptr, have, dim);
	return save_dim(p, (uint32_t)have) ? error_nomem(err, "prepare") : 0;
}

static void admit_item(struct pipeline *p, struct item *item)
{
	struct ticket *t = item->ticket;
	struct wr_error err = { 0 };

	if (item->state == ITEM_DONE) {
		t->counts[WR_FAILED]++;
		counter_add(&p->counters.outcomes[WR_FAILED], 1);
		t->unsettled--;
	} else if (t->call.given_up) {
		item_is_given_up(p, item);
	} else if (check_dim(p, item, &err)) {
		item_fail(p, item, &err);
	} else {
		keys_admit(p, item);
	}
}

/* No memory to prepare it with: every record fails. */
static void refuse(struct pipeline *p, struct ticket *t)
{
	struct wr_error err;

	error_nomem(&err, "prepare");
	for (size_t i = 0; i < t->n; i++)
		ticket_set_error(t, i, &err);
	t->counts[WR_FAILED] = t->n;
	counter_add(&p->counters.outcomes[WR_FAILED], t->n);
	t->unsettled = 0;
}

static void admit(struct pipeline *p, struct ticket *t)
{
	size_t n = t->n;

	counter_add(&p->counters.utf8_repairs, t->repairs.utf8);
	counter_add(&p->counters.nul_repairs, t->repairs.nul);
	/* One more than there are: it cannot end inside this loop. */
	t->unsettled = n + 1;
	if (t->prepare_status) {
		refuse(p, t);
		t->unsettled = 1;
	} else {
		for (size_t i = 0; i < n; i++)
			admit_item(p, &t->input->items[i]);
	}
	t->unsettled--;
	ticket_check_end(p, t);
}

static void admit_in_order(struct pipeline *p)
{
	while (!list_empty(&p->order)) {
		struct ticket *t =
			list_item(p->order.next, struct ticket, prep_link);

		if (!t->prepared)
			return;
		list_remove(&t->prep_link);
		admit(p, t);
	}
}

static void done(struct loop_job *j)
{
	struct prepare_job *job = list_item(j, struct prepare_job, job);
	struct pipeline *p = job->p;
	struct ticket *t;

	list_each (t, &job->tickets, struct ticket, job_link) {
		list_remove(&t->job_link);
		t->prepared = true;
	}
	mem_free(job);
	p->prepare_jobs--;
	pipeline_unhold(p);
	admit_in_order(p);
	pipeline_pump(p);
}

void prepare_add(struct pipeline *p, struct ticket *t)
{
	t->now_us = wall_now_us(p);
	list_append(&p->order, &t->prep_link);
	if (t->input->items) {
		t->prepared = true; /* came as items */
		admit_in_order(p);
		return;
	}
	counter_add(&p->counters.submissions, 1);
	counter_add(&p->counters.records, t->n);
	list_append(&p->arrived, &t->job_link);
}

/* Tickets for one job; at least one. */
static void take_tickets(struct pipeline *p, struct prepare_job *job)
{
	uint64_t records = 0, bytes = 0;

	do {
		struct ticket *t = list_item(list_take(&p->arrived),
					     struct ticket, job_link);

		list_append(&job->tickets, &t->job_link);
		records += t->n;
		bytes += t->input->charged_bytes;
	} while (!list_empty(&p->arrived) && records < PREPARE_RECORDS &&
		 bytes < PREPARE_BYTES);
}

/* No memory for a job: what has arrived fails, so that something ends. */
static void refuse_arrived(struct pipeline *p)
{
	struct list_node *n;

	while ((n = list_take(&p->arrived))) {
		struct ticket *t = list_item(n, struct ticket, job_link);

		t->prepare_status = WR_ENOMEM;
		t->prepared = true;
	}
	admit_in_order(p);
}

void prepare_pump(struct pipeline *p)
{
	while (!list_empty(&p->arrived) && p->prepare_jobs < PREPARE_JOBS) {
		struct prepare_job *job = mem_zalloc(1, sizeof(*job));

		if (!job) {
			refuse_arrived(p);
			return;
		}
		job->p = p;
		job->job.work = work;
		job->job.done = done;
		job->embeds = p->embeds;
		job->rules = (struct record_rules){
			.urls = p->config.settings.urls,
			.max_content = p->config.max_content_bytes,
			.dim = pipeline_dim(p),
		};
		list_init(&job->tickets);
		take_tickets(p, job);
		p->prepare_jobs++;
		pipeline_hold(p);
		loop_offload(p->loop, &job->job);
	}
}
