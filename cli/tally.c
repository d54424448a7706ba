#include "tally.h"

#include <errno.h>
#include <string.h>

#include "json.h"
#include "memory.h"
#include "output.h"

enum { NAMED_MAX = 20 };

int tally_init(struct tally *tally, bool ack, const char *rejects_path)
{
	*tally = (struct tally){ .ack = ack, .rejects_path = rejects_path };
	if (!rejects_path)
		return EXIT_FINE;
	tally->rejects = fopen(rejects_path, "we");
	if (!tally->rejects)
		return output_cannot(WR_EIO, "cannot write %s: %s",
				     rejects_path, strerror(errno));
	return EXIT_FINE;
}

static void rejects_failed(struct tally *tally)
{
	if (!tally->rejects_broken)
		output_error("cannot write %s: %s", tally->rejects_path,
			     strerror(errno));
	tally->rejects_broken = true;
}

bool tally_done(struct tally *tally)
{
	if (tally->rejects && fclose(tally->rejects))
		rejects_failed(tally);
	tally->rejects = NULL;
	text_release(&tally->line);
	return !tally->rejects_broken;
}

/* ---------------------------------------------------------- submissions -- */

static struct wr_str name_of(const struct wr_record *rec)
{
	return rec->url.len ? rec->url : rec->key;
}

void submission_init(struct submission *sub, const struct tally *tally,
		     struct batch *batch)
{
	size_t i;

	sub->n = batch->n;
	sub->content = batch->content;
	if (tally->rejects) {
		sub->batch = *batch;
		*batch = (struct batch){ 0 };
		return;
	}
	sub->ends = memory_new(sub->n, sizeof(*sub->ends));
	for (i = 0; i < sub->n; i++) {
		struct wr_str name = name_of(&batch->recs[i]);

		text_add(&sub->urls, name.ptr, name.len);
		sub->ends[i] = sub->urls.len;
	}
	batch_clear(batch);
}

void submission_free(struct submission *sub)
{
	if (!sub)
		return;
	batch_release(&sub->batch);
	text_release(&sub->urls);
	memory_free(sub->ends);
	memory_free(sub);
}

static struct wr_str name_at(const struct submission *sub, size_t i)
{
	size_t from = i && sub->ends ? sub->ends[i - 1] : 0;

	if (sub->batch.n)
		return name_of(&sub->batch.recs[i]);
	return (struct wr_str){ sub->urls.ptr + from, sub->ends[i] - from };
}

/* ------------------------------------------------------------- failures -- */

static void put_record(struct text *t, const struct wr_record *rec)
{
	if (rec->key.ptr)
		json_put_string(t, "key", rec->key);
	if (rec->title.ptr)
		json_put_string(t, "title", rec->title);
	json_put_string(t, "raw_content", rec->content);
	if (rec->metadata.ptr)
		json_put_raw(t, "metadata", rec->metadata);
	if (rec->fetched_at)
		json_put_time(t, "fetched_at", rec->fetched_at);
	if (rec->created_at)
		json_put_time(t, "created_at", rec->created_at);
	if (rec->updated_at)
		json_put_time(t, "updated_at", rec->updated_at);
	if (rec->embedding)
		json_put_floats(t, "embedding", rec->embedding,
				rec->embedding_dim);
}

static void reject(struct tally *tally)
{
	json_close(&tally->line);
	text_putc(&tally->line, '\n');
	if (fwrite(tally->line.ptr, 1, tally->line.len, tally->rejects) !=
	    tally->line.len)
		rejects_failed(tally);
}

static void fail(struct tally *tally, const struct submission *sub, size_t i,
		 const struct wr_error *err)
{
	struct wr_str name = name_at(sub, i);

	if (tally->rejects) {
		text_clear(&tally->line);
		json_open(&tally->line);
		json_put_string(&tally->line, "url", name);
		json_put_text(&tally->line, "reason", output_reason(err));
		json_put_text(&tally->line, "status",
			      wr_status_name(err->status));
		put_record(&tally->line, &sub->batch.recs[i]);
		reject(tally);
	} else if (tally->named < NAMED_MAX) {
		output_error("failed: %.*s: %s",
			     (int)(name.len < 300 ? name.len : 300), name.ptr,
			     output_reason(err));
		tally->named++;
	}
}

/* The reader says where in its message, too: once is enough. */
static const char *without_place(const char *reason, const char *place)
{
	size_t n = strlen(place);

	return !strncmp(reason, place, n) && !strncmp(reason + n, ": ", 2)
		       ? reason + n + 2
		       : reason;
}

static void refuse(struct tally *tally, const struct refusal *refusal)
{
	struct wr_str raw = { refusal->raw, refusal->raw_len };
	const char *reason =
		without_place(output_reason(&refusal->error),
			      refusal->position + refusal->place_at);

	if (tally->rejects) {
		text_clear(&tally->line);
		json_open(&tally->line);
		json_put_text(&tally->line, "position", refusal->position);
		json_put_text(&tally->line, "reason", reason);
		json_put_text(&tally->line, "status",
			      wr_status_name(refusal->error.status));
		json_put_string(&tally->line, "line", raw);
		reject(tally);
	} else if (tally->named < NAMED_MAX) {
		output_error("failed: %s: %s", refusal->position, reason);
		tally->named++;
	}
}

static void flush(struct tally *tally)
{
	if (tally->rejects && fflush(tally->rejects))
		rejects_failed(tally);
}

void tally_refusals(struct tally *tally, const struct batch *batch)
{
	size_t i;

	for (i = 0; i < batch->nrefusals; i++)
		refuse(tally, &batch->refusals[i]);
	tally->counts[WR_FAILED] += batch->nrefusals;
	tally->records += batch->nrefusals;
	if (batch->nrefusals)
		flush(tally);
}

uint64_t tally_unnamed(const struct tally *tally)
{
	return tally->rejects ? 0 : tally->counts[WR_FAILED] - tally->named;
}

/* -------------------------------------------------------------- settling -- */

/* One line a URL: what would end or spoil the line is percent-encoded. */
static void acknowledge(struct tally *tally, struct wr_str url)
{
	size_t i;

	text_clear(&tally->line);
	for (i = 0; i < url.len; i++) {
		unsigned char c = (unsigned char)url.ptr[i];

		if (c < 0x20 || c == 0x7f)
			text_printf(&tally->line, "%%%02X", c);
		else
			text_putc(&tally->line, (char)c);
	}
	output_line(&tally->line);
}

/* A failure that is not a record's: the next ones will fare no better. */
static bool is_of_store(int status)
{
	switch (status) {
	case WR_ENOMEM:
	case WR_ETIMEOUT:
	case WR_ECLOSED:
	case WR_EFORKED:
	case WR_EIO:
	case WR_EBUSY:
	case WR_EAUTH:
	case WR_ECORRUPT:
	case WR_EREMOTE:
	case WR_EBUG:
	case WR_ENOENT:
		return true;
	default:
		return false;
	}
}

static void settle_one(struct tally *tally, const struct submission *sub,
		       size_t i, const wr_reply *reply)
{
	static const struct wr_error unknown = {
		.status = WR_EREMOTE,
		.message = "the store gave no reason",
	};
	const struct wr_error *err = NULL;

	switch (wr_reply_outcome(reply, i, &err)) {
	case WR_INSERTED:
	case WR_UPDATED:
	case WR_UNCHANGED:
		if (tally->ack)
			acknowledge(tally, name_at(sub, i));
		break;
	case WR_FAILED:
		fail(tally, sub, i, err ? err : &unknown);
		if (is_of_store(err ? err->status : WR_EREMOTE)) {
			tally->store_error = err ? *err : unknown;
			tally->store_failed = true;
		}
		break;
	case WR_SKIPPED:
	case WR_NOUTCOMES:
		break;
	}
}

void tally_fail(struct tally *tally, const struct submission *sub,
		const struct wr_error *err)
{
	size_t i;

	for (i = 0; i < sub->n; i++)
		fail(tally, sub, i, err);
	tally->counts[WR_FAILED] += sub->n;
	tally->records += sub->n;
	if (!tally->store_failed)
		tally->store_error = *err;
	tally->store_failed = true;
	flush(tally);
}

void tally_settle(struct tally *tally, const struct submission *sub,
		  const wr_reply *reply)
{
	int which;
	size_t i;

	tally->records += sub->n;
	tally->content += sub->content;
	for (which = 0; which < WR_NOUTCOMES; which++)
		tally->counts[which] +=
			wr_reply_count(reply, (enum wr_outcome)which);
	tally->embedded += wr_reply_embedded(reply);
	if (tally->ack || wr_reply_count(reply, WR_FAILED)) {
		for (i = 0; i < sub->n; i++)
			settle_one(tally, sub, i, reply);
	}
	if (tally->ack)
		fflush(stdout);
	flush(tally);
}
