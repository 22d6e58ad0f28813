/*
 * Everything an ARMv7-A guest needs to start, take interrupts and say what it saw. A guest reads
 *
 *     #include "arm/guest.h"
 *     #include "virt/gicv2.inc"      or "virt/gicv3.inc": the same verbs
 *         GUEST irq=handler          A32, SVC mode, MMU off, interrupts masked; unnamed vectors report what came
 *         ... code ...
 *         POWER_OFF                  exit status 0
 *
 * and is assembled by `vmm run guest.S`. Sources are GNU assembler behind the C preprocessor; they build with LLVM's
 * integrated assembler and with binutils. Macros are A32 code, keep every general register and may change the flags;
 * registers are given to them as r0-r12. An argument that computes goes into parentheses: binutils takes a blank for
 * the end of one.
 */
    .syntax unified
    .arch_extension virt
    .arch_extension sec
    .fpu    neon-vfpv4

#include "virt/board.h"
#include "arm/core.inc"
#include "arm/sysregs.inc"
#include "arm/serial.inc"
#include "arm/check.inc"
#include "arm/vectors.inc"
#include "arm/mmu.inc"
#include "arm/entry.inc"
#include "virt/timer.inc"
