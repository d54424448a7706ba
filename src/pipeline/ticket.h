/*
 * ticket.h - one submission and its records, on their way.
 *
 * The ticket itself lives until its reply is freed.  Its input (the records as
 * they were given, and what was made of them) is counted by references: the
 * ticket's own ends when every record is settled, and a call to an embedder
 * that was given up, but reads the texts still, holds another.
 */
#ifndef PIPELINE_TICKET_H
#define PIPELINE_TICKET_H

#include "base/map.h"
#include "pipeline/blocks.h"
#include "pipeline/call.h"
#include "pipeline/gate.h"
#include "record/record.h"

struct embed_batch;
struct lookup_batch;
struct pipeline;
struct write_batch;

enum item_state {
	ITEM_LOOSE,	/* nowhere: not admitted yet, or between two places */
	ITEM_WAITING,	/* behind the leader of its key */
	ITEM_RIDING,	/* superseded by a later record of its submission */
	ITEM_LOOKUP,	/* queued for, or in, a look-up */
	ITEM_EMBED,	/* queued for the embedder */
	ITEM_EMBEDDING, /* in an embed_batch */
	ITEM_SHARING,	/* waits for the embedding of another item's content */
	ITEM_WRITE,	/* queued for a write */
	ITEM_WRITING,	/* in a write_batch */
	ITEM_DONE
};

enum embed_state { EMBED_NONE, EMBED_DUE, EMBED_READY, EMBED_FAILED };

/* Does it go to the writer without having been looked up? */
enum item_blind {
	BLIND_NO,
	BLIND_INSERT, /* to be inserted, if it is not stored */
	BLIND_UPSERT,
	BLIND_TRIED, /* it was stored, and takes the usual way now */
	BLIND_LOST   /* likewise: nobody knows whether it was written */
};

struct item {
	struct ticket *ticket;
	enum item_state state;
	enum write_kind kind;
	struct list_node link; /* in the list that its state names */
	struct record rec;
	uint32_t index; /* in its ticket */

	/*
	 * Order per key: the leader's key_node is in the pipeline's map, and
	 * whoever wants the same key waits in its list, in order of arrival.
	 */
	struct map_node key_node;
	bool leads;
	struct list_node waiting;
	struct list_node riders; /* superseded by this one, oldest first */

	/* Equal content is embedded once: likewise, by content_hash. */
	struct map_node content_node;
	bool shares_out;
	struct list_node sharers;
	enum embed_state embed;
	unsigned embed_tries;
	struct list_node embed_link; /* in the pipeline's, while it is there */
	int64_t embed_by_us;	     /* it goes on without a vector then */
	float *vector; /* room for dim floats; NULL: no embedder for it */

	struct lookup lookup;
	enum item_blind blind;
	bool wants_vector;
	struct lookup_batch *lookup_batch; /* NULL: in the queue, or past it */
	enum wr_outcome predicted;

	struct embed_batch *embed_batch;
	struct write_batch *write_batch;
};

struct settled {
	uint8_t outcome, skip;
	struct wr_error *error; /* of a failed record, in outcome_arena */
};

/* Loop thread, once the ticket was started. */
struct input {
	unsigned refs;
	struct wr_record *recs; /* one block with all that they point to */
	struct blocks *blocks;	/* where that came from */
	size_t block_size;
	size_t n;
	struct item *items;
	struct arena arena; /* what was prepared, and the vectors */
	struct gate *gate;  /* left when this is freed */
	uint64_t charged_records, charged_bytes;
};

void input_unref(struct input *in);

/* Make in->items, zeroed: 0 or WR_ENOMEM. */
int input_make_items(struct input *in);

/* A zeroed item becomes the i-th of a ticket, in no place. */
void item_init(struct item *item, struct ticket *t, size_t i,
	       enum write_kind kind);

struct ticket {
	struct call call;
	enum wr_policy policy;
	size_t n;
	struct input *input; /* NULL once every record is settled */

	/* Result. */
	struct settled *outcomes;
	struct arena outcome_arena;
	uint64_t counts[WR_NOUTCOMES];
	uint64_t embedded; /* records that the embedder embedded */

	/* The pipeline's. */
	size_t unsettled;
	bool prepared;
	struct list_node
		prep_link; /* in the order of starting, until admitted */
	struct list_node job_link; /* until a job has prepared it */
	struct record_repairs repairs;
	bool keys;	     /* of a delete: its URLs are keys, byte for byte */
	int prepare_status;  /* WR_ENOMEM: not prepared */
	struct wr_error why; /* the last fault that was to pass */
	int64_t now_us;	     /* wall clock, when it was started */
};

/* How many bytes the input of these records takes, dim floats each besides. */
uint64_t ticket_cost(const struct wr_record *recs, size_t n, uint32_t dim);

/*
 * Copy n records; an embedding that does not say its length has dim floats.
 * Nothing is charged to a gate yet.  blocks may be NULL.  NULL: out of memory.
 */
struct ticket *ticket_new(struct blocks *blocks, const struct wr_record *recs,
			  size_t n, uint32_t dim, enum wr_policy policy);
/* A delete of n URLs, or keys. */
struct ticket *ticket_new_delete(const struct wr_str *urls, size_t n,
				 bool keys);
/* A ticket for n items that the caller fills in; the input has no records. */
struct ticket *ticket_new_items(size_t n);

/* Settle a ticket that no pipeline has taken: every record fails with err. */
void ticket_refuse(struct ticket *t, const struct wr_error *err);

/* Everything; of a settled ticket, or one that was never started. */
void ticket_free(struct ticket *t);

static inline struct ticket *ticket_of(struct call *call)
{
	return (struct ticket *)call;
}

#endif
