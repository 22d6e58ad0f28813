/*
 * Where Unicorn finds itself in a state that it has no word for, it calls abort, or exit: while it translates an encoding
 * that nobody tried, say. That would be the end of the process, with all that was recorded and every other machine, so it
 * becomes the end of the run, and of the machine.
 */
#include <setjmp.h>
#include <stdlib.h>

#include "unicorn/thread.h"
#include "unicorn/uc.h"
#include "unicorn/uc_plt.h"
#include "unicorn/uc_rescue.h"

static THREAD_LOCAL jmp_buf *way_out; /* of the run on this thread; NULL: there is none */

static void (*original_abort)(void);
static void (*original_exit)(int status);

static void leave(void)
{
    jmp_buf *way = way_out;
    if (!way)
        return;
    longjmp(*way, 1);
}

static void before_abort(void)
{
    leave();
    original_abort();
}

static void before_exit(int status)
{
    leave();
    original_exit(status);
}

void uc_give_up(void)
{
    leave();
    abort();
}

const char *uc_stand_before_abort(void *library)
{
    const uc_call calls[] = {{"abort", before_abort, &original_abort}, {"exit", before_exit, &original_exit}};
    return uc_stand_before(library, calls, sizeof calls / sizeof *calls);
}

bool uc_gives_up(vmm_vcpu *v, uint64_t begin, int *error)
{
    jmp_buf here, *outer = way_out; /* of the run in a callback of which this one is */
    if (setjmp(here)) {             /* without signal masks: a call a run would be felt */
        way_out = outer;
        return true;
    }
    way_out = &here;
    *error = uc.emu_start(v->uc, begin, 0, 0, 0);
    way_out = outer;
    return false;
}
