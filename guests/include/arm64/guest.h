/*
 * Everything an AArch64 guest needs to start, take interrupts and say what it saw. A guest reads
 *
 *     #include "arm64/guest.h"
 *     #include "virt/gicv2.inc"      or "virt/gicv3.inc": the same verbs
 *         GUEST irq=handler          EL1, MMU off, interrupts masked; unnamed vectors report what nobody expected
 *         ... code ...
 *         POWER_OFF                  exit status 0
 *
 * and is assembled by `vmm run guest.S`. Sources are GNU assembler behind the C preprocessor; they build with LLVM's
 * integrated assembler and with binutils. Macros keep every general register and may change the flags; registers are
 * given to them as x0-x15 or x18-x30, for 32 bits too. An argument that computes goes into parentheses: binutils takes a
 * blank for the end of one.
 */
#include "virt/board.h"
#include "arm64/core.inc"
#include "arm64/sysregs.inc"
#include "arm64/serial.inc"
#include "arm64/check.inc"
#include "arm64/vectors.inc"
#include "arm64/mmu.inc"
#include "arm64/entry.inc"
#include "virt/timer.inc"
