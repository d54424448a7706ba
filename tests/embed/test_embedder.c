#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/loop_sim.h"
#include "base/mem.h"
#include "base/str.h"
#include "embed/embedder.h"
#include "embed/hash.h"
#include "record/vector.h"
#include <string.h>

enum { TEXTS = 3, DIM = 4 };

/* An embedder with one op, on virtual time. */
static struct {
	struct loop *loop;
	struct embedder_config config;
	struct wr_options opts;
	const struct embedder_ops *ops;
	struct embedder_identity id;
	void *self;
	struct embed_op op;
	struct wr_str texts[TEXTS];
	float vectors[TEXTS * 16];
	int done;
	int calls; /* of the function */
	int answer;
} f;

static int setup(void **state)
{
	const struct wr_options opts = WR_OPTIONS_INIT;

	(void)state;
	memset(&f, 0, sizeof(f));
	f.opts = opts;
	assert_int_equal(loop_sim_new(&f.loop, 1), 0);
	f.config.opts = &f.opts;
	f.config.loop = f.loop;
	f.texts[0] = str_of("one");
	f.texts[1] = str_of("two words");
	f.texts[2] = str_of("three of them");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (f.self)
		f.ops->close(f.self);
	loop_sim_free(f.loop);
	return 0;
}

static void open_it(const char *name)
{
	struct wr_error err = { 0 };

	assert_int_equal(embedder_find(&f.ops, name, &err), 0);
	if (f.ops->open(&f.self, &f.config, &f.id, &err))
		fail_msg("%s", err.message);
}

static void refuse(const char *name, int status, const char *words)
{
	struct wr_error err = { 0 };

	assert_int_equal(embedder_find(&f.ops, name, &err), 0);
	assert_int_equal(f.ops->open(&f.self, &f.config, &f.id, &err), status);
	assert_null(f.self);
	if (!strstr(err.message, words))
		fail_msg("%s", err.message);
}

static void on_done(struct embed_op *op)
{
	assert_ptr_equal(op, &f.op);
	f.done++;
}

static void start(uint32_t dim)
{
	f.op = (struct embed_op){ .texts = f.texts,
				  .n = TEXTS,
				  .vectors = dim ? f.vectors : NULL,
				  .dim = dim,
				  .done = on_done };
	f.done = 0;
	f.ops->run(f.self, &f.op);
	assert_int_equal(f.done, 0);
}

static int finish(void)
{
	loop_sim_run(f.loop, INT64_MAX);
	assert_int_equal(f.done, 1);
	return f.op.error.status;
}

static int program(const struct wr_str *texts, size_t n, float *vectors,
		   size_t dim, void *arg)
{
	assert_ptr_equal(arg, &f);
	f.calls++;
	for (size_t i = 0; i < n * dim; i++)
		vectors[i] = (float)texts[i / dim].len;
	return f.answer;
}

static void embedders_are_found_by_their_names(void **state)
{
	static const char *const names[] = { "none", "hash", "fn", "queue" };
	static const char *const others[] = { "", "Hash", "openai", "hash ",
					      NULL };

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(embedder_find(&f.ops, names[i], NULL), 0);
		assert_string_equal(f.ops->scheme, names[i]);
	}
	for (int i = 0; i < 5; i++) {
		struct wr_error err = { 0 };

		assert_int_equal(embedder_find(&f.ops, others[i], &err),
				 WR_EINVAL);
		assert_non_null(strstr(err.message, "\"none\", \"hash\", "
						    "\"fn\" or \"queue\""));
	}
}

static void none_embeds_nothing_and_says_so_later(void **state)
{
	(void)state;
	open_it("none");
	assert_string_equal(f.id.name, "none");
	assert_string_equal(f.id.model, "");
	assert_int_equal(f.id.dim, 0);
	start(DIM);
	f.ops->cancel(f.self, &f.op);
	assert_int_equal(finish(), WR_ENOTSUP);
}

static void hash_embeds_on_a_worker(void **state)
{
	float want[DIM];

	(void)state;
	open_it("hash");
	assert_string_equal(f.id.name, "hash");
	assert_string_equal(f.id.model, HASH_MODEL);
	assert_int_equal(f.id.dim, HASH_DIM);
	f.ops->close(f.self);
	f.config.dim = DIM;
	open_it("hash");
	assert_int_equal(f.id.dim, DIM);
	start(DIM);
	assert_int_equal(finish(), 0);
	for (int i = 0; i < TEXTS; i++) {
		hash_embed(f.texts[i], want, DIM);
		assert_memory_equal(want, f.vectors + i * DIM, sizeof(want));
	}
	start(0);
	assert_int_equal(finish(), 0);
	assert_int_equal(f.op.dim, DIM);
	start(DIM + 1);
	assert_int_equal(finish(), WR_ESCHEMA);
}

static void what_has_not_begun_is_cancelled(void **state)
{
	(void)state;
	f.opts.dim = DIM;
	open_it("hash");
	start(DIM);
	f.ops->cancel(f.self, &f.op);
	assert_int_equal(f.done, 0);
	assert_int_equal(finish(), WR_ECANCELED);
	f.ops->cancel(f.self, &f.op);
}

static void a_function_is_called_with_the_texts(void **state)
{
	(void)state;
	f.opts.embed_fn = program;
	f.opts.embed_arg = &f;
	f.opts.dim = DIM;
	f.config.model = "mine";
	open_it("fn");
	assert_string_equal(f.id.name, "host");
	assert_string_equal(f.id.model, "mine");
	assert_int_equal(f.id.dim, DIM);
	start(DIM);
	assert_int_equal(f.calls, 0);
	assert_int_equal(finish(), 0);
	assert_int_equal(f.calls, 1);
	assert_true(f.vectors[DIM] == 9);
	start(0);
	assert_int_equal(finish(), 0);
	assert_int_equal(f.op.dim, DIM);
	assert_int_equal(f.calls, 1);
}

static void what_a_function_returns_is_these_texts_or_not_now(void **state)
{
	static const int pairs[][2] = {
		{ WR_EDATA, WR_EDATA },	  { WR_ELIMIT, WR_ELIMIT },
		{ WR_ENOMEM, WR_ENOMEM }, { WR_EINVAL, WR_EIO },
		{ WR_ECANCELED, WR_EIO }, { 7, WR_EIO },
		{ -99, WR_EIO },
	};

	(void)state;
	f.opts.embed_fn = program;
	f.opts.embed_arg = &f;
	f.config.dim = DIM;
	open_it("fn");
	assert_string_equal(f.id.model, "default");
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		f.answer = pairs[i][0];
		start(DIM);
		assert_int_equal(finish(), pairs[i][1]);
	}
}

static void what_is_missing_is_asked_for(void **state)
{
	char name[300];

	(void)state;
	refuse("fn", WR_EINVAL, "give embed_fn");
	f.opts.embed_fn = program;
	refuse("fn", WR_EINVAL, "give dim");
	f.opts.dim = VECTOR_DIM_MAX + 1;
	refuse("fn", WR_EINVAL, "16385 dimensions");
	refuse("hash", WR_EINVAL, "16385 dimensions");
	refuse("queue", WR_EINVAL, "give embed_queue");
	f.opts.dim = DIM;
	memset(name, 'm', sizeof(name));
	name[299] = '\0';
	f.config.model = name;
	refuse("fn", WR_EINVAL, "299 bytes");
}

static bool refuse_all(void *arg)
{
	(void)arg;
	return false;
}

static void without_memory_an_op_still_ends_once(void **state)
{
	static const char *const names[] = { "none", "hash", "fn" };

	(void)state;
	f.opts.embed_fn = program;
	f.opts.embed_arg = &f;
	f.opts.dim = DIM;
	for (int i = 0; i < 3; i++) {
		struct wr_error err;

		mem_set_gate(refuse_all, NULL);
		assert_int_equal(embedder_find(&f.ops, names[i], &err), 0);
		assert_int_equal(f.ops->open(&f.self, &f.config, &f.id, &err),
				 WR_ENOMEM);
		mem_set_gate(NULL, NULL);
		open_it(names[i]);
		mem_set_gate(refuse_all, NULL);
		start(DIM);
		mem_set_gate(NULL, NULL);
		assert_int_equal(finish(), i ? WR_ENOMEM : WR_ENOTSUP);
		f.ops->close(f.self);
		f.self = NULL;
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(embedders_are_found_by_their_names),
		TEST(none_embeds_nothing_and_says_so_later),
		TEST(hash_embeds_on_a_worker),
		TEST(what_has_not_begun_is_cancelled),
		TEST(a_function_is_called_with_the_texts),
		TEST(what_a_function_returns_is_these_texts_or_not_now),
		TEST(what_is_missing_is_asked_for),
		TEST(without_memory_an_op_still_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
