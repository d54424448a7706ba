#include "core.h"

#include <string.h>

/* PyDict_GetItemString() would hide errors. */
PyObject *fields_get(PyObject *dict, const char *name)
{
	PyObject *key = PyUnicode_FromString(name);
	PyObject *value = key ? PyDict_GetItemWithError(dict, key) : NULL;

	Py_XDECREF(key);
	return value == Py_None ? NULL : value;
}

static int out_of_range(const char *name)
{
	PyErr_Format(PyExc_OverflowError, "%s is out of range", name);
	return -1;
}

static int take_unsigned(PyObject *value, const char *name, uint64_t most,
			 uint64_t *out)
{
	PyObject *index = PyNumber_Index(value);

	if (!index)
		return -1;
	*out = PyLong_AsUnsignedLongLong(index);
	Py_DECREF(index);
	if (*out == UINT64_MAX && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return -1;
		PyErr_Clear();
		return out_of_range(name);
	}
	return *out > most ? out_of_range(name) : 0;
}

static int take_signed(PyObject *value, const char *name, int64_t most,
		       int64_t *out)
{
	PyObject *index = PyNumber_Index(value);

	if (!index)
		return -1;
	*out = PyLong_AsLongLong(index);
	Py_DECREF(index);
	if (*out == -1 && PyErr_Occurred()) {
		if (!PyErr_ExceptionMatches(PyExc_OverflowError))
			return -1;
		PyErr_Clear();
		return out_of_range(name);
	}
	return *out > most || *out < -most ? out_of_range(name) : 0;
}

static int take_cstr(struct loans *loans, PyObject *value, const char *name,
		     const char **out)
{
	struct wr_str s;

	if (loans_text(loans, value, name, &s))
		return -1;
	if (memchr(s.ptr, 0, s.len)) {
		PyErr_Format(PyExc_ValueError, "%s has a NUL in it", name);
		return -1;
	}
	*out = s.ptr;
	return 0;
}

static int take(struct loans *loans, const struct field *field, PyObject *value,
		void *to)
{
	const char *name = field->name;
	uint64_t u;
	int64_t i;
	int status = 0;

	/* Whoever changes the dict meanwhile takes nothing away from C. */
	if (!loans_keep(loans, Py_NewRef(value)))
		return -1;
	switch (field->kind) {
	case FIELD_OTHER:
		break;
	case FIELD_CSTR:
		status = take_cstr(loans, value, name, to);
		break;
	case FIELD_TEXT:
		status = loans_text(loans, value, name, to);
		break;
	case FIELD_U32:
		status = take_unsigned(value, name, UINT32_MAX, &u);
		if (!status)
			*(uint32_t *)to = (uint32_t)u;
		break;
	case FIELD_U64:
		status = take_unsigned(value, name, UINT64_MAX, &u);
		if (!status)
			*(uint64_t *)to = u;
		break;
	case FIELD_I64:
		status = take_signed(value, name, INT64_MAX, &i);
		if (!status)
			*(int64_t *)to = i;
		break;
	case FIELD_INT:
		status = take_signed(value, name, INT32_MAX, &i);
		if (!status)
			*(int *)to = (int)i;
		break;
	}
	return status;
}

static const struct field *find(const struct field *fields, PyObject *key)
{
	Py_ssize_t len;
	const char *name =
		PyUnicode_Check(key) ? PyUnicode_AsUTF8AndSize(key, &len) : "";

	if (!name)
		return NULL;
	for (; fields->name; fields++)
		if (!strcmp(fields->name, name))
			break;
	return fields;
}

int fields_fill(struct loans *loans, PyObject *dict, const struct field *fields,
		const char *what, void *to)
{
	PyObject *key, *value;
	Py_ssize_t at = 0;

	if (!PyDict_Check(dict)) {
		PyErr_Format(PyExc_TypeError, "%s must be a dict", what);
		return -1;
	}
	while (PyDict_Next(dict, &at, &key, &value)) {
		const struct field *field = find(fields, key);

		if (!field)
			return -1;
		if (!field->name) {
			PyErr_Format(PyExc_TypeError, "%s has no %R", what,
				     key);
			return -1;
		}
		if (value != Py_None &&
		    take(loans, field, value, (char *)to + field->offset))
			return -1;
	}
	return 0;
}
