#include "backend/topk.h"

#include "base/mem.h"
#include "base/str.h"
#include <stdlib.h>
#include <string.h>

void topk_init(struct topk *t, size_t limit)
{
	*t = (struct topk){ .limit = limit };
}

void topk_release(struct topk *t)
{
	for (size_t i = 0; i < t->n; i++)
		mem_free(t->rows[i].key);
	mem_free(t->rows);
	topk_init(t, 0);
}

/* Less than 0: a is better. */
static int compare(const struct topk_row *a, const struct topk_row *b)
{
	if (a->score != b->score)
		return a->score > b->score ? -1 : 1;
	return str_cmp((struct wr_str){ a->key, a->key_len },
		       (struct wr_str){ b->key, b->key_len });
}

static int compare_rows(const void *a, const void *b)
{
	return compare(a, b);
}

static void swap(struct topk_row *a, struct topk_row *b)
{
	struct topk_row c = *a;

	*a = *b;
	*b = c;
}

static void sift_up(struct topk *t, size_t i)
{
	while (i && compare(&t->rows[i], &t->rows[(i - 1) / 2]) > 0) {
		swap(&t->rows[i], &t->rows[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
}

static void sift_down(struct topk *t)
{
	for (size_t i = 0, worst;; i = worst) {
		worst = i;
		for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < t->n; k++)
			if (compare(&t->rows[k], &t->rows[worst]) > 0)
				worst = k;
		if (worst == i)
			return;
		swap(&t->rows[i], &t->rows[worst]);
	}
}

static int make_room(struct topk *t)
{
	size_t room = t->room ? t->room * 2 : 16;
	struct topk_row *rows;

	if (t->n < t->room)
		return 0;
	rows = mem_resize(t->rows, room, sizeof(*rows));
	if (!rows)
		return WR_ENOMEM;
	t->rows = rows;
	t->room = room;
	return 0;
}

int topk_add(struct topk *t, int64_t id, double score, struct wr_str key)
{
	struct topk_row row = { .id = id, .score = score };

	if (!t->limit)
		return 0;
	row.key = mem_dup(key.ptr, key.len);
	row.key_len = key.len;
	if (!row.key)
		return WR_ENOMEM;
	if (t->n < t->limit) {
		if (make_room(t)) {
			mem_free(row.key);
			return WR_ENOMEM;
		}
		t->rows[t->n] = row;
		sift_up(t, t->n++);
	} else if (compare(&row, &t->rows[0]) < 0) {
		swap(&row, &t->rows[0]);
		mem_free(row.key);
		sift_down(t);
	} else {
		mem_free(row.key);
	}
	return 0;
}

void topk_sort(struct topk *t)
{
	if (t->n)
		qsort(t->rows, t->n, sizeof(*t->rows), compare_rows);
}
