#include "core.h"

#include <string.h>

void loans_release(struct loans *loans)
{
	while (loans->nviews)
		PyBuffer_Release(&loans->views[--loans->nviews]);
	PyMem_Free(loans->views);
	Py_XDECREF(loans->objects);
	*loans = (struct loans){ 0 };
}

PyObject *loans_keep(struct loans *loans, PyObject *o)
{
	int status;

	if (!o)
		return NULL;
	if (!loans->objects)
		loans->objects = PyList_New(0);
	status = loans->objects ? PyList_Append(loans->objects, o) : -1;
	Py_DECREF(o);
	return status ? NULL : o;
}

/* A view must not move while it is held: some point into themselves. */
int loans_reserve(struct loans *loans, size_t n)
{
	if (loans->views || !n)
		return 0;
	loans->views = PyMem_Calloc(n, sizeof(*loans->views));
	loans->views_cap = n;
	if (loans->views)
		return 0;
	PyErr_NoMemory();
	return -1;
}

/* ----------------------------------------------------------------- texts -- */

/* What cannot be UTF-8 (a lone surrogate) is left for Windrow to repair. */
static PyObject *encode(PyObject *o)
{
	if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
		return NULL;
	PyErr_Clear();
	return PyUnicode_AsEncodedString(o, "utf-8", "surrogatepass");
}

int loans_text(struct loans *loans, PyObject *o, const char *what,
	       struct wr_str *out)
{
	Py_ssize_t len = 0;
	char *bytes;

	*out = (struct wr_str){ NULL, 0 };
	if (o == Py_None)
		return 0;
	if (PyUnicode_Check(o)) {
		out->ptr = PyUnicode_AsUTF8AndSize(o, &len);
		if (!out->ptr)
			o = loans_keep(loans, encode(o));
	} else if (!PyBytes_Check(o)) {
		PyErr_Format(PyExc_TypeError, "%s must be a str, not %R", what,
			     Py_TYPE(o));
		return -1;
	}
	if (!out->ptr) {
		if (!o || PyBytes_AsStringAndSize(o, &bytes, &len))
			return -1;
		out->ptr = bytes;
	}
	out->len = (size_t)len;
	return 0;
}

PyObject *loans_items(struct loans *loans, PyObject *o, size_t *n)
{
	PyObject *items;

	if (PyUnicode_Check(o) || PyBytes_Check(o)) {
		PyErr_SetString(PyExc_TypeError,
				"give a sequence, not a single text");
		return NULL;
	}
	items = loans_keep(loans, PySequence_Tuple(o));
	if (items)
		*n = (size_t)PyTuple_Size(items);
	return items;
}

/* n items of size bytes that loans owns. */
static void *block(struct loans *loans, size_t n, size_t size)
{
	PyObject *bytes;

	if (n > (size_t)PY_SSIZE_T_MAX / size) {
		PyErr_NoMemory();
		return NULL;
	}
	bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * size));
	bytes = loans_keep(loans, bytes);
	return bytes ? PyBytes_AsString(bytes) : NULL;
}

int loans_texts(struct loans *loans, PyObject *o, const char *what,
		const struct wr_str **out, size_t *n)
{
	PyObject *items = loans_items(loans, o, n);
	struct wr_str *texts;

	if (!items)
		return -1;
	texts = block(loans, *n, sizeof(*texts));
	if (!texts)
		return -1;
	for (size_t i = 0; i < *n; i++)
		if (loans_text(loans, PyTuple_GetItem(items, (Py_ssize_t)i),
			       what, &texts[i]))
			return -1;
	*out = texts;
	return 0;
}

/* --------------------------------------------------------------- vectors -- */

/* The number type of a buffer in this machine's byte order, else 0. */
static char number_of(const Py_buffer *view)
{
	const char *format = view->format ? view->format : "B";

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	if (*format == '<')
		format++;
	else
#endif
		if (*format == '@' || *format == '=')
		format++;
	return format[0] && !format[1] ? *format : 0;
}

/* The floats of a view, which is let go where they had to be converted. */
static const float *floats_of(struct loans *loans, Py_buffer *view)
{
	size_t n = (size_t)(view->len / view->itemsize);
	const double *doubles = view->buf;
	float *floats;

	if (number_of(view) == 'f') {
		loans->nviews++;
		return view->buf;
	}
	floats = block(loans, n, sizeof(*floats));
	for (size_t i = 0; floats && i < n; i++)
		floats[i] = (float)doubles[i];
	PyBuffer_Release(view);
	return floats;
}

/*
 * A buffer of ndim dimensions of float32 or float64: 1; 0 where o is none, or
 * one that has to be read number by number; -1 and an exception.
 */
static int from_buffer(struct loans *loans, PyObject *o, int ndim,
		       const float **out, size_t *shape)
{
	Py_buffer *view;
	char number;

	if (!PyObject_CheckBuffer(o) || loans->nviews >= loans->views_cap)
		return 0;
	view = &loans->views[loans->nviews];
	if (PyObject_GetBuffer(o, view, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS)) {
		PyErr_Clear();
		return 0;
	}
	number = number_of(view);
	if (view->ndim != ndim || (number != 'f' && number != 'd') ||
	    (uintptr_t)view->buf % (size_t)view->itemsize) {
		PyBuffer_Release(view);
		return 0;
	}
	for (int i = 0; i < ndim; i++)
		shape[i] = (size_t)view->shape[i];
	*out = floats_of(loans, view);
	return *out ? 1 : -1;
}

static int no_vector(PyObject *o, const char *what)
{
	PyErr_Format(PyExc_TypeError,
		     "%s must be a sequence of numbers or a buffer of floats, "
		     "not %R",
		     what, Py_TYPE(o));
	return -1;
}

static int from_numbers(struct loans *loans, PyObject *o, const char *what,
			const float **out, size_t *dim)
{
	PyObject *items;
	float *floats;

	if (PyUnicode_Check(o) || PyBytes_Check(o))
		return no_vector(o, what);
	items = PySequence_Tuple(o);
	if (!items) {
		if (!PyErr_ExceptionMatches(PyExc_TypeError))
			return -1;
		PyErr_Clear();
		return no_vector(o, what);
	}
	*dim = (size_t)PyTuple_Size(items);
	floats = block(loans, *dim, sizeof(*floats));
	for (size_t i = 0; floats && i < *dim; i++) {
		double x =
			PyFloat_AsDouble(PyTuple_GetItem(items, (Py_ssize_t)i));

		if (x == -1.0 && PyErr_Occurred())
			floats = NULL;
		else
			floats[i] = (float)x;
	}
	Py_DECREF(items);
	*out = floats;
	return floats ? 0 : -1;
}

int loans_vector(struct loans *loans, PyObject *o, const char *what,
		 const float **out, size_t *dim)
{
	int taken = from_buffer(loans, o, 1, out, dim);

	if (taken)
		return taken < 0 ? -1 : 0;
	return from_numbers(loans, o, what, out, dim);
}

/* Vectors that are objects of their own, into one block. */
static int gather(struct loans *loans, PyObject *items, size_t n, size_t *dim,
		  const float **out)
{
	float *all = NULL;

	for (size_t i = 0; i < n; i++) {
		struct loans own = { 0 };
		const float *vector;
		size_t len = 0;
		int status = loans_reserve(&own, 1);

		if (!status)
			status = loans_vector(
				&own, PyTuple_GetItem(items, (Py_ssize_t)i),
				"an embedding", &vector, &len);
		if (!status && !i) {
			size_t total;

			*dim = len;
			if (__builtin_mul_overflow(n, len, &total))
				total = SIZE_MAX;
			all = block(loans, total, sizeof(*all));
			status = all ? 0 : -1;
		} else if (!status && len != *dim) {
			PyErr_Format(PyExc_ValueError,
				     "embedding %zu has %zu numbers, the first "
				     "has %zu",
				     i, len, *dim);
			status = -1;
		}
		if (!status && len)
			memcpy(all + i * len, vector, len * sizeof(*all));
		loans_release(&own);
		if (status)
			return -1;
	}
	*out = all;
	return 0;
}

int loans_vectors(struct loans *loans, PyObject *o, const float **out,
		  size_t *n, size_t *dim)
{
	size_t shape[2];
	PyObject *items;
	int taken;

	if (loans_reserve(loans, 1))
		return -1;
	taken = from_buffer(loans, o, 2, out, shape);
	if (taken) {
		*n = shape[0];
		*dim = shape[1];
		return taken < 0 ? -1 : 0;
	}
	items = loans_items(loans, o, n);
	*dim = 0;
	return items ? gather(loans, items, *n, dim, out) : -1;
}
