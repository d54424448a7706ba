#include "core.h"

#include <pthread.h>
#include <string.h>

static unsigned forks;

static void forked(void)
{
	forks++;
}

unsigned core_forks(void)
{
	return forks;
}

struct core *core_of(PyTypeObject *type)
{
	return PyType_GetModuleState(type);
}

PyObject *core_str(struct wr_str s)
{
	return PyUnicode_DecodeUTF8(s.ptr ? s.ptr : "", (Py_ssize_t)s.len,
				    "replace");
}

PyObject *core_str_or_none(struct wr_str s)
{
	if (!s.ptr)
		Py_RETURN_NONE;
	return core_str(s);
}

static PyObject *text(const char *s)
{
	return core_str((struct wr_str){ s, strlen(s) });
}

PyObject *core_error_tuple(const struct wr_error *err)
{
	return Py_BuildValue("(iiINNN)", (int)err->status, (int)err->native,
			     (unsigned)err->retry_after_ms, text(err->sqlstate),
			     text(err->where), text(err->message));
}

PyObject *core_raise(struct core *core, const struct wr_error *err)
{
	PyObject *details = core_error_tuple(err);

	if (details)
		PyErr_SetObject(err->status == WR_EFULL ? core->full
							: core->error,
				details);
	Py_XDECREF(details);
	return NULL;
}

/* ---------------------------------------------------------------- module -- */

static PyObject *status_name(PyObject *self, PyObject *arg)
{
	long status = PyLong_AsLong(arg);

	(void)self;
	if (status == -1 && PyErr_Occurred())
		return NULL;
	return PyUnicode_FromString(wr_status_name((int)status));
}

static PyMethodDef functions[] = {
	{ "status_name", status_name, METH_O,
	  "status_name(status: int) -> str\n\n\"WR_EIO\" for -8." },
	{ NULL, NULL, 0, NULL },
};

struct constant {
	const char *name;
	long value;
};

#define C(name)                  \
	{                        \
#name, WR_##name \
	}

static const struct constant constants[] = {
	C(EV_OPEN),
	C(EV_SUBMIT),
	C(EV_KNOWN),
	C(EV_GET),
	C(EV_SEARCH),
	C(EV_SCAN),
	C(EV_DELETE),
	C(EV_PRUNE),
	C(EV_EMBED_PENDING),
	C(EV_STATS),
	C(EV_CHECK),
	C(EV_MIGRATE),
	C(EV_FLUSH),
	C(EV_ROOM),
	C(EV_EMBED),
	C(EV_LOG),
	C(EV_CLOSED),
	C(EV_INDEX),
	C(EV_PROGRESS),
	C(EINVAL),
	C(ENOMEM),
	C(EFULL),
	C(ETIMEOUT),
	C(ECANCELED),
	C(ECLOSED),
	C(EFORKED),
	C(EIO),
	C(EBUSY),
	C(ELIMIT),
	C(EAUTH),
	C(EDATA),
	C(ESCHEMA),
	C(ENOTSUP),
	C(ECORRUPT),
	C(EREMOTE),
	C(EBUG),
	C(EEXIST),
	C(ENOENT),
	C(UPDATE),
	C(SKIP),
	C(FAIL),
	C(INSERTED),
	C(UPDATED),
	C(UNCHANGED),
	C(SKIPPED),
	C(FAILED),
	C(CLOSE_DRAIN),
	C(CLOSE_ABORT),
	C(CREATE_IF_MISSING),
	C(CREATE_NEVER),
	C(CREATE_NEW),
	C(URLS_DEFAULT),
	C(URLS_AS_GIVEN),
	C(URLS_CONSERVATIVE),
	C(URLS_AGGRESSIVE),
	C(FULLTEXT_DEFAULT),
	C(FULLTEXT_ON),
	C(FULLTEXT_OFF),
	C(KEYS),
	C(KNOWN_DETAILS),
	C(PART_CONTENT),
	C(PART_EMBEDDING),
	C(SEARCH_AUTO),
	C(SEARCH_TEXT),
	C(SEARCH_VECTOR),
	C(SEARCH_HYBRID),
	C(STATS_EXACT),
	C(CHECK_DEEP),
	C(INDEX_VECTOR),
	C(INDEX_TEXT),
	C(LOG_ERROR),
	C(LOG_WARN),
	C(LOG_INFO),
	C(LOG_DEBUG),
};

static int add_constants(PyObject *module)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++)
		if (PyModule_AddIntConstant(module, constants[i].name,
					    constants[i].value))
			return -1;
	return PyModule_AddStringConstant(module, "VERSION", WR_VERSION_STRING);
}

static int add_type(PyObject *module, PyType_Spec *spec, PyTypeObject **out)
{
	*out = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
	return *out ? PyModule_AddType(module, *out) : -1;
}

static int add_error(PyObject *module, const char *name, const char *doc,
		     PyObject *base, PyObject **out)
{
	char full[64];

	PyOS_snprintf(full, sizeof(full), "windrow._core.%s", name);
	*out = PyErr_NewExceptionWithDoc(full, doc, base, NULL);
	return *out ? PyModule_AddObjectRef(module, name, *out) : -1;
}

static int watch_forks(void)
{
	static bool watching;

	if (!watching && pthread_atfork(NULL, NULL, forked)) {
		PyErr_SetString(PyExc_OSError, "cannot watch for forks");
		return -1;
	}
	watching = true;
	return 0;
}

static int exec_module(PyObject *module)
{
	struct core *core = PyModule_GetState(module);

	if (watch_forks() || add_constants(module) ||
	    add_type(module, &queue_spec, &core->queue_type) ||
	    add_type(module, &store_spec, &core->store_type) ||
	    add_type(module, &reply_spec, &core->reply_type) ||
	    add_error(module, "WindrowError",
		      "args: status, native, retry_after_ms, sqlstate, where, "
		      "message",
		      NULL, &core->error))
		return -1;
	return add_error(module, "Full",
			 "Too much is in flight; an EV_ROOM will come.",
			 core->error, &core->full);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
	struct core *core = PyModule_GetState(module);

	Py_VISIT(core->queue_type);
	Py_VISIT(core->store_type);
	Py_VISIT(core->reply_type);
	Py_VISIT(core->error);
	Py_VISIT(core->full);
	return 0;
}

static int clear(PyObject *module)
{
	struct core *core = PyModule_GetState(module);

	Py_CLEAR(core->queue_type);
	Py_CLEAR(core->store_type);
	Py_CLEAR(core->reply_type);
	Py_CLEAR(core->error);
	Py_CLEAR(core->full);
	return 0;
}

static PyModuleDef_Slot slots[] = {
	{ Py_mod_exec, (void *)(uintptr_t)exec_module },
	{ 0, NULL },
};

static struct PyModuleDef definition = {
	PyModuleDef_HEAD_INIT,
	.m_name = "windrow._core",
	.m_doc = "Windrow's C API, one object a handle.  Private to windrow.",
	.m_size = sizeof(struct core),
	.m_methods = functions,
	.m_slots = slots,
	.m_traverse = traverse,
	.m_clear = clear,
};

/* Python looks for it by name. */
PyMODINIT_FUNC PyInit__core(void);

PyMODINIT_FUNC PyInit__core(void)
{
	return PyModuleDef_Init(&definition);
}
