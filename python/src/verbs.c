#include "core.h"

#include <stddef.h>

/*
 * The verbs.  Those that copy texts do it without the GIL; the others return
 * at once.
 */

/* A number of records or texts that the C API can take. */
static void *room_for(struct loans *loans, size_t n, size_t size)
{
	PyObject *bytes;

	if (n > UINT32_MAX) {
		PyErr_SetString(PyExc_OverflowError,
				"too many at once: give fewer");
		return NULL;
	}
	bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * size));
	bytes = loans_keep(loans, bytes);
	return bytes ? PyBytes_AsString(bytes) : NULL;
}

/* ---------------------------------------------------------------- submit -- */

enum { RECORD_FIELDS = 9 };

static int take_time(PyObject *o, int64_t *out)
{
	if (o == Py_None)
		return 0;
	*out = PyLong_AsLongLong(o);
	return *out == -1 && PyErr_Occurred() ? -1 : 0;
}

static int take_embedding(struct loans *loans, PyObject *o, size_t n,
			  struct wr_record *rec)
{
	if (o == Py_None)
		return 0;
	if (loans_reserve(loans, n))
		return -1;
	if (loans_vector(loans, o, "the embedding", &rec->embedding,
			 &rec->embedding_dim))
		return -1;
	/* No length would mean the store's: an empty one is none. */
	if (!rec->embedding_dim)
		rec->embedding = NULL;
	return 0;
}

static int take_record(struct loans *loans, PyObject *o, size_t n,
		       struct wr_record *rec)
{
	PyObject *f[RECORD_FIELDS];

	if (!PyTuple_Check(o) || PyTuple_Size(o) != RECORD_FIELDS) {
		PyErr_Format(PyExc_TypeError,
			     "a record must be a tuple of %d fields",
			     RECORD_FIELDS);
		return -1;
	}
	for (Py_ssize_t i = 0; i < RECORD_FIELDS; i++)
		f[i] = PyTuple_GetItem(o, i);
	*rec = (struct wr_record){ 0 };
	if (loans_text(loans, f[0], "url", &rec->url) ||
	    loans_text(loans, f[1], "key", &rec->key) ||
	    loans_text(loans, f[2], "title", &rec->title) ||
	    loans_text(loans, f[3], "content", &rec->content) ||
	    loans_text(loans, f[4], "metadata", &rec->metadata) ||
	    take_time(f[5], &rec->fetched_at) ||
	    take_time(f[6], &rec->created_at) ||
	    take_time(f[7], &rec->updated_at))
		return -1;
	return take_embedding(loans, f[8], n, rec);
}

static int take_records(struct loans *loans, PyObject *o,
			const struct wr_record **out, size_t *n)
{
	PyObject *items = loans_items(loans, o, n);
	struct wr_record *recs;

	if (!items)
		return -1;
	recs = room_for(loans, *n, sizeof(*recs));
	if (!recs)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if (take_record(loans, PyTuple_GetItem(items, (Py_ssize_t)i),
				*n, &recs[i]))
			return -1;
	*out = recs;
	return 0;
}

PyObject *verb_submit(PyObject *self, PyObject *args)
{
	const struct wr_record *recs;
	PyObject *records, *queue;
	unsigned long long tag;
	struct verb v;
	int policy;
	size_t n;

	if (!PyArg_ParseTuple(args, "OiOK:submit", &records, &policy, &queue,
			      &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !take_records(&v.loans, records, &recs, &n)) {
		Py_BEGIN_ALLOW_THREADS;
		v.status = wr_submit(v.s, recs, n, (enum wr_policy)policy, v.q,
				     v.tag, &v.err);
		Py_END_ALLOW_THREADS;
	}
	return verb_end(&v);
}

/* -------------------------------------------------------------- by URL -- */

PyObject *verb_known(PyObject *self, PyObject *args)
{
	const struct wr_str *texts;
	PyObject *urls, *queue;
	unsigned long long tag;
	struct verb v;
	long long since;
	unsigned flags;
	size_t n;

	if (!PyArg_ParseTuple(args, "OLIOK:known", &urls, &since, &flags,
			      &queue, &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !loans_texts(&v.loans, urls, "a url", &texts, &n)) {
		Py_BEGIN_ALLOW_THREADS;
		v.status = wr_known(v.s, texts, n, since, flags, v.q, v.tag,
				    &v.err);
		Py_END_ALLOW_THREADS;
	}
	return verb_end(&v);
}

typedef int (*by_url)(wr_store *s, const struct wr_str *urls, size_t n,
		      unsigned flags, wr_queue *q, uint64_t tag,
		      struct wr_error *err);

static PyObject *run_by_url(PyObject *self, PyObject *args, by_url run)
{
	const struct wr_str *texts;
	PyObject *urls, *queue;
	unsigned long long tag;
	struct verb v;
	unsigned flags;
	size_t n;

	if (!PyArg_ParseTuple(args, "OIOK", &urls, &flags, &queue, &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !loans_texts(&v.loans, urls, "a url", &texts, &n)) {
		Py_BEGIN_ALLOW_THREADS;
		v.status = run(v.s, texts, n, flags, v.q, v.tag, &v.err);
		Py_END_ALLOW_THREADS;
	}
	return verb_end(&v);
}

PyObject *verb_get(PyObject *self, PyObject *args)
{
	return run_by_url(self, args, wr_get);
}

PyObject *verb_delete(PyObject *self, PyObject *args)
{
	return run_by_url(self, args, wr_delete);
}

/* ------------------------------------------------------------ by filter -- */

#define F(type, name, kind)                                      \
	{                                                        \
#name, FIELD_##kind, offsetof(struct type, name) \
	}
#define OTHER(name)                  \
	{                            \
		name, FIELD_OTHER, 0 \
	}
#define END                          \
	{                            \
		NULL, FIELD_OTHER, 0 \
	}

static const struct field filter_fields[] = {
	F(wr_filter, url_prefix, TEXT), F(wr_filter, host, TEXT),
	F(wr_filter, since, I64),	F(wr_filter, until, I64),
	F(wr_filter, metadata, TEXT),	END,
};

static const struct field query_fields[] = {
	F(wr_query, mode, INT),
	F(wr_query, text, TEXT),
	OTHER("vector"),
	F(wr_query, limit, U32),
	F(wr_query, parts, INT),
	OTHER("filter"),
	F(wr_query, mark_start, TEXT),
	F(wr_query, mark_end, TEXT),
	F(wr_query, timeout_ms, U32),
	F(wr_query, effort, U32),
	END,
};

static const struct field scan_fields[] = {
	OTHER("filter"),
	F(wr_scan, after, TEXT),
	F(wr_scan, limit, U32),
	F(wr_scan, parts, INT),
	END,
};

static const struct field prune_fields[] = {
	OTHER("filter"),
	F(wr_prune, limit, U64),
	F(wr_prune, dry_run, INT),
	END,
};

static const struct field index_fields[] = {
	F(wr_index, which, INT),
	F(wr_index, m, U32),
	F(wr_index, ef_construction, U32),
	F(wr_index, drop, INT),
	END,
};

#undef F
#undef OTHER
#undef END

/* The filter of a dict; *out stays NULL where there is none. */
static int take_filter(struct loans *loans, PyObject *dict,
		       struct wr_filter *filter, const struct wr_filter **out)
{
	PyObject *given = fields_get(dict, "filter");

	if (!given)
		return PyErr_Occurred() ? -1 : 0;
	*out = filter;
	return fields_fill(loans, given, filter_fields, "a filter", filter);
}

static int take_query_vector(struct loans *loans, PyObject *dict,
			     struct wr_query *query)
{
	PyObject *vector = fields_get(dict, "vector");

	if (!vector)
		return PyErr_Occurred() ? -1 : 0;
	if (loans_reserve(loans, 1))
		return -1;
	if (loans_vector(loans, vector, "vector", &query->vector,
			 &query->vector_dim))
		return -1;
	/* No length would mean the store's. */
	if (query->vector_dim)
		return 0;
	PyErr_SetString(PyExc_ValueError, "vector has no numbers");
	return -1;
}

PyObject *verb_search(PyObject *self, PyObject *args)
{
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_query query = WR_QUERY_INIT;
	PyObject *dict, *queue;
	unsigned long long tag;
	struct verb v;

	if (!PyArg_ParseTuple(args, "O!OK:search", &PyDict_Type, &dict, &queue,
			      &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !fields_fill(&v.loans, dict, query_fields, "a query", &query) &&
	    !take_filter(&v.loans, dict, &filter, &query.filter) &&
	    !take_query_vector(&v.loans, dict, &query))
		v.status = wr_search(v.s, &query, v.q, v.tag, &v.err);
	return verb_end(&v);
}

PyObject *verb_scan(PyObject *self, PyObject *args)
{
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_scan scan = WR_SCAN_INIT;
	PyObject *dict, *queue;
	unsigned long long tag;
	struct verb v;

	if (!PyArg_ParseTuple(args, "O!OK:scan", &PyDict_Type, &dict, &queue,
			      &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !fields_fill(&v.loans, dict, scan_fields, "a scan", &scan) &&
	    !take_filter(&v.loans, dict, &filter, &scan.filter))
		v.status = wr_scan(v.s, &scan, v.q, v.tag, &v.err);
	return verb_end(&v);
}

PyObject *verb_prune(PyObject *self, PyObject *args)
{
	struct wr_filter filter = WR_FILTER_INIT;
	struct wr_prune what = WR_PRUNE_INIT;
	PyObject *dict, *queue;
	unsigned long long tag;
	struct verb v;

	if (!PyArg_ParseTuple(args, "O!OK:prune", &PyDict_Type, &dict, &queue,
			      &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !fields_fill(&v.loans, dict, prune_fields, "a prune", &what) &&
	    !take_filter(&v.loans, dict, &filter, &what.filter))
		v.status = wr_prune(v.s, &what, v.q, v.tag, &v.err);
	return verb_end(&v);
}

PyObject *verb_index(PyObject *self, PyObject *args)
{
	struct wr_index index = WR_INDEX_INIT;
	PyObject *dict, *queue;
	unsigned long long tag;
	struct verb v;

	if (!PyArg_ParseTuple(args, "O!OK:index", &PyDict_Type, &dict, &queue,
			      &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag) &&
	    !fields_fill(&v.loans, dict, index_fields, "an index", &index))
		v.status = wr_index(v.s, &index, v.q, v.tag, &v.err);
	return verb_end(&v);
}

/* -------------------------------------------------- a number, or nothing -- */

PyObject *verb_embed_pending(PyObject *self, PyObject *args)
{
	unsigned long long limit, tag;
	PyObject *queue;
	struct verb v;

	if (!PyArg_ParseTuple(args, "KOK:embed_pending", &limit, &queue, &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag))
		v.status = wr_embed_pending(v.s, limit, v.q, v.tag, &v.err);
	return verb_end(&v);
}

typedef int (*by_flags)(wr_store *s, unsigned flags, wr_queue *q, uint64_t tag,
			struct wr_error *err);
typedef int (*bare)(wr_store *s, wr_queue *q, uint64_t tag,
		    struct wr_error *err);

static PyObject *run_by_flags(PyObject *self, PyObject *args, by_flags run)
{
	unsigned long long tag;
	PyObject *queue;
	unsigned flags;
	struct verb v;

	if (!PyArg_ParseTuple(args, "IOK", &flags, &queue, &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag))
		v.status = run(v.s, flags, v.q, v.tag, &v.err);
	return verb_end(&v);
}

static PyObject *run_bare(PyObject *self, PyObject *args, bare run)
{
	unsigned long long tag;
	PyObject *queue;
	struct verb v;

	if (!PyArg_ParseTuple(args, "OK", &queue, &tag))
		return NULL;
	if (!verb_begin(&v, self, queue, tag))
		v.status = run(v.s, v.q, v.tag, &v.err);
	return verb_end(&v);
}

PyObject *verb_stats(PyObject *self, PyObject *args)
{
	return run_by_flags(self, args, wr_stats);
}

PyObject *verb_check(PyObject *self, PyObject *args)
{
	return run_by_flags(self, args, wr_check);
}

PyObject *verb_migrate(PyObject *self, PyObject *args)
{
	return run_bare(self, args, wr_migrate);
}

PyObject *verb_progress(PyObject *self, PyObject *args)
{
	return run_bare(self, args, wr_progress);
}

PyObject *verb_flush(PyObject *self, PyObject *args)
{
	return run_bare(self, args, wr_flush);
}
