/*
 * A guest in C: multiboot starts `kernel` in flat 32-bit protected mode with interrupts off, the 8259A pair's lines are at
 * vectors 20h to 2Fh, all masked. A handler is `__attribute__((interrupt)) void name(struct frame *)`.
 */
#pragma once

#include <stdint.h>

struct frame;

enum { PIC_MASTER = 0x20, PIC_SLAVE = 0xA0, POWER = 0x604, POWER_OFF = 0x2000, VECTORS = 0x20 };

__attribute__((section(".multiboot"), used)) static const uint32_t multiboot[] = {0x1BADB002, 0, -0x1BADB002u};
__attribute__((aligned(16), used)) static uint8_t stack[4096];
/* Multiboot leaves segments, and no table of theirs that could be read again. */
__attribute__((used)) static const uint64_t gdt[] = {0, 0x00CF9A000000FFFF, 0x00CF92000000FFFF};
__attribute__((used)) static const struct {
    uint16_t limit;
    const void *base;
} __attribute__((packed)) gdtr = {sizeof gdt - 1, gdt};
__asm__(".globl _start\n"
        "_start: mov $stack + 4096, %esp\n"
        " lgdt gdtr\n"
        " ljmp $8, $1f\n"
        "1: mov $16, %eax\n"
        " mov %eax, %ds\n mov %eax, %es\n mov %eax, %ss\n"
        " call kernel");

static struct {
    uint16_t low, selector, type, high;
} idt[256];

static inline void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline void power_off(void)
{
    __asm__ volatile("outw %0, %1" : : "a"((uint16_t)POWER_OFF), "d"((uint16_t)POWER));
}

static inline void end_of_interrupt(void)
{
    out8(PIC_MASTER, 0x20);
}

/* Of a line of the master, which is let in. */
static inline void on_irq(int line, void (*handler)(struct frame *))
{
    static struct {
        uint16_t limit;
        void *base;
    } __attribute__((packed)) const idtr = {sizeof idt - 1, idt};

    idt[VECTORS + line].low = (uint16_t)(uintptr_t)handler;
    idt[VECTORS + line].selector = 8;
    idt[VECTORS + line].type = 0x8E00; /* present, ring 0, 32-bit interrupt gate */
    idt[VECTORS + line].high = (uint16_t)((uintptr_t)handler >> 16);
    __asm__ volatile("lidt %0" : : "m"(idtr));
    out8(PIC_MASTER, 0x11), out8(PIC_SLAVE, 0x11); /* ICW1: edges, a cascade, ICW4 follows */
    out8(PIC_MASTER + 1, VECTORS), out8(PIC_SLAVE + 1, VECTORS + 8);
    out8(PIC_MASTER + 1, 4), out8(PIC_SLAVE + 1, 2); /* ICW3: the slave is at the master's IR2 */
    out8(PIC_MASTER + 1, 1), out8(PIC_SLAVE + 1, 1); /* ICW4: 8086 */
    out8(PIC_MASTER + 1, (uint8_t)~(1 << line)), out8(PIC_SLAVE + 1, 0xFF);
}
