/* PLANTED BUG, for the tests to find: this is critical.c, and it may lose a pulse.
 *
 * `pending--` is a load, a subtraction and a store. If a pulse comes between load and store, the handler's `pending++`
 * is overwritten: a lost update.
 *
 * To mend it: mask interrupts before, and unmask them behind it, as in critical.c. */
#include "cpu.h"
#include "firmware.h"

void take_one(void)
{
    pending--;
    taken++;
}
