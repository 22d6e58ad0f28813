/*
 * Signals while a machine runs. Python's own handler only sets a flag, at which the interpreter looks wherever Python code
 * runs next: that would be in the middle of a device's access, or where a callback begins and nobody catches what is
 * raised. So they wait here and end the slice, and who runs the machine hands them on at that boundary.
 *
 * A callback that never ends would keep them for ever; a timer of the kernel's own ends the wait. All of it happens in one
 * thread, the one that Python handles signals in, so that this handler and the core's code never overlap.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base.h"

enum { SIGNALS = 64, PATIENCE_NS = 500000000 };

static struct {
    pthread_t thread;
    vmm_machine *machine; /* whose run is the innermost; NULL: none */
    uint64_t set;         /* those that lead here; bit n - 1: signal n, so for the next */
    uint64_t waiting;
    int timer;
    bool timed;
    struct sigaction before[SIGNALS + 1];
} held;

/* A slice ends where vcpu_rearm finds this flag, or at once where no rearming is under way. */
static void end_slice(vmm_machine *m)
{
    __atomic_store_n(&m->signalled, 1, __ATOMIC_RELAXED);
    if (m->current)
        m->current->attention_at = 0;
}

/* By system calls, for only those may be made in a handler. */
static void wait_no_longer_than_patience(int number)
{
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number, .sigev_value.sival_ptr = &held};
    struct itimerspec patience = {.it_value.tv_nsec = PATIENCE_NS};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    held.timed = !syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &held.timer);
    if (held.timed)
        syscall(SYS_timer_settime, held.timer, 0, &patience, NULL);
}

/* Undisturbed, so that no timer is started that nobody would stop. */
static uint64_t take_waiting(void)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    uint64_t waiting = __atomic_exchange_n(&held.waiting, 0, __ATOMIC_SEQ_CST);
    if (held.timed)
        syscall(SYS_timer_delete, held.timer);
    held.timed = false;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return waiting;
}

static void hand_on(void)
{
    uint64_t waiting = __atomic_load_n(&held.waiting, __ATOMIC_SEQ_CST) ? take_waiting() : 0;
    for (int number = 1; number <= SIGNALS; number++)
        if (waiting >> (number - 1) & 1)
            held.before[number].sa_handler(number);
}

static vmm_machine *outermost(void)
{
    vmm_machine *m = held.machine;
    while (m->outer)
        m = m->outer;
    return m;
}

static void arrived(int number, const siginfo_t *info)
{
    bool out_of_patience = info->si_code == SI_TIMER && info->si_value.sival_ptr == &held;
    if (out_of_patience) {
        end_slice(held.machine);
        hand_on();
        return;
    }
    if (!__atomic_fetch_or(&held.waiting, 1ull << (number - 1), __ATOMIC_SEQ_CST))
        wait_no_longer_than_patience(number);
    end_slice(outermost());
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    (void)context;
    int error = errno;
    if (!pthread_equal(pthread_self(), held.thread)) /* the kernel gives a process's signals to any of its threads */
        pthread_kill(held.thread, number);
    else if (held.machine)
        arrived(number, info);
    else /* somebody kept this handler and put it back */
        held.before[number].sa_handler(number);
    errno = error;
}

static bool is_a_plain_function(const struct sigaction *action)
{
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

static void lead_here(int number)
{
    struct sigaction *before = &held.before[number], ours = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction found;
    sigfillset(&ours.sa_mask);
    if (sigaction(number, NULL, &found) || !is_a_plain_function(&found))
        return;
    *before = found;
    if (!sigaction(number, &ours, NULL))
        held.set |= 1ull << (number - 1);
}

/* Unless a script has set a handler of its own meanwhile. */
static void lead_back(int number)
{
    struct sigaction found;
    if (!sigaction(number, NULL, &found) && found.sa_flags & SA_SIGINFO && found.sa_sigaction == on_signal)
        sigaction(number, &held.before[number], NULL);
}

void vmm_signals_hold(vmm_machine *m, uint64_t set)
{
    for (vmm_machine *other = held.machine; other; other = other->outer)
        if (other == m)
            return;
    m->signalled = 0;
    m->outer = held.machine;
    if (!m->outer)
        held.thread = pthread_self();
    held.machine = m;
    for (int number = 1; !m->outer && number <= SIGNALS; number++)
        if (set >> (number - 1) & 1)
            lead_here(number);
}

void vmm_signals_pass(vmm_machine *m)
{
    m->signalled = 0;
    if (held.machine == m && !m->outer)
        hand_on();
}

void vmm_signals_release(vmm_machine *m)
{
    if (held.machine != m)
        return;
    held.machine = m->outer;
    m->outer = NULL;
    m->signalled = 0;
    if (held.machine)
        return;
    uint64_t set = held.set;
    held.set = 0;
    for (int number = 1; number <= SIGNALS; number++)
        if (set >> (number - 1) & 1)
            lead_back(number);
    hand_on();
}
