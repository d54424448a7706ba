#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "base/str.h"
#include "gate.h"
#include <stdalign.h>
#include <stdio.h>

static void a_product_that_overflows_gives_no_memory(void **state)
{
	struct arena a = { 0 };

	(void)state;
	assert_null(mem_zalloc(SIZE_MAX / 2, 3));
	assert_null(mem_resize(NULL, SIZE_MAX / 2, 3));
	assert_null(mem_dup("x", SIZE_MAX));
	assert_null(arena_zalloc(&a, SIZE_MAX / 2, 3));
	assert_null(arena_alloc(&a, SIZE_MAX));
	assert_null(arena_alloc(&a, SIZE_MAX - 64));
	assert_int_equal(a.total, 0);
}

static void no_bytes_are_memory_too(void **state)
{
	void *p = mem_alloc(0), *q = mem_zalloc(0, 8);

	(void)state;
	assert_non_null(p);
	assert_non_null(q);
	p = mem_resize(p, 0, 8);
	assert_non_null(p);
	mem_free(p);
	mem_free(q);
	mem_free(NULL);
}

static void the_gate_refuses_the_nth_allocation(void **state)
{
	struct gate g;
	void *p[3];

	(void)state;
	gate_close(&g, 2);
	for (int i = 0; i < 3; i++)
		p[i] = mem_alloc(8);
	mem_set_gate(NULL, NULL);
	assert_non_null(p[0]);
	assert_null(p[1]);
	assert_non_null(p[2]);
	mem_free(p[0]);
	mem_free(p[2]);
}

static void an_arena_gives_aligned_blocks_that_do_not_overlap(void **state)
{
	enum { N = 3000 };
	static struct {
		unsigned char *p;
		size_t size;
	} given[N];
	struct rand_state rnd = { 11 };
	struct arena a = { 0 };

	(void)state;
	for (int i = 0; i < N; i++) {
		/* Mostly small, some larger than any shared block. */
		size_t most = i % 100 ? 300 : 2 << 20;

		given[i].size = (size_t)rand_below(&rnd, most);
		given[i].p = arena_alloc(&a, given[i].size);
		assert_non_null(given[i].p);
		assert_int_equal((uintptr_t)given[i].p % alignof(max_align_t),
				 0);
		memset(given[i].p, i & 0xff, given[i].size);
	}
	for (int i = 0; i < N; i++)
		for (size_t k = 0; k < given[i].size; k++)
			if (given[i].p[k] != (i & 0xff))
				fail_msg("block %d, byte %zu", i, k);
	arena_release(&a);
	assert_int_equal(a.total, 0);
}

static void a_small_arena_takes_few_and_small_blocks(void **state)
{
	struct arena a = { 0 };
	struct gate g;

	(void)state;
	gate_close(&g, 0);
	for (int i = 0; i < 1000; i++)
		assert_non_null(arena_alloc(&a, 32));
	mem_set_gate(NULL, NULL);
	assert_in_range(a.total, 32000, 4 * 32000);
	assert_in_range(g.asked, 1, 6);
	arena_release(&a);
}

static void a_large_block_leaves_the_space_of_the_newest_in_use(void **state)
{
	struct arena a = { 0 };
	char *p, *q;

	(void)state;
	p = arena_alloc(&a, 16);
	assert_non_null(arena_alloc(&a, 1 << 20));
	q = arena_alloc(&a, 16);
	assert_ptr_equal(q, p + 16);
	arena_release(&a);
}

static void a_copy_keeps_what_was_left_out(void **state)
{
	struct arena a = { 0 };
	struct wr_str s = { "x", 1 };

	(void)state;
	assert_int_equal(arena_dup(&a, &s, (struct wr_str){ 0 }), 0);
	assert_null(s.ptr);
	assert_int_equal(arena_dup(&a, &s, (struct wr_str){ "", 0 }), 0);
	assert_string_equal(s.ptr, "");
	assert_int_equal(arena_dup(&a, &s, str_of("abc")), 0);
	assert_string_equal(s.ptr, "abc");
	arena_release(&a);
}

static void an_arena_without_memory_keeps_what_it_gave(void **state)
{
	struct arena a = { 0 };
	struct wr_str s = { 0 };
	struct gate g;
	char *p = arena_alloc(&a, 8);

	(void)state;
	memcpy(p, "1234567", 8);
	gate_close(&g, 1);
	assert_null(arena_alloc(&a, 5000));
	mem_set_gate(NULL, NULL);
	assert_non_null(arena_alloc(&a, 5000));
	gate_close(&g, 1);
	assert_int_equal(arena_dup(&a, &s, (struct wr_str){ p, 8 }), 0);
	mem_set_gate(NULL, NULL);
	assert_string_equal(p, "1234567");
	assert_string_equal(s.ptr, "1234567");
	arena_release(&a);
}

static void a_buffer_is_terminated_after_each_append(void **state)
{
	struct buf b = { 0 };
	char expected[20000];
	size_t n = 0;

	(void)state;
	assert_string_equal(buf_str(&b).ptr, "");
	for (int i = 0; i < 1000; i++) {
		n += (size_t)snprintf(expected + n, sizeof(expected) - n,
				      "%d-%s;", i, "abc");
		buf_printf(&b, "%d", i);
		buf_putc(&b, '-');
		buf_puts(&b, "abc");
		buf_add_str(&b, str_of(";"));
		assert_int_equal(b.ptr[b.len], '\0');
		assert_true(b.room > b.len);
	}
	assert_int_equal(b.len, n);
	assert_string_equal(b.ptr, expected);
	assert_int_equal(buf_status(&b), 0);
	buf_release(&b);
}

static void a_buffer_never_gets_over_its_cap(void **state)
{
	struct buf b = { .cap = 100 };

	(void)state;
	for (int i = 0; i < 10; i++)
		buf_puts(&b, "0123456789");
	assert_int_equal(buf_status(&b), 0);
	buf_putc(&b, 'x');
	assert_int_equal(buf_status(&b), WR_ENOMEM);
	assert_int_equal(b.len, 100);
	assert_in_range(b.room, 101, 101);
	assert_null(buf_take(&b));
	buf_clear(&b);
	assert_int_equal(buf_status(&b), 0);
	buf_printf(&b, "%100d", 1);
	assert_int_equal(buf_status(&b), 0);
	assert_int_equal(buf_reserve(&b, 1), WR_ENOMEM);
	assert_int_equal(buf_reserve(&b, SIZE_MAX), WR_ENOMEM);
	buf_release(&b);
}

static void a_failed_append_leaves_the_text_and_stops_later_ones(void **state)
{
	struct buf b = { 0 };
	struct gate g;

	(void)state;
	buf_puts(&b, "kept");
	gate_close(&g, 1);
	buf_printf(&b, "%1000d", 1);
	mem_set_gate(NULL, NULL);
	buf_puts(&b, "late");
	buf_printf(&b, "%d", 1);
	assert_int_equal(buf_status(&b), WR_ENOMEM);
	assert_string_equal(b.ptr, "kept");
	buf_release(&b);
}

static void a_taken_text_is_the_callers(void **state)
{
	struct buf b = { 0 };
	char *empty, *text;

	(void)state;
	empty = buf_take(&b);
	assert_string_equal(empty, "");
	buf_puts(&b, "text");
	text = buf_take(&b);
	assert_string_equal(text, "text");
	assert_null(b.ptr);
	assert_int_equal(b.len, 0);
	mem_free(empty);
	mem_free(text);
}

struct entry {
	struct map_node node;
	char key[16];
	bool in;
};

static uint64_t hash_of(struct wr_str s)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.ptr[i]) * 1099511628211u;
	return h;
}

static void a_map_finds_what_was_added_and_not_removed(void **state)
{
	enum { N = 2000, STEPS = 20000 };
	static struct entry entries[N];
	struct rand_state rnd = { 5 };
	struct map m = { 0 };
	size_t count = 0;

	(void)state;
	for (int i = 0; i < N; i++)
		snprintf(entries[i].key, sizeof(entries[i].key), "key %d", i);
	for (int step = 0; step < STEPS; step++) {
		struct entry *e = &entries[rand_below(&rnd, N)];
		struct wr_str key = str_of(e->key);
		/* Few hashes, so that there are collisions. */
		uint64_t hash = hash_of(key) % 700;

		assert_ptr_equal(map_find(&m, hash, key),
				 e->in ? &e->node : NULL);
		if (e->in)
			map_remove(&m, &e->node);
		else
			assert_int_equal(map_add(&m, &e->node, hash, key), 0);
		e->in = !e->in;
		count += e->in ? 1 : (size_t)-1;
		assert_int_equal(m.count, count);
	}
	map_release(&m);
}

static void a_map_that_cannot_grow_goes_on(void **state)
{
	static struct entry entries[100];
	struct map m = { 0 };
	struct gate g;

	(void)state;
	gate_close(&g, 1);
	assert_int_equal(map_add(&m, &entries[0].node, 0, str_of("x")),
			 WR_ENOMEM);
	mem_set_gate(NULL, NULL);
	assert_null(map_find(&m, 0, str_of("x")));
	assert_int_equal(m.count, 0);
	for (int i = 0; i < 100; i++) {
		struct wr_str key;

		snprintf(entries[i].key, sizeof(entries[i].key), "%d", i);
		key = str_of(entries[i].key);
		if (i == 1) {
			gate_close(&g, 1);
			g.and_later = true;
		}
		assert_int_equal(
			map_add(&m, &entries[i].node, hash_of(key), key), 0);
	}
	mem_set_gate(NULL, NULL);
	for (int i = 0; i < 100; i++) {
		struct wr_str key = str_of(entries[i].key);

		assert_ptr_equal(map_find(&m, hash_of(key), key),
				 &entries[i].node);
	}
	map_release(&m);
}

static void a_heap_gives_what_is_due_first(void **state)
{
	enum { N = 500, STEPS = 50000 };
	static struct heap_node nodes[N];
	struct rand_state rnd = { 3 };
	struct heap h = { 0 };
	uint64_t order = 0;

	(void)state;
	for (int step = 0; step < STEPS; step++) {
		struct heap_node *n = &nodes[rand_below(&rnd, N)];

		if (n->in) {
			heap_remove(&h, n);
		} else {
			n->due_us = (int64_t)rand_below(&rnd, 100);
			n->order = order++;
			heap_add(&h, n);
		}
		if (step % 50 || !h.first)
			continue;
		for (int i = 0; i < N; i++)
			if (nodes[i].in)
				assert_true(
					nodes[i].due_us > h.first->due_us ||
					(nodes[i].due_us == h.first->due_us &&
					 nodes[i].order >= h.first->order));
		heap_remove(&h, h.first);
	}
	while (h.first) {
		int64_t due = h.first->due_us;

		heap_remove(&h, h.first);
		assert_true(!h.first || h.first->due_us >= due);
	}
	for (int i = 0; i < N; i++)
		assert_false(nodes[i].in);
}

struct item {
	struct list_node link;
	int value;
};

static void a_list_keeps_its_order_while_items_go(void **state)
{
	struct item items[6] = { 0 };
	struct list_node head, other;
	struct item *it;
	int sum = 0;

	(void)state;
	list_init(&head);
	list_init(&other);
	for (int i = 0; i < 6; i++) {
		items[i].value = i;
		list_append(i < 3 ? &head : &other, &items[i].link);
	}
	list_splice(&head, &other);
	assert_true(list_empty(&other));
	list_each (it, &head, struct item, link) {
		sum = sum * 10 + it->value;
		if (it->value % 2)
			list_remove(&it->link);
	}
	assert_int_equal(sum, 12345);
	list_remove(&items[1].link);
	for (int i = 0; i < 6; i += 2)
		assert_ptr_equal(list_take(&head), &items[i].link);
	assert_null(list_take(&head));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_product_that_overflows_gives_no_memory),
		cmocka_unit_test(no_bytes_are_memory_too),
		cmocka_unit_test(the_gate_refuses_the_nth_allocation),
		cmocka_unit_test(
			an_arena_gives_aligned_blocks_that_do_not_overlap),
		cmocka_unit_test(a_small_arena_takes_few_and_small_blocks),
		cmocka_unit_test(
			a_large_block_leaves_the_space_of_the_newest_in_use),
		cmocka_unit_test(a_copy_keeps_what_was_left_out),
		cmocka_unit_test(an_arena_without_memory_keeps_what_it_gave),
		cmocka_unit_test(a_buffer_is_terminated_after_each_append),
		cmocka_unit_test(a_buffer_never_gets_over_its_cap),
		cmocka_unit_test(
			a_failed_append_leaves_the_text_and_stops_later_ones),
		cmocka_unit_test(a_taken_text_is_the_callers),
		cmocka_unit_test(a_map_finds_what_was_added_and_not_removed),
		cmocka_unit_test(a_map_that_cannot_grow_goes_on),
		cmocka_unit_test(a_heap_gives_what_is_due_first),
		cmocka_unit_test(a_list_keeps_its_order_while_items_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
