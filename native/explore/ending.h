#ifndef VMM_ENDING_H
#define VMM_ENDING_H

#include "explore/travel.h"

uint32_t judge(exploration *x, uint8_t phase); /* the run is over: the outcome; phase: enum vmm_phase, what it was in */
uint32_t too_deep(exploration *x); /* the outcome of a run whose stack grows too far, whatever else comes of it */
uint32_t finish(exploration *x, bool in_window); /* through the rest of the window, to the run's end behind it, and judge it */

#endif
