/*
 * How Python's calls come in; the code that cffi makes for them is compiled below this.
 *
 * A call is one step for Python's other threads, for it keeps the interpreter's lock; a run alone lets go of it. While
 * a machine is in one thread's hands (`thread`), calls from any other are refused, and a run within a run always is:
 * what a guest's instruction is in the middle of cannot be changed under it.
 */
#ifndef VMM_CALLS_H
#define VMM_CALLS_H

#include "api/vmm_all.h"

static const vmm_machine *calls_of_machine(vmm_machine *m)
{
    return m;
}

static const vmm_machine *calls_of_vcpu(vmm_vcpu *v)
{
    return v ? v->machine : NULL;
}

static const vmm_machine *calls_of_nobody(const void *other)
{
    (void)other;
    return NULL;
}

/* The machine that a call's first argument is, or is a part of; what takes a const one may look on from anywhere. */
/* clang-format off */
#define CALLS_MACHINE(first) \
    _Generic((first), vmm_machine *: calls_of_machine, vmm_vcpu *: calls_of_vcpu, default: calls_of_nobody)(first)
/* clang-format on */

static int calls_refused(const char *why)
{
    PyObject *errors = PyImport_ImportModule("vmm.errors");
    PyObject *type = errors ? PyObject_GetAttrString(errors, "VmmError") : NULL;
    if (type)
        PyErr_SetString(type, why);
    Py_XDECREF(type);
    Py_XDECREF(errors);
    return -1;
}

static int calls_enter(const vmm_machine *m)
{
    if (!m || !m->thread || m->thread == PyThread_get_thread_ident())
        return 0;
    return calls_refused("the machine runs in another thread, and until it stands it is that one's alone");
}

static int calls_run(vmm_machine *m, uint64_t insns)
{
    if (m->running)
        return calls_refused("the machine runs already: a run cannot begin within a run");
    uint64_t outer = m->thread;
    m->thread = PyThread_get_thread_ident();
    PyThreadState *python = PyEval_SaveThread();
    vmm_run(m, insns);
    PyEval_RestoreThread(python);
    m->thread = outer;
    return 0;
}

static int calls_seek(vmm_machine *m, vmm_exploration *x, uint64_t insns)
{
    if (m->running)
        return calls_refused("the machine runs: an exploration cannot begin within a run");
    uint64_t outer = m->thread;
    m->thread = PyThread_get_thread_ident();
    PyThreadState *python = PyEval_SaveThread();
    int again = vmm_explore_seek(m, x, insns);
    PyEval_RestoreThread(python);
    m->thread = outer;
    return again;
}

static int64_t calls_explore(vmm_machine *m, vmm_exploration *x, uint64_t boundaries, vmm_explored *out)
{
    if (m->running)
        return calls_refused("the machine runs: an exploration cannot begin within a run");
    uint64_t outer = m->thread;
    m->thread = PyThread_get_thread_ident();
    PyThreadState *python = PyEval_SaveThread();
    int64_t rows = vmm_explore(m, x, boundaries, out);
    PyEval_RestoreThread(python);
    m->thread = outer;
    return rows;
}

/* What cffi writes around each call, where the first argument is `x0`; in a call without arguments it is this one. */
#pragma GCC diagnostic ignored "-Wshadow"
static const void *const x0 = NULL;
#undef Py_BEGIN_ALLOW_THREADS
#define Py_BEGIN_ALLOW_THREADS                                                                                                 \
    {                                                                                                                          \
        if (calls_enter(CALLS_MACHINE(x0)) < 0)                                                                                \
            return NULL;
#undef Py_END_ALLOW_THREADS
#define Py_END_ALLOW_THREADS                                                                                                   \
    if (PyErr_Occurred())                                                                                                      \
        return NULL;                                                                                                           \
    }
#define vmm_run(m, insns) (void)calls_run(m, insns)
#define vmm_explore_seek(m, x, insns) calls_seek(m, x, insns)
#define vmm_explore(m, x, boundaries, out) calls_explore(m, x, boundaries, out)

#endif
