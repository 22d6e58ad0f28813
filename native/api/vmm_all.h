/* All that Python sees. */
#ifndef VMM_ALL_H
#define VMM_ALL_H

#include "api/vmm.h"
#include "api/vmm_outside.h"
#include "api/vmm_registers.h"
#include "api/vmm_pic.h"
#include "api/vmm_apic.h"
#include "api/vmm_gic.h"
#include "api/vmm_serial.h"
#include "api/vmm_x86.h"
#include "api/vmm_arm.h"
#include "api/vmm_explore.h"
#include "api/vmm_coverage.h"
#include "api/vmm_work.h"

#endif
