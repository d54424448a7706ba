#include "engine/metrics.h"

#include "base/buf.h"

#include <inttypes.h>

static void put(struct buf *b, const char *name, const char *type,
		const char *help, uint64_t value)
{
	buf_printf(b,
		   "# HELP windrow_%s %s.\n# TYPE windrow_%s %s\n"
		   "windrow_%s %" PRIu64 "\n",
		   name, help, name, type, name, value);
}

static void put_outcomes(struct buf *b, const struct counters *c)
{
	static const char *const names[WR_NOUTCOMES] = {
		[WR_INSERTED] = "inserted",   [WR_UPDATED] = "updated",
		[WR_UNCHANGED] = "unchanged", [WR_SKIPPED] = "skipped",
		[WR_FAILED] = "failed",
	};

	buf_puts(b, "# HELP windrow_outcomes_total Records settled.\n"
		    "# TYPE windrow_outcomes_total counter\n");
	for (int i = 0; i < WR_NOUTCOMES; i++)
		buf_printf(b,
			   "windrow_outcomes_total{outcome=\"%s\"} %" PRIu64
			   "\n",
			   names[i], c ? counter_get(&c->outcomes[i]) : 0);
}

char *metrics_text(struct wr_store *s)
{
	struct buf b = { 0 };
	const struct counters *c;
	uint64_t records, bytes, refused;
	char *text;

	gate_usage(&s->gate, &records, &bytes, &refused);
	put(&b, "inflight_records", "gauge", "Records in flight", records);
	put(&b, "inflight_bytes", "gauge", "Bytes in flight", bytes);
	put(&b, "refused_total", "counter", "Submissions refused as full",
	    refused);
	pthread_mutex_lock(&s->lock);
	c = s->counted ? pipeline_counters(s->counted) : NULL;
#define PUT(field, help)                          \
	put(&b, #field "_total", "counter", help, \
	    c ? counter_get(&c->field) : 0);
	COUNTERS(PUT)
#undef PUT
	put_outcomes(&b, c);
	pthread_mutex_unlock(&s->lock);
	text = buf_take(&b);
	buf_release(&b);
	return text;
}
