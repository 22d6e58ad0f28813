/*
 * Everything a guest needs to start, take interrupts and say what it saw. A guest reads
 *
 *     #include "x86/guest.h"
 *     GUEST_PROTECTED32              or GUEST_LONG64, GUEST_REAL16
 *         ... code, in that mode ...
 *         POWER_OFF                  exit status 0
 *
 * and is assembled by `vmm run guest.S`. Sources are GNU assembler behind the C preprocessor; they build with
 * LLVM's integrated assembler and with binutils. Macros keep every general register and may change the flags. An
 * argument that computes goes into parentheses: binutils takes a blank for the end of an argument.
 */
#include "x86/ports.h"
#include "x86/mode.inc"
#include "x86/serial.inc"
#include "x86/check.inc"
#include "x86/segments.inc"
#include "x86/idt.inc"
#include "x86/pic.inc"
#include "x86/pit.inc"
#include "x86/lapic.inc"
#include "x86/entry.inc"
