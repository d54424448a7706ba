#include "core.h"

#include <errno.h>
#include <poll.h>
#include <time.h>

/*
 * Events are taken with the GIL held, so that any thread may ask; only the wait
 * for the descriptor is without it.
 */

enum { EVENTS_MAX = 256 };

static PyObject *queue_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
	allocfunc alloc =
		(allocfunc)(uintptr_t)PyType_GetSlot(type, Py_tp_alloc);
	struct wr_error err = { 0 };
	struct queue *self;

	if (kwargs && PyDict_Size(kwargs)) {
		PyErr_SetString(PyExc_TypeError, "Queue() takes no arguments");
		return NULL;
	}
	if (!PyArg_ParseTuple(args, ":Queue"))
		return NULL;
	self = (struct queue *)alloc(type, 0);
	if (!self)
		return NULL;
	if (wr_queue_new(&self->q, &err)) {
		core_raise(core_of(type), &err);
		Py_DECREF(self);
		return NULL;
	}
	self->forks = core_forks();
	return (PyObject *)self;
}

static void let_go(struct queue *self)
{
	if (!self->closed || self->users)
		return;
	wr_queue_free(self->q);
	self->q = NULL;
}

static void queue_dealloc(PyObject *o)
{
	struct queue *self = (struct queue *)o;
	PyTypeObject *type = Py_TYPE(o);
	freefunc release =
		(freefunc)(uintptr_t)PyType_GetSlot(type, Py_tp_free);

	wr_queue_free(self->q);
	release(o);
	Py_DECREF(type);
}

wr_queue *queue_enter(struct queue *self)
{
	if (self->closed) {
		PyErr_SetString(PyExc_ValueError, "the queue is closed");
		return NULL;
	}
	self->users++;
	return self->q;
}

void queue_leave(struct queue *self)
{
	self->users--;
	let_go(self);
}

static PyObject *queue_close(PyObject *o, PyObject *unused)
{
	struct queue *self = (struct queue *)o;

	(void)unused;
	/* Who waits sees that the queue is closed, and leaves. */
	if (!self->closed && self->users && self->forks == core_forks())
		wr_queue_wake(self->q);
	self->closed = true;
	let_go(self);
	Py_RETURN_NONE;
}

static PyObject *queue_wake(PyObject *o, PyObject *unused)
{
	struct queue *self = (struct queue *)o;

	(void)unused;
	if (!self->closed && self->forks == core_forks())
		wr_queue_wake(self->q);
	Py_RETURN_NONE;
}

static PyObject *queue_fileno(PyObject *o, PyObject *unused)
{
	struct queue *self = (struct queue *)o;

	(void)unused;
	return PyLong_FromLong(self->closed ? -1 : wr_queue_fd(self->q));
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1: there may be something; 0: time is up; -1 and an exception: a signal. */
static int wait_readable(struct queue *self, int timeout_ms)
{
	struct pollfd p = { .fd = wr_queue_fd(self->q), .events = POLLIN };
	int64_t until = timeout_ms < 0 ? 0 : now_ms() + timeout_ms;
	int n, left = timeout_ms, error;

	for (;;) {
		Py_BEGIN_ALLOW_THREADS;
		n = poll(&p, 1, left);
		error = errno;
		Py_END_ALLOW_THREADS;
		if (n >= 0)
			return n;
		if (error != EINTR) {
			errno = error;
			PyErr_SetFromErrno(PyExc_OSError);
			return -1;
		}
		if (PyErr_CheckSignals())
			return -1;
		if (timeout_ms >= 0)
			left = until > now_ms() ? (int)(until - now_ms()) : 0;
	}
}

/* The events as tuples; their replies are taken in any case. */
static PyObject *wrap(struct core *core, struct wr_event *events, int n)
{
	PyObject *list = PyList_New(n);

	for (int i = 0; i < n; i++) {
		PyObject *reply, *event = NULL;

		if (!list) {
			wr_reply_free(events[i].reply);
			continue;
		}
		reply = reply_wrap(core, events[i].reply);
		if (reply)
			event = Py_BuildValue("(KIiN)",
					      (unsigned long long)events[i].tag,
					      (unsigned)events[i].kind,
					      (int)events[i].status, reply);
		if (!event)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, i, event);
	}
	return list;
}

static PyObject *queue_next(PyObject *o, PyObject *args)
{
	struct queue *self = (struct queue *)o;
	struct wr_event events[EVENTS_MAX];
	struct wr_error err = { .where = "queue" };
	int max, timeout_ms, n = 1;

	if (!PyArg_ParseTuple(args, "ii:next", &max, &timeout_ms))
		return NULL;
	if (max < 1) {
		PyErr_SetString(PyExc_ValueError, "max must be 1 or more");
		return NULL;
	}
	if (!queue_enter(self))
		return NULL;
	if (timeout_ms)
		n = wait_readable(self, timeout_ms);
	/* What a queue that was closed meanwhile holds is for nobody. */
	if (n > 0 && self->closed)
		n = 0;
	else if (n > 0)
		n = wr_queue_next(self->q, events,
				  max < EVENTS_MAX ? max : EVENTS_MAX, 0);
	queue_leave(self);
	if (n >= 0)
		return wrap(core_of(Py_TYPE(o)), events, n);
	if (PyErr_Occurred())
		return NULL;
	err.status = n;
	PyOS_snprintf(err.message, sizeof(err.message), "%s",
		      n == WR_EFORKED ? "this queue belongs to the parent "
					"process"
				      : "the queue cannot be read");
	return core_raise(core_of(Py_TYPE(o)), &err);
}

static PyMethodDef methods[] = {
	{ "fileno", queue_fileno, METH_NOARGS,
	  "A descriptor that polls readable while events wait." },
	{ "next", queue_next, METH_VARARGS,
	  "next(max, timeout_ms) -> list of (tag, kind, status, reply)\n\n"
	  "Empty after timeout_ms (-1: never) or a wake()." },
	{ "wake", queue_wake, METH_NOARGS,
	  "Make a next() in another thread return." },
	{ "close", queue_close, METH_NOARGS,
	  "Give the queue up, with the events that are in it." },
	{ NULL, NULL, 0, NULL },
};

static char doc[] = "Where the work of stores reports its end.";

static PyType_Slot slots[] = {
	{ Py_tp_doc, doc },
	{ Py_tp_new, (void *)(uintptr_t)queue_new },
	{ Py_tp_dealloc, (void *)(uintptr_t)queue_dealloc },
	{ Py_tp_methods, methods },
	{ 0, NULL },
};

PyType_Spec queue_spec = {
	.name = "windrow._core.Queue",
	.basicsize = sizeof(struct queue),
	.flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
	.slots = slots,
};
