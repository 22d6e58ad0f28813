/* The smallest guest: one line on the serial port, then power-off. */
#include "arm/guest.h"

    GUEST
    PRINT   "Hello from SVC mode\n"
    POWER_OFF
