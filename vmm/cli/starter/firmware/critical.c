#include "cpu.h"
#include "firmware.h"

/* `pending--` is a load, a subtraction and a store, and the handler writes `pending`, too: nothing comes in between. */
void take_one(void)
{
    mask_interrupts();
    pending--;
    unmask_interrupts();
    taken++;
}
