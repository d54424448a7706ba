#include "core.h"

/*
 * Answers to EV_EMBED.  They may come from any thread; one that comes too late,
 * the store being closed, is dropped by Windrow.
 */

PyObject *answer_texts(PyObject *self, PyObject *unused)
{
	wr_reply *job = reply_ask(self);
	const struct wr_str *texts = NULL;
	PyObject *list;
	size_t n;

	(void)unused;
	if (!job)
		return NULL;
	n = wr_embed_texts(job, &texts);
	list = PyList_New((Py_ssize_t)n);
	for (size_t i = 0; list && i < n; i++) {
		PyObject *text = core_str(texts[i]);

		if (!text)
			Py_CLEAR(list);
		else
			PyList_SetItem(list, (Py_ssize_t)i, text);
	}
	return list;
}

/* The job is no longer self's. */
static wr_reply *take(PyObject *self)
{
	wr_reply *job = reply_ask(self);

	if (job)
		((struct reply *)self)->r = NULL;
	return job;
}

PyObject *answer_finish(PyObject *self, PyObject *vectors)
{
	struct loans loans = { 0 };
	wr_reply *job = NULL;
	const float *floats;
	int status = -1;
	size_t n, dim;

	/* Reading the vectors may run Python, which may answer meanwhile. */
	if (reply_ask(self) &&
	    !loans_vectors(&loans, vectors, &floats, &n, &dim))
		job = take(self);
	if (job) {
		Py_BEGIN_ALLOW_THREADS;
		status = wr_embed_finish(job, floats, n, dim);
		Py_END_ALLOW_THREADS;
	}
	loans_release(&loans);
	return job ? PyBool_FromLong(!status) : NULL;
}

PyObject *answer_fail(PyObject *self, PyObject *args)
{
	struct loans loans = { 0 };
	unsigned retry_after_ms;
	wr_reply *job = NULL;
	PyObject *message;
	struct wr_str text;
	int status;

	if (!PyArg_ParseTuple(args, "iIO:fail", &status, &retry_after_ms,
			      &message))
		return NULL;
	if (!loans_text(&loans, message, "message", &text))
		job = take(self);
	if (job)
		wr_embed_fail(job, status, retry_after_ms, text.ptr);
	loans_release(&loans);
	if (!job)
		return NULL;
	Py_RETURN_NONE;
}
