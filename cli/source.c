#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory.h"
#include "moment.h"
#include "output.h"

/* A batch is full at so many bytes or refusals, too. */
enum { FULL_BYTES = 1 << 20, FULL_REFUSALS = 256 };
/* Seconds that the first record of a batch waits for others. */
#define LINGER 0.02

struct source {
	struct source_options opts; /* immutable */
	int wake[2];
	pthread_t thread;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t taken; /* filling has room again, or stop was set */
	struct batch filling;
	double first_at; /* when filling got its first record */
	bool stop, ended;
	bool reading; /* a record of the current input has come */
	uint64_t done, current_total; /* of the input being read */
	uint64_t done_before;	      /* of those before it */
	uint64_t total_after;	      /* of those behind it */
	bool total_unknown;
	size_t unopened, broken;
};

/* ------------------------------------------------------------ its thread -- */

static bool is_full(const struct source *source)
{
	const struct batch *batch = &source->filling;

	return batch->n >= source->opts.records ||
	       batch->bytes.len >= FULL_BYTES ||
	       batch->nrefusals >= FULL_REFUSALS;
}

static bool is_empty(const struct batch *batch)
{
	return !batch->n && !batch->nrefusals;
}

static void wake(struct source *source)
{
	/* A full pipe wakes just as well. */
	while (write(source->wake[1], "", 1) < 0 && errno == EINTR)
		;
}

static const char *input_name(const char *path)
{
	return strcmp(path, "-") != 0 ? path : "standard input";
}

/* Put a record, or a refusal, into the batch.  False: stop. */
static bool hand_over(struct source *source, const char *path,
		      wr_reader *reader, int got, const struct wr_record *rec,
		      const struct wr_error *err)
{
	struct wr_str none = { NULL, 0 };
	uint64_t done, total;
	bool first, stop;

	wr_reader_progress(reader, &done, &total);
	pthread_mutex_lock(&source->lock);
	while (is_full(source) && !source->stop)
		pthread_cond_wait(&source->taken, &source->lock);
	stop = source->stop;
	if (!stop) {
		first = is_empty(&source->filling);
		if (first)
			source->first_at = moment_clock();
		if (got == 1)
			batch_add(&source->filling, rec);
		else
			batch_refuse(&source->filling, input_name(path),
				     wr_reader_position(reader),
				     source->opts.raw ? wr_reader_raw(reader)
						      : none,
				     err);
		source->reading = true;
		source->done = done;
		source->current_total = total;
		if (first || is_full(source))
			wake(source);
	}
	pthread_mutex_unlock(&source->lock);
	return !stop;
}

static bool read_all(struct source *source, const char *path, wr_reader *reader)
{
	struct wr_record rec;
	struct wr_error err;
	int got;

	for (;;) {
		err = (struct wr_error){ 0 };
		got = wr_reader_next(reader, &rec, &err);
		if (got == 0)
			return true;
		if (got == 1 || got == WR_EDATA) {
			if (!hand_over(source, path, reader, got, &rec, &err))
				return false;
			continue;
		}
		output_error("%s", output_reason(&err));
		output_error("%s was not read to its end", input_name(path));
		pthread_mutex_lock(&source->lock);
		source->broken++;
		pthread_mutex_unlock(&source->lock);
		return true;
	}
}

static uint64_t file_size(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISREG(st.st_mode) ? (uint64_t)st.st_size
						       : 0;
}

/* The input is done with: the one behind it counts now. */
static void next_input(struct source *source, size_t i)
{
	uint64_t size;

	pthread_mutex_lock(&source->lock);
	source->done_before += source->done;
	source->done = 0;
	source->reading = false;
	source->current_total = 0;
	if (i + 1 < source->opts.npaths) {
		size = file_size(source->opts.paths[i + 1]);
		source->total_after -=
			size < source->total_after ? size : source->total_after;
	}
	pthread_mutex_unlock(&source->lock);
}

static void *run(void *arg)
{
	struct source *source = arg;
	bool going = true;
	size_t i;

	for (i = 0; going && i < source->opts.npaths; i++) {
		struct wr_reader_options opts = WR_READER_OPTIONS_INIT;
		const char *path = source->opts.paths[i];
		struct wr_error err = { 0 };
		wr_reader *reader = NULL;

		opts.path = path;
		opts.format = source->opts.format;
		opts.base_url = source->opts.base_url;
		opts.max_content_bytes = source->opts.max_content;
		if (wr_reader_open(&reader, &opts, &err)) {
			output_error("%s", output_reason(&err));
			pthread_mutex_lock(&source->lock);
			source->unopened++;
			pthread_mutex_unlock(&source->lock);
			next_input(source, i);
			continue;
		}
		going = read_all(source, path, reader);
		wr_reader_close(reader);
		next_input(source, i);
	}
	pthread_mutex_lock(&source->lock);
	source->ended = true;
	wake(source);
	pthread_mutex_unlock(&source->lock);
	return NULL;
}

/* ------------------------------------------------------- the main thread -- */

static void count_sizes(struct source *source)
{
	size_t i;

	/* The reader tells of the first one. */
	for (i = 1; i < source->opts.npaths; i++) {
		uint64_t size = file_size(source->opts.paths[i]);

		source->total_after += size;
		source->total_unknown |= !size;
	}
}

struct source *source_start(const struct source_options *opts)
{
	struct source *source = memory_new(1, sizeof(*source));
	int rc;

	source->opts = *opts;
	pthread_mutex_init(&source->lock, NULL);
	pthread_cond_init(&source->taken, NULL);
	count_sizes(source);
	rc = pipe2(source->wake, O_CLOEXEC | O_NONBLOCK) ? errno : 0;
	if (!rc) {
		rc = pthread_create(&source->thread, NULL, run, source);
		if (rc) {
			close(source->wake[0]);
			close(source->wake[1]);
		}
	}
	if (rc) {
		output_cannot(WR_EIO, "cannot start reading: %s", strerror(rc));
		memory_free(source);
		return NULL;
	}
	return source;
}

int source_fd(const struct source *source)
{
	return source->wake[0];
}

static void drain_pipe(struct source *source)
{
	char bytes[64];

	while (read(source->wake[0], bytes, sizeof(bytes)) > 0)
		;
}

bool source_take(struct source *source, struct batch *batch, bool hurry,
		 int *wait_ms)
{
	struct batch full;
	bool take = false;
	double left;

	*wait_ms = -1;
	drain_pipe(source);
	pthread_mutex_lock(&source->lock);
	if (!is_empty(&source->filling)) {
		left = source->first_at + LINGER - moment_clock();
		take = hurry || left <= 0 || source->ended || source->stop ||
		       is_full(source);
		if (!take)
			*wait_ms = (int)(left * 1000) + 1;
	}
	if (take) {
		full = source->filling;
		source->filling = *batch;
		*batch = full;
		pthread_cond_signal(&source->taken);
	}
	pthread_mutex_unlock(&source->lock);
	return take;
}

bool source_is_done(struct source *source)
{
	bool done;

	pthread_mutex_lock(&source->lock);
	done = (source->ended || source->stop) && is_empty(&source->filling);
	pthread_mutex_unlock(&source->lock);
	return done;
}

void source_stop(struct source *source)
{
	pthread_mutex_lock(&source->lock);
	source->stop = true;
	pthread_cond_signal(&source->taken);
	pthread_mutex_unlock(&source->lock);
}

void source_progress(struct source *source, uint64_t *done, uint64_t *total)
{
	pthread_mutex_lock(&source->lock);
	*done = source->done_before + source->done;
	*total = 0;
	if (!source->total_unknown &&
	    (source->current_total || !source->reading))
		*total = source->done_before + source->current_total +
			 source->total_after;
	pthread_mutex_unlock(&source->lock);
}

void source_failures(struct source *source, size_t *unopened, size_t *broken)
{
	pthread_mutex_lock(&source->lock);
	*unopened = source->unopened;
	*broken = source->broken;
	pthread_mutex_unlock(&source->lock);
}

void source_free(struct source *source)
{
	bool ended;

	if (!source)
		return;
	source_stop(source);
	pthread_mutex_lock(&source->lock);
	ended = source->ended;
	pthread_mutex_unlock(&source->lock);
	if (!ended)
		return;
	pthread_join(source->thread, NULL);
	close(source->wake[0]);
	close(source->wake[1]);
	pthread_mutex_destroy(&source->lock);
	pthread_cond_destroy(&source->taken);
	batch_release(&source->filling);
	memory_free(source);
}
