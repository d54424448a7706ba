#include "model.h"

void model_init(struct model_set *set)
{
	set->n = 1;
	set->states[0] = (struct model_state){ .present = false };
	set->overflow = false;
}

static bool same(const struct model_state *a, const struct model_state *b)
{
	if (!a->present || !b->present)
		return a->present == b->present;
	return a->content == b->content && a->title == b->title &&
	       a->fetched_at == b->fetched_at;
}

static void add(struct model_set *set, struct model_state s)
{
	for (int i = 0; i < set->n; i++)
		if (same(&set->states[i], &s))
			return;
	if (set->n == MODEL_STATES) {
		set->overflow = true;
		return;
	}
	set->states[set->n++] = s;
}

/* What the record leaves behind if it is written over s. */
static struct model_state written(const struct model_state *s,
				  const struct model_step *step)
{
	struct model_state to = {
		.present = true,
		.content = step->content,
		.title = step->title >= 0 ? step->title
			 : s->present	  ? s->title
					  : -1,
		.fetched_at = step->fetched_at,
	};

	return to;
}

static bool says_the_same(const struct model_state *s,
			  const struct model_step *step)
{
	return s->present && s->content == step->content &&
	       (step->title < 0 || s->title == step->title);
}

static bool stale(const struct model_state *s, const struct model_step *step)
{
	return s->present && step->timed && s->fetched_at > step->fetched_at;
}

/* The state after an unchanged record: its time may have advanced. */
static void add_touched(struct model_set *to, const struct model_state *s,
			const struct model_step *step, int64_t touch_after)
{
	struct model_state touched = *s;

	if (step->fetched_at - s->fetched_at > touch_after)
		touched.fetched_at = step->fetched_at;
	add(to, touched);
}

/*
 * Failed, but maybe after it was written: both ways are possible.  What says
 * nothing new may still have advanced the time.
 */
static void add_unknown(struct model_set *to, const struct model_state *s,
			const struct model_step *step, int64_t touch_after)
{
	add(to, *s);
	if (step->kind == MODEL_DELETE) {
		add(to, (struct model_state){ .present = false });
		return;
	}
	if (stale(s, step) || (s->present && step->policy != WR_UPDATE))
		return;
	if (says_the_same(s, step))
		add_touched(to, s, step, touch_after);
	else
		add(to, written(s, step));
}

static void apply_delete(struct model_set *to, const struct model_state *s,
			 const struct model_step *step)
{
	bool deleted = step->outcome == WR_UPDATED;

	if (deleted == s->present)
		add(to, (struct model_state){ .present = false });
}

/*
 * It is stored as the record has it, whoever wrote that; or what is newer may
 * have been stored since.
 */
static void apply_guess(struct model_set *to, const struct model_state *s,
			const struct model_step *step, int64_t touch_after)
{
	if (step->outcome == WR_SKIPPED && step->skip == WR_SKIP_STALE &&
	    s->present && s->fetched_at > step->fetched_at)
		add(to, *s);
	if (step->outcome != WR_INSERTED && step->outcome != WR_UPDATED)
		return;
	if (says_the_same(s, step))
		add_touched(to, s, step, touch_after);
	else if (!s->present)
		add(to, written(s, step));
}

static void apply_upsert(struct model_set *to, const struct model_state *s,
			 const struct model_step *step, int64_t touch_after)
{
	switch (step->outcome) {
	case WR_INSERTED:
		if (!s->present)
			add(to, written(s, step));
		break;
	case WR_UPDATED:
		if (s->present && !stale(s, step) && !says_the_same(s, step) &&
		    step->policy == WR_UPDATE)
			add(to, written(s, step));
		break;
	case WR_UNCHANGED:
		if (says_the_same(s, step) && step->policy == WR_UPDATE)
			add_touched(to, s, step, touch_after);
		break;
	case WR_SKIPPED:
		if (step->skip == WR_SKIP_SUPERSEDED ||
		    (step->skip == WR_SKIP_STORED && s->present &&
		     step->policy == WR_SKIP) ||
		    (step->skip == WR_SKIP_STALE && stale(s, step)))
			add(to, *s);
		break;
	default:
		if (step->status == WR_EEXIST && s->present &&
		    step->policy == WR_FAIL)
			add(to, *s);
	}
}

bool model_apply(struct model_set *set, const struct model_step *step,
		 int64_t touch_after)
{
	struct model_set to = { .overflow = set->overflow };

	if (set->overflow)
		return true;
	for (int i = 0; i < set->n; i++) {
		const struct model_state *s = &set->states[i];

		if (step->outcome == WR_FAILED && step->status == WR_EDATA)
			add(&to, *s);
		else if (step->outcome == WR_FAILED &&
			 step->status != WR_EEXIST)
			add_unknown(&to, s, step, touch_after);
		else if (step->kind == MODEL_DELETE)
			apply_delete(&to, s, step);
		else
			apply_upsert(&to, s, step, touch_after);
		if (step->guess && step->kind == MODEL_UPSERT)
			apply_guess(&to, s, step, touch_after);
	}
	*set = to;
	return set->n > 0 || set->overflow;
}

void model_join(struct model_set *set, const struct model_set *other)
{
	set->overflow |= other->overflow;
	for (int i = 0; i < other->n; i++)
		add(set, other->states[i]);
}

bool model_allows(const struct model_set *set, const struct model_state *s)
{
	if (set->overflow)
		return true;
	for (int i = 0; i < set->n; i++)
		if (same(&set->states[i], s))
			return true;
	return false;
}
