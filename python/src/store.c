#include "core.h"

#include <stddef.h>

/* A store's life; what it can do is in verbs.c. */

static void release(wr_store *s)
{
	if (!s)
		return;
	Py_BEGIN_ALLOW_THREADS;
	wr_store_free(s);
	Py_END_ALLOW_THREADS;
}

/* The last one out frees it. */
static void let_go(struct store *self)
{
	wr_store *s = self->s;

	if (!self->freed || self->users)
		return;
	self->s = NULL;
	release(s);
}

static void store_dealloc(PyObject *o)
{
	struct store *self = (struct store *)o;
	PyTypeObject *type = Py_TYPE(o);
	freefunc free_object =
		(freefunc)(uintptr_t)PyType_GetSlot(type, Py_tp_free);

	release(self->s);
	Py_XDECREF((PyObject *)self->embed_queue);
	Py_XDECREF((PyObject *)self->log_queue);
	free_object(o);
	Py_DECREF(type);
}

/* ----------------------------------------------------------- verbs' ends -- */

int verb_begin(struct verb *v, PyObject *self, PyObject *queue,
	       unsigned long long tag)
{
	struct store *store = (struct store *)self;

	*v = (struct verb){ .core = core_of(Py_TYPE(self)), .tag = tag };
	if (!PyObject_TypeCheck(queue, v->core->queue_type)) {
		PyErr_SetString(PyExc_TypeError, "queue must be a Queue");
		return -1;
	}
	if (store->freed) {
		v->err = (struct wr_error){
			.status = WR_ECLOSED,
			.where = "engine",
			.message = "the store is closed",
		};
		core_raise(v->core, &v->err);
		return -1;
	}
	v->q = queue_enter((struct queue *)queue);
	if (!v->q)
		return -1;
	v->queue = (struct queue *)queue;
	v->store = store;
	v->s = store->s;
	store->users++;
	return 0;
}

PyObject *verb_end(struct verb *v)
{
	loans_release(&v->loans);
	if (v->queue)
		queue_leave(v->queue);
	if (v->store) {
		v->store->users--;
		let_go(v->store);
	}
	if (PyErr_Occurred())
		return NULL;
	if (v->status) {
		v->err.status = v->status;
		return core_raise(v->core, &v->err);
	}
	Py_RETURN_NONE;
}

/* --------------------------------------------------------------- opening -- */

#define F(name, kind)                                                  \
	{                                                              \
#name, FIELD_##kind, offsetof(struct wr_options, name) \
	}

static const struct field option_fields[] = {
	F(store, CSTR),
	F(create, INT),
	F(urls, INT),
	F(fulltext, INT),
	F(embedder, CSTR),
	F(model, CSTR),
	F(dim, U32),
	{ "embed_queue", FIELD_OTHER, 0 },
	F(embed_batch, U32),
	F(embed_linger_ms, U32),
	F(embed_inflight, U32),
	F(embed_timeout_ms, U32),
	F(write_batch, U32),
	F(write_linger_ms, U32),
	F(max_records, U32),
	F(max_bytes, U64),
	F(max_content_bytes, U64),
	F(op_timeout_ms, U32),
	F(touch_after_s, U32),
	{ "log_queue", FIELD_OTHER, 0 },
	F(log_level, INT),
	F(schema, CSTR),
	F(table, CSTR),
	F(vector_type, CSTR),
	F(language, CSTR),
	F(distributed, INT),
	F(pool_size, U32),
	F(max_overflow, U32),
	F(pool_recycle_s, U32),
	F(pool_timeout_ms, U32),
	F(connect_timeout_ms, U32),
	F(statement_timeout_ms, U32),
	{ NULL, FIELD_OTHER, 0 },
};

#undef F

/* A queue among the options: its object in *out, or left NULL. */
static int take_queue(struct core *core, PyObject *options, const char *name,
		      struct queue **out, wr_queue **q)
{
	PyObject *queue = fields_get(options, name);

	if (!queue)
		return PyErr_Occurred() ? -1 : 0;
	if (!PyObject_TypeCheck(queue, core->queue_type)) {
		PyErr_Format(PyExc_TypeError, "%s must be a Queue", name);
		return -1;
	}
	*q = queue_enter((struct queue *)queue);
	if (!*q)
		return -1;
	*out = (struct queue *)Py_NewRef(queue);
	return 0;
}

static int begin(struct store *self, PyObject *options, PyObject *queue,
		 unsigned long long tag, struct wr_error *err)
{
	struct core *core = core_of(Py_TYPE((PyObject *)self));
	struct wr_options opts = WR_OPTIONS_INIT;
	struct loans loans = { 0 };
	wr_queue *q = queue_enter((struct queue *)queue);
	int status = q ? 0 : -1;

	if (!status)
		status = fields_fill(&loans, options, option_fields,
				     "the options", &opts);
	if (!status)
		status = take_queue(core, options, "embed_queue",
				    &self->embed_queue, &opts.embed_queue);
	if (!status)
		status = take_queue(core, options, "log_queue",
				    &self->log_queue, &opts.log_queue);
	if (!status && wr_open(&self->s, &opts, q, tag, err)) {
		core_raise(core, err);
		status = -1;
	}
	if (self->log_queue)
		queue_leave(self->log_queue);
	if (self->embed_queue)
		queue_leave(self->embed_queue);
	if (q)
		queue_leave((struct queue *)queue);
	loans_release(&loans);
	return status;
}

static PyObject *store_open(PyObject *type, PyObject *args)
{
	PyTypeObject *t = (PyTypeObject *)type;
	allocfunc alloc = (allocfunc)(uintptr_t)PyType_GetSlot(t, Py_tp_alloc);
	struct wr_error err = { 0 };
	PyObject *options, *queue;
	struct store *self;
	unsigned long long tag;

	if (!PyArg_ParseTuple(args, "O!O!K:open", &PyDict_Type, &options,
			      core_of(t)->queue_type, &queue, &tag))
		return NULL;
	self = (struct store *)alloc(t, 0);
	if (!self)
		return NULL;
	if (begin(self, options, queue, tag, &err)) {
		Py_DECREF(self);
		return NULL;
	}
	return (PyObject *)self;
}

/* --------------------------------------------------------------- closing -- */

static PyObject *store_close(PyObject *o, PyObject *args)
{
	PyObject *queue;
	unsigned long long tag;
	struct verb v;
	int mode;

	if (!PyArg_ParseTuple(args, "iOK:close", &mode, &queue, &tag))
		return NULL;
	if (!verb_begin(&v, o, queue, tag))
		v.status = wr_close(v.s,
				    mode == WR_CLOSE_ABORT ? WR_CLOSE_ABORT
							   : WR_CLOSE_DRAIN,
				    v.q, v.tag, &v.err);
	return verb_end(&v);
}

static PyObject *store_free(PyObject *o, PyObject *unused)
{
	struct store *self = (struct store *)o;

	(void)unused;
	self->freed = true;
	let_go(self);
	Py_RETURN_NONE;
}

static PyObject *store_cancel(PyObject *o, PyObject *args)
{
	PyObject *queue;
	unsigned long long tag;
	struct verb v;

	if (!PyArg_ParseTuple(args, "OK:cancel", &queue, &tag))
		return NULL;
	if (!verb_begin(&v, o, queue, tag))
		v.status = wr_cancel(v.s, v.q, v.tag, &v.err);
	return verb_end(&v);
}

/* ----------------------------------------------------- what never waits -- */

static PyObject *store_metrics(PyObject *o, PyObject *unused)
{
	struct store *self = (struct store *)o;
	struct wr_error err = { .where = "engine" };
	PyObject *text;
	char *s;

	(void)unused;
	err.status = self->freed ? WR_ECLOSED : wr_metrics(self->s, &s);
	if (err.status) {
		PyOS_snprintf(err.message, sizeof(err.message),
			      "there are no metrics of this store here");
		return core_raise(core_of(Py_TYPE(o)), &err);
	}
	text = PyUnicode_FromString(s);
	wr_free(s);
	return text;
}

static PyObject *store_dim(PyObject *o, PyObject *unused)
{
	struct store *self = (struct store *)o;

	(void)unused;
	return PyLong_FromUnsignedLong(self->freed ? 0 : wr_store_dim(self->s));
}

static PyMethodDef methods[] = {
	{ "open", store_open, METH_VARARGS | METH_CLASS,
	  "open(options: dict, queue, tag) -> Store" },
	{ "close", store_close, METH_VARARGS, "close(mode, queue, tag)" },
	{ "free", store_free, METH_NOARGS,
	  "Abort what is under way, and wait for its end." },
	{ "cancel", store_cancel, METH_VARARGS, "cancel(queue, tag)" },
	{ "metrics", store_metrics, METH_NOARGS,
	  "Counters in Prometheus' text format." },
	{ "dim", store_dim, METH_NOARGS, "The dimension; 0: not known yet." },
	{ "submit", verb_submit, METH_VARARGS,
	  "submit(records, policy, queue, tag)\n\n"
	  "records: tuples (url, key, title, content, metadata, fetched_at, "
	  "created_at, updated_at, embedding).  Raises Full where too much is "
	  "in flight." },
	{ "known", verb_known, METH_VARARGS,
	  "known(urls, since, flags, queue, tag)" },
	{ "get", verb_get, METH_VARARGS, "get(urls, parts, queue, tag)" },
	{ "delete", verb_delete, METH_VARARGS,
	  "delete(urls, flags, queue, tag)" },
	{ "search", verb_search, METH_VARARGS, "search(query, queue, tag)" },
	{ "scan", verb_scan, METH_VARARGS, "scan(scan, queue, tag)" },
	{ "prune", verb_prune, METH_VARARGS, "prune(what, queue, tag)" },
	{ "index", verb_index, METH_VARARGS, "index(index, queue, tag)" },
	{ "embed_pending", verb_embed_pending, METH_VARARGS,
	  "embed_pending(limit, queue, tag)" },
	{ "stats", verb_stats, METH_VARARGS, "stats(flags, queue, tag)" },
	{ "check", verb_check, METH_VARARGS, "check(flags, queue, tag)" },
	{ "migrate", verb_migrate, METH_VARARGS, "migrate(queue, tag)" },
	{ "progress", verb_progress, METH_VARARGS, "progress(queue, tag)" },
	{ "flush", verb_flush, METH_VARARGS, "flush(queue, tag)" },
	{ NULL, NULL, 0, NULL },
};

static char doc[] = "A store.  Every verb ends in an event with its tag.";

static PyType_Slot slots[] = {
	{ Py_tp_doc, doc },
	{ Py_tp_dealloc, (void *)(uintptr_t)store_dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec store_spec = {
	.name = "windrow._core.Store",
	.basicsize = sizeof(struct store),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE |
		 Py_TPFLAGS_DISALLOW_INSTANTIATION,
	.slots = slots,
};
