#include "embed/later.h"

/* The last done() may close the embedder: later is not touched behind it. */
static void run(struct loop_task *task)
{
	struct later *later = list_item(task, struct later, task);
	struct list_node over, *node;
	struct embed_op *op;

	list_init(&over);
	list_splice(&over, &later->over);
	later->posted = false;
	while ((node = list_take(&over))) {
		op = list_item(node, struct embed_op, link);
		op->done(op);
	}
}

void later_init(struct later *later, struct loop *loop)
{
	later->loop = loop;
	later->task.run = run;
	later->posted = false;
	list_init(&later->over);
}

void later_done(struct later *later, struct embed_op *op)
{
	list_append(&later->over, &op->link);
	if (later->posted)
		return;
	later->posted = true;
	loop_post(later->loop, &later->task);
}
