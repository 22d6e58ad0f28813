/* Registers that Unicorn defines, seen as it does. */
#ifndef VMM_ARM_REGIME_H
#define VMM_ARM_REGIME_H

#include "arm/sysreg_info.h"

const char *arm_watch_definitions(void *library); /* once a process; the line that says why not, or NULL */

/* vhe_address.c */
void arm_note_translation(const arm_register_info *info); /* Unicorn's function, if it is of AT S1E1R */

#endif
