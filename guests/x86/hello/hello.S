/* The smallest guest: one line on the serial port, then power-off. */
#include "x86/guest.h"

    GUEST_PROTECTED32
    PRINT   "Hello from protected mode\n"
    POWER_OFF
