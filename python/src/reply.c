#include "core.h"

#include <string.h>

/* What an event brought, turned into Python's own objects when asked. */

PyObject *reply_wrap(struct core *core, wr_reply *r)
{
	allocfunc alloc;
	struct reply *self;

	if (!r)
		Py_RETURN_NONE;
	alloc = (allocfunc)(uintptr_t)PyType_GetSlot(core->reply_type,
						     Py_tp_alloc);
	self = (struct reply *)alloc(core->reply_type, 0);
	if (!self) {
		wr_reply_free(r);
		return NULL;
	}
	self->r = r;
	self->forks = core_forks();
	return (PyObject *)self;
}

static void reply_dealloc(PyObject *o)
{
	struct reply *self = (struct reply *)o;
	PyTypeObject *type = Py_TYPE(o);
	freefunc release =
		(freefunc)(uintptr_t)PyType_GetSlot(type, Py_tp_free);

	if (self->forks == core_forks())
		wr_reply_free(self->r);
	release(o);
	Py_DECREF(type);
}

wr_reply *reply_ask(PyObject *o)
{
	struct reply *self = (struct reply *)o;

	if (self->forks != core_forks())
		PyErr_SetString(PyExc_RuntimeError,
				"this reply belongs to the parent process");
	else if (!self->r)
		PyErr_SetString(PyExc_RuntimeError, "answered already");
	else
		return self->r;
	return NULL;
}

/* ---------------------------------------------------------- submissions -- */

static PyObject *reply_error(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	const struct wr_error *err;

	(void)unused;
	if (!r)
		return NULL;
	err = wr_reply_error(r);
	if (!err->status)
		Py_RETURN_NONE;
	return core_error_tuple(err);
}

static PyObject *reply_counts(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);

	(void)unused;
	if (!r)
		return NULL;
	return Py_BuildValue(
		"(KKKKKK)", (unsigned long long)wr_reply_count(r, WR_INSERTED),
		(unsigned long long)wr_reply_count(r, WR_UPDATED),
		(unsigned long long)wr_reply_count(r, WR_UNCHANGED),
		(unsigned long long)wr_reply_count(r, WR_SKIPPED),
		(unsigned long long)wr_reply_count(r, WR_FAILED),
		(unsigned long long)wr_reply_embedded(r));
}

/* The outcome of each record in the low four bits, why skipped above them. */
static PyObject *reply_outcomes(PyObject *self, PyObject *count)
{
	wr_reply *r = reply_ask(self);
	Py_ssize_t n = r ? PyLong_AsSsize_t(count) : -1;
	PyObject *bytes;
	char *to;

	if (n < 0) {
		if (!PyErr_Occurred())
			PyErr_SetString(PyExc_ValueError, "n is negative");
		return NULL;
	}
	bytes = PyBytes_FromStringAndSize(NULL, n);
	to = bytes ? PyBytes_AsString(bytes) : NULL;
	for (size_t i = 0; to && i < (size_t)n; i++)
		to[i] = (char)((int)wr_reply_outcome(r, i, NULL) |
			       (int)wr_reply_skip(r, i) << 4);
	return bytes;
}

static PyObject *reply_errors(PyObject *self, PyObject *count)
{
	wr_reply *r = reply_ask(self);
	Py_ssize_t n = r ? PyLong_AsSsize_t(count) : -1;
	PyObject *dict = PyErr_Occurred() ? NULL : PyDict_New();

	for (Py_ssize_t i = 0; dict && i < n; i++) {
		const struct wr_error *err;
		PyObject *key, *value;

		if (wr_reply_outcome(r, (size_t)i, &err) != WR_FAILED || !err)
			continue;
		key = PyLong_FromSsize_t(i);
		value = core_error_tuple(err);
		if (!key || !value || PyDict_SetItem(dict, key, value))
			Py_CLEAR(dict);
		Py_XDECREF(key);
		Py_XDECREF(value);
	}
	return dict;
}

/* -------------------------------------------------------------- numbers -- */

static PyObject *reply_total(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);

	(void)unused;
	return r ? PyLong_FromUnsignedLongLong(wr_reply_total(r)) : NULL;
}

static PyObject *reply_remaining(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);

	(void)unused;
	return r ? PyLong_FromUnsignedLongLong(wr_reply_remaining(r)) : NULL;
}

static size_t count_known(const wr_reply *r)
{
	struct wr_known_url k = WR_KNOWN_URL_INIT;
	size_t n = 0;

	while (!wr_reply_known(r, n, &k))
		n++;
	return n;
}

/* A byte a URL: 1 stored, 2 has an embedding. */
static PyObject *reply_known(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	struct wr_known_url k = WR_KNOWN_URL_INIT;
	PyObject *bytes;
	char *to;

	(void)unused;
	if (!r)
		return NULL;
	bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)count_known(r));
	to = bytes ? PyBytes_AsString(bytes) : NULL;
	for (size_t i = 0; to && !wr_reply_known(r, i, &k); i++)
		to[i] = (char)((k.stored ? 1 : 0) | (k.has_embedding ? 2 : 0));
	return bytes;
}

static PyObject *reply_fetched(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	struct wr_known_url k = WR_KNOWN_URL_INIT;
	PyObject *list = r ? PyList_New(0) : NULL;

	(void)unused;
	for (size_t i = 0; list && !wr_reply_known(r, i, &k); i++) {
		PyObject *time = PyLong_FromLongLong(k.fetched_at);

		if (!time || PyList_Append(list, time))
			Py_CLEAR(list);
		Py_XDECREF(time);
	}
	return list;
}

/* ------------------------------------------------------------ documents -- */

static PyObject *embedding_of(const struct wr_document *d)
{
	if (!d->embedding)
		Py_RETURN_NONE;
	return PyBytes_FromStringAndSize(
		(const char *)d->embedding,
		(Py_ssize_t)(d->embedding_dim * sizeof(float)));
}

static PyObject *document(const struct wr_document *d)
{
	return Py_BuildValue(
		"(NNNNNLLLdNNII)", core_str(d->url), core_str_or_none(d->title),
		core_str_or_none(d->content), core_str_or_none(d->metadata),
		core_str_or_none(d->snippet), (long long)d->fetched_at,
		(long long)d->created_at, (long long)d->updated_at, d->score,
		embedding_of(d), PyBool_FromLong(d->pending),
		(unsigned)d->rank_text, (unsigned)d->rank_vector);
}

static PyObject *reply_documents(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	size_t n = r ? wr_reply_documents(r) : 0;
	PyObject *list = r ? PyList_New((Py_ssize_t)n) : NULL;

	(void)unused;
	for (size_t i = 0; list && i < n; i++) {
		struct wr_document d = WR_DOCUMENT_INIT;
		PyObject *o = wr_reply_document(r, i, &d) == 1
				      ? document(&d)
				      : Py_NewRef(Py_None);

		if (!o)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, (Py_ssize_t)i, o);
	}
	return list;
}

static PyObject *reply_cursor(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);

	(void)unused;
	return r ? core_str(wr_reply_cursor(r)) : NULL;
}

/* ------------------------------------------------------ what people read -- */

static PyObject *text(const char *s)
{
	return core_str((struct wr_str){ s, s ? strlen(s) : 0 });
}

/* Takes value; 0, or -1 and an exception. */
static int put(PyObject *dict, const char *name, PyObject *value)
{
	PyObject *key = text(name);
	int status = -1;

	if (key && value)
		status = PyDict_SetItem(dict, key, value);
	Py_XDECREF(key);
	Py_XDECREF(value);
	return status;
}

static PyObject *reply_stats(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	PyObject *dict = r ? PyDict_New() : NULL;
	const char *name;
	uint64_t value;

	(void)unused;
	for (size_t i = 0; dict && wr_reply_stat(r, i, &name, &value); i++)
		if (put(dict, name, PyLong_FromUnsignedLongLong(value)))
			Py_CLEAR(dict);
	return dict;
}

static PyObject *reply_properties(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	PyObject *dict = r ? PyDict_New() : NULL;
	const char *name, *value;

	(void)unused;
	for (size_t i = 0; dict && wr_reply_property(r, i, &name, &value); i++)
		if (put(dict, name, text(value)))
			Py_CLEAR(dict);
	return dict;
}

static PyObject *reply_findings(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	PyObject *list = r ? PyList_New(0) : NULL;
	const char *what, *advice;
	enum wr_log_level level;

	(void)unused;
	for (size_t i = 0;
	     list && wr_reply_finding(r, i, &level, &what, &advice); i++) {
		PyObject *o = Py_BuildValue("(iNN)", (int)level, text(what),
					    text(advice));

		if (!o || PyList_Append(list, o))
			Py_CLEAR(list);
		Py_XDECREF(o);
	}
	return list;
}

static PyObject *reply_log(PyObject *self, PyObject *unused)
{
	wr_reply *r = reply_ask(self);
	enum wr_log_level level = WR_LOG_WARN;
	const char *message, *where = NULL;

	(void)unused;
	message = wr_reply_log(r, &level, &where);
	if (!r)
		return NULL;
	return Py_BuildValue("(iNN)", (int)level, text(where), text(message));
}

static PyMethodDef methods[] = {
	{ "error", reply_error, METH_NOARGS,
	  "(status, native, retry_after_ms, sqlstate, where, message) or "
	  "None" },
	{ "counts", reply_counts, METH_NOARGS,
	  "(inserted, updated, unchanged, skipped, failed, embedded)" },
	{ "outcomes", reply_outcomes, METH_O,
	  "outcomes(n) -> bytes: the outcome, and 16 times why it was "
	  "skipped" },
	{ "errors", reply_errors, METH_O,
	  "errors(n) -> {index: error} of the records that failed" },
	{ "total", reply_total, METH_NOARGS, NULL },
	{ "remaining", reply_remaining, METH_NOARGS, NULL },
	{ "known", reply_known, METH_NOARGS,
	  "A byte a URL: 1 stored, 2 has an embedding" },
	{ "fetched", reply_fetched, METH_NOARGS,
	  "When each URL of a known() was fetched, in µs" },
	{ "documents", reply_documents, METH_NOARGS,
	  "Tuples (key, title, content, metadata, snippet, fetched_at, "
	  "created_at, updated_at, score, embedding, pending, rank_text, "
	  "rank_vector), None where there is none" },
	{ "cursor", reply_cursor, METH_NOARGS, "\"\" after the last page" },
	{ "stats", reply_stats, METH_NOARGS, NULL },
	{ "properties", reply_properties, METH_NOARGS, NULL },
	{ "findings", reply_findings, METH_NOARGS, "(level, what, advice)" },
	{ "log", reply_log, METH_NOARGS, "(level, where, message)" },
	{ "texts", answer_texts, METH_NOARGS, "What is to be embedded." },
	{ "finish", answer_finish, METH_O,
	  "finish(vectors) -> bool: in the order of the texts; false where "
	  "they are not as many.  A TypeError or ValueError leaves the request "
	  "as it was." },
	{ "fail", answer_fail, METH_VARARGS,
	  "fail(status, retry_after_ms, message)" },
	{ NULL, NULL, 0, NULL },
};

static char doc[] = "What came with an event.";

static PyType_Slot slots[] = {
	{ Py_tp_doc, doc },
	{ Py_tp_dealloc, (void *)(uintptr_t)reply_dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec reply_spec = {
	.name = "windrow._core.Reply",
	.basicsize = sizeof(struct reply),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};
