/* The smallest guest: one line on the serial port, then power-off. */
#include "arm64/guest.h"

    GUEST
    PRINT   "Hello from EL1\n"
    POWER_OFF
