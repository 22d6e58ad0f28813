/*
 * x2APIC mode (SDM 3A 11.12): registers are MSRs, reserved bits and wrong directions fault, one write sends to a 32-bit
 * id. From there the way back to memory-mapped registers leads through the disabled state alone (11.12.5).
 */
#include "x86/guest.h"

#define VECTOR  0x41
#define XAPIC   (LAPIC|BASE_BSP|BASE_ENABLE)

.macro READ msr                         # into EAX and EDX
    movl    $(\msr), %ecx
    rdmsr
.endm

.macro WRITE msr, low, high=0
    movl    $(\msr), %ecx
    movl    $(\low), %eax
    movl    $(\high), %edx
    wrmsr
.endm

.macro FAULTS claim                     # the access before this one, and no other
    CHECK_EQ faulted, $1, "\claim"
    movl    $0, faulted
.endm

    GUEST_PROTECTED32
    LAPIC_ENABLE
    IDT_GATE VECTOR, handler
    IDT_GATE VECTOR_GP, protection
    movl    $1, %eax
    cpuid
    testl   $CPUID_X2APIC, %ecx
    CHECK_IF nz, "the CPU has the mode"

    READ    X2APIC(LAPIC_TPR)
    FAULTS  "outside the mode its MSRs are not there"
    LAPIC_READ LAPIC_VERSION
    movl    %eax, %esi
    WRITE   MSR_APIC_BASE, (XAPIC|BASE_EXTD)
    READ    MSR_APIC_BASE
    CHECK_EQ %eax, $(XAPIC|BASE_EXTD), "the mode is on"
    READ    X2APIC(LAPIC_VERSION)
    CHECK_EQ %eax, %esi, "the version is what it was in memory"
    READ    X2APIC(LAPIC_SVR)
    CHECK_EQ %eax, $(SVR_ENABLE|SPURIOUS), "so are the registers written before"
    READ    X2APIC(LAPIC_ID)
    CHECK_EQ %eax, $0, "the id is a whole register"
    READ    X2APIC(LAPIC_LDR)
    CHECK_EQ %eax, $1, "the logical id follows from it: cluster 0, CPU 0"
    movl    $0x50, LAPIC+LAPIC_TPR
    READ    X2APIC(LAPIC_TPR)
    CHECK_EQ %eax, $0, "the registers are not in memory any more"

    WRITE   MSR_SELF_IPI, VECTOR
    READ    X2APIC(LAPIC_IRR+0x20)
    CHECK_EQ %eax, $BIT(VECTOR), "self-IPI takes a vector and no more"
    call    window
    CHECK_EQ taken, $1, "it comes"
    CHECK_EQ in_service, $BIT(VECTOR), "as any other"
    WRITE   X2APIC(LAPIC_ICR_LOW), (ICR_FIXED|VECTOR), 0
    call    window
    CHECK_EQ taken, $2, "one write of ICR has command and destination"
    WRITE   X2APIC(LAPIC_ICR_LOW), (ICR_FIXED|ICR_LOGICAL|VECTOR), 1
    call    window
    CHECK_EQ taken, $3, "logical: cluster above, a bit a CPU below"
    CHECK_EQ faulted, $0, "none of this faults"

    WRITE   X2APIC(LAPIC_EOI), 1
    FAULTS  "EOI takes 0 alone"
    READ    X2APIC(LAPIC_EOI)
    FAULTS  "and cannot be read"
    READ    MSR_SELF_IPI
    FAULTS  "neither can self-IPI"
    WRITE   MSR_SELF_IPI, 0x141
    FAULTS  "whose reserved bits are 0"
    WRITE   X2APIC(LAPIC_ID), 1
    FAULTS  "the id is read-only"
    WRITE   X2APIC(LAPIC_LDR), 1
    FAULTS  "so is the logical id"
    READ    X2APIC(LAPIC_DFR)
    FAULTS  "there is no destination format"
    READ    X2APIC(LAPIC_ICR_HIGH)
    FAULTS  "and no upper half of ICR"
    WRITE   X2APIC(LAPIC_SVR), (SVR_ENABLE|SPURIOUS), 1
    FAULTS  "the upper half of a 32-bit register is reserved"

    WRITE   MSR_APIC_BASE, XAPIC
    FAULTS  "from x2APIC there is no way to xAPIC"
    WRITE   MSR_APIC_BASE, (XAPIC|BASE_EXTD)-BASE_ENABLE
    FAULTS  "the mode without the APIC does not exist"
    WRITE   MSR_APIC_BASE, XAPIC-BASE_ENABLE
    CHECK_EQ faulted, $0, "the way out is to disable it"
    movl    $1, %eax
    cpuid
    testl   $(1<<9), %edx
    CHECK_IF z, "CPUID shows no APIC then"
    WRITE   MSR_APIC_BASE, (XAPIC|BASE_EXTD)
    FAULTS  "from there no way leads to x2APIC"
    WRITE   MSR_APIC_BASE, XAPIC
    CHECK_EQ faulted, $0, "but to xAPIC"
    POWER_OFF

/* Let in what waits. */
window:
    sti
    nop
    nop
    cli
    ret

handler:
    pushal
    incl    taken
    READ    X2APIC(LAPIC_ISR+0x20)
    movl    %eax, in_service
    WRITE   X2APIC(LAPIC_EOI), 0
    popal
    iret

protection:
    incl    faulted
    addl    $4, %esp                    # error code
    addl    $2, (%esp)                  # past RDMSR, WRMSR
    iret

    VAR     taken
    VAR     in_service
    VAR     faulted
