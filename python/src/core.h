/*
 * core.h - windrow._core: the C API as Python sees it, one object a handle.
 *
 * Thin: what can be written in Python is.  Nothing here starts a thread, and
 * no thread of Windrow's ever runs Python: work ends in an event, which waits
 * in a queue until Python takes it out.  The GIL is let go while arguments are
 * copied and while a queue or the end of a store is waited for.
 *
 * Objects of a parent process do nothing in a forked child.
 */
#ifndef WINDROW_PYTHON_CORE_H
#define WINDROW_PYTHON_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <windrow.h>

/* Of one import of the module. */
struct core {
	PyTypeObject *queue_type;
	PyTypeObject *store_type;
	PyTypeObject *reply_type;
	PyObject *error; /* WindrowError */
	PyObject *full;	 /* Full, a WindrowError */
};

struct core *core_of(PyTypeObject *type);

/* How many forks lie between the first process and this one. */
unsigned core_forks(void);

/* Raise err as WindrowError or Full; always NULL. */
PyObject *core_raise(struct core *core, const struct wr_error *err);

/* (status, native, retry_after_ms, sqlstate, where, message) */
PyObject *core_error_tuple(const struct wr_error *err);

/* A str of any bytes; what is not UTF-8 in them is replaced. */
PyObject *core_str(struct wr_str s);
PyObject *core_str_or_none(struct wr_str s);

/* ---------------------------------------------------------------- loans -- */

/*
 * What a call borrows of Python's objects until it returns.  Zeroed before
 * first use.  Only objects that cannot change are lent.
 */
struct loans {
	PyObject *objects; /* a list; NULL until something is in it */
	Py_buffer *views;
	size_t nviews, views_cap;
};

void loans_release(struct loans *loans);

/* Keeps o, of which the reference is taken, and gives it back; NULL: error. */
PyObject *loans_keep(struct loans *loans, PyObject *o);

/* Room for n vectors, before the first of them is lent. */
int loans_reserve(struct loans *loans, size_t n);

/* str, bytes, or None for left out; what names it in a TypeError. */
int loans_text(struct loans *loans, PyObject *o, const char *what,
	       struct wr_str *out);

/* A tuple of the items of any sequence or iterable, kept. */
PyObject *loans_items(struct loans *loans, PyObject *o, size_t *n);

/* The texts of a sequence; *out belongs to loans. */
int loans_texts(struct loans *loans, PyObject *o, const char *what,
		const struct wr_str **out, size_t *n);

/*
 * A vector: a contiguous buffer of float32 is lent as it is, one of float64
 * and any sequence of numbers are converted.
 */
int loans_vector(struct loans *loans, PyObject *o, const char *what,
		 const float **out, size_t *dim);

/* n vectors of one dimension, as one buffer or one by one. */
int loans_vectors(struct loans *loans, PyObject *o, const float **out,
		  size_t *n, size_t *dim);

/* --------------------------------------------------------------- fields -- */

enum field_kind {
	FIELD_OTHER, /* the caller's business */
	FIELD_CSTR,  /* const char *; without a NUL inside */
	FIELD_TEXT,  /* struct wr_str */
	FIELD_U32,
	FIELD_U64,
	FIELD_I64,
	FIELD_INT /* an int, an enum, flags */
};

/* A member of an input struct, under the name that Python gives it. */
struct field {
	const char *name;
	enum field_kind kind;
	size_t offset;
};

/*
 * Fill the struct at to in from a dict; None is as good as left out, and a name
 * that is not among the fields, of which a zeroed one is the last, a TypeError.
 */
int fields_fill(struct loans *loans, PyObject *dict, const struct field *fields,
		const char *what, void *to);

/* A value of the dict; NULL where it is left out or None. */
PyObject *fields_get(PyObject *dict, const char *name);

/* ---------------------------------------------------------------- queue -- */

struct queue {
	PyObject_HEAD wr_queue *q; /* NULL once closed and nobody uses it */
	unsigned users; /* calls that are in it, with the GIL let go */
	unsigned forks; /* where it was made */
	bool closed;
};

extern PyType_Spec queue_spec;

/* The queue for a call, or NULL and an exception; queue_leave() follows. */
wr_queue *queue_enter(struct queue *self);
void queue_leave(struct queue *self);

/* ---------------------------------------------------------------- store -- */

struct store {
	PyObject_HEAD wr_store *s; /* NULL once freed and nobody uses it */
	unsigned users;		   /* as a queue's */
	bool freed;
	struct queue *embed_queue; /* these outlive the store */
	struct queue *log_queue;
};

extern PyType_Spec store_spec;

/* A verb under way: both ends of it, and what it said. */
struct verb {
	struct core *core;
	struct store *store;
	struct queue *queue;
	wr_store *s;
	wr_queue *q;
	uint64_t tag;
	struct loans loans;
	struct wr_error err;
	int status;
};

/* 0, or -1 and an exception; verb_end() follows in any case. */
int verb_begin(struct verb *v, PyObject *self, PyObject *queue,
	       unsigned long long tag);
/* None, or NULL and an exception. */
PyObject *verb_end(struct verb *v);

PyObject *verb_submit(PyObject *self, PyObject *args);
PyObject *verb_known(PyObject *self, PyObject *args);
PyObject *verb_get(PyObject *self, PyObject *args);
PyObject *verb_delete(PyObject *self, PyObject *args);
PyObject *verb_search(PyObject *self, PyObject *args);
PyObject *verb_scan(PyObject *self, PyObject *args);
PyObject *verb_prune(PyObject *self, PyObject *args);
PyObject *verb_index(PyObject *self, PyObject *args);
PyObject *verb_embed_pending(PyObject *self, PyObject *args);
PyObject *verb_stats(PyObject *self, PyObject *args);
PyObject *verb_check(PyObject *self, PyObject *args);
PyObject *verb_migrate(PyObject *self, PyObject *args);
PyObject *verb_progress(PyObject *self, PyObject *args);
PyObject *verb_flush(PyObject *self, PyObject *args);

/* ---------------------------------------------------------------- reply -- */

struct reply {
	PyObject_HEAD wr_reply *r; /* NULL once answered */
	unsigned forks;		   /* where it was made */
};

extern PyType_Spec reply_spec;

/* Takes r, also when it fails. */
PyObject *reply_wrap(struct core *core, wr_reply *r);
/* The reply as it may be asked here, or NULL and an exception. */
wr_reply *reply_ask(PyObject *self);

/* Of an EV_EMBED. */
PyObject *answer_texts(PyObject *self, PyObject *unused);
PyObject *answer_finish(PyObject *self, PyObject *vectors);
PyObject *answer_fail(PyObject *self, PyObject *args);

#endif
