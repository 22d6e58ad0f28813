"""The C core as type checkers see it; written by tools/native_stub.py from native/api/: change nothing here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, final, overload

from typing_extensions import Buffer, Self

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., object])
_D = TypeVar("_D", bound=CValue)

class CValue:
    """Any value of C that is more than a number."""

class Pointer(CValue, Generic[_T]):
    def __getitem__(self, index: int) -> _T: ...
    def __setitem__(self, index: int, value: _T | tuple[object, ...]) -> None: ...

class Array(Pointer[_T]):
    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @overload
    def __setitem__(self, index: int, value: _T | tuple[object, ...]) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Sequence[_T] | bytes | Array[_T]) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T]: ...

class CString(CValue):
    """A `char *`: for `ffi.string`."""

class Struct(CValue):
    """One, or a pointer to the first of several."""

    def __getitem__(self, index: int) -> Self: ...
    def __setitem__(self, index: int, value: Self) -> None: ...

@final
class vmm_answer(Struct):
    place: int
    at: int
    value: int

@final
class vmm_event(Struct):
    count: int
    ns: int
    pc: int
    sp: int
    value: int
    code: int
    number: int
    error: int
    flags: int
    base: int
    cs: int
    ss: int
    vector_offset: int
    spare: int
    kind: int
    vcpu: int
    source: int
    source_pin: int
    cpl: int
    has_error: int
    target_el: int
    depth: int

@final
class vmm_packed(Struct):
    bytes: Pointer[int]
    size: int
    used: int
    events: int
    count: int
    ns: int
    last: Array[vmm_event]

@final
class vmm_trace(Struct):
    hash: int
    hashed: int
    emitted: int
    look_at: int
    drained: int
    packed: int
    packer: vmm_packed
    observed: int
    whole: int
    capacity: int
    ring: vmm_event
    guest_errors: int
    first_errors: Array[vmm_event]

@final
class vmm_stat(Struct):
    vcpu: int
    source: int
    pin: int
    vector: int
    delivered: int
    latency_min: int
    latency_max: int
    histogram: Pointer[int]

@final
class vmm_machine(Struct):
    insn_ns: int
    ram: Pointer[int]
    rom: Pointer[int]
    rom_size: int
    ram_base: int
    ram_size: int
    alias_first: int
    alias_of: int
    alias_size: int
    pages: vmm_pages
    host: vmm_host
    controllers: vmm_controller
    controller_count: int
    controller_state: Array[CValue]
    cpus: int
    fast: int
    port_range_count: int
    mmio_range_count: int
    port_ranges: Array[vmm_range]
    port_owner: Array[int]
    mmio_ranges: Array[vmm_range]
    idle_ns: int
    hole_first: int
    hole_end: int
    counter_hz: int
    counter_mask: int
    hole_floats: int
    quantum: int
    seed: int
    histograms: Pointer[int]
    sequences: vmm_times
    gave_up: int
    base: vmm_snapshot
    lines: Array[vmm_line]
    timers: Array[vmm_timer]
    trace: vmm_trace
    stat_count: int
    stats: Array[vmm_stat]
    vcpu_count: int
    vcpus: Array[vmm_vcpu]
    current: vmm_vcpu
    flash_answers: int
    dice: int
    elsewhere: int
    next_deadline: int
    lines_wait: int
    lines_served: int
    lines_withdraw: int
    stimuli: vmm_stimuli
    answer: vmm_answer
    sent: Array[int]
    asleep: int
    asleep_since: int
    idle_from: int
    idle_occasions: int
    ends: vmm_stop_info
    stop: vmm_stop_info
    running: int
    many_turns: int
    thread: int
    slice_end: int
    limit_insns: int
    limit_ns: int
    triggers: vmm_triggers
    asked: vmm_stop_info
    watch_hook: Array[int]
    signalled: int
    coverage: vmm_coverage
    host_calls: int
    console: vmm_console
    accessed: Callable[[CValue, int, int, int], None]
    register_accessed: Callable[[CValue, int, int, int], None]
    accessed_by: CValue
    device_read: Callable[[CValue, int, int, int, int], None]
    device_read_by: CValue
    time_told: int
    compared: CValue
    guard_at: int
    guard_size: int
    began: Callable[[CValue, vmm_vcpu], None]
    began_by: CValue
    outer: vmm_machine
    error: CString

@final
class vmm_times(Struct):
    ...

@final
class vmm_stimulus_plan(Struct):
    kind: int
    target: int
    in_insns: int
    armed: int
    after: int
    number: int
    vector: int
    start: int
    period: int
    size: int
    pause: int
    hold: int
    count: int
    until: int
    seed: int
    begin: int
    end: int
    until_served: int

@final
class vmm_stimulus(Struct):
    plan: vmm_stimulus_plan
    times: vmm_times
    serial: int
    began: int
    until: int
    at: int
    lower_at: int
    last: int
    dice: int
    fraction: int
    awaits: int
    open: int
    occasions: int
    requested: int
    spontaneous: int
    suppressed: int

@final
class vmm_stimuli(Struct):
    count: int
    started: int
    ns: int
    insns: int
    occasions: int
    slot: Array[vmm_stimulus]

@final
class vmm_trigger(Struct):
    kind: int
    fired: int
    event: int
    vcpu: int
    number: int
    value: int
    source: int
    at: int
    seen: int

@final
class vmm_triggers(Struct):
    count: int
    events: int
    settings: int
    watched: int
    every: int
    insns: int
    ns: int
    slot: Array[vmm_trigger]

@final
class vmm_vcpu(Struct):
    count: int
    attention_at: int
    flags_before: int
    masks: int
    watch: int
    env: CValue
    reach: Array[int]
    reach_behind: Array[int]
    recent: Array[int]
    pending: int
    held: int
    halted: int
    shutdown: int
    in_code_hook: int
    inject_vector: int
    off: int
    flush_tlb: int
    leaving: int
    depth: int
    preempted: int
    awaits: int
    nest: Array[vmm_handler]
    event_count: int
    skew: int
    wake_at: int
    covered_page: int
    turn_end: int
    rearmed_ns: int
    rearmed_count: int
    reached_at: int
    reached_pc: int
    looked_at: int
    looked_pc: int
    inject_raised: int
    nmi_raised: int
    machine: vmm_machine
    arch: vmm_arch
    controller: CValue
    uc: CValue
    cpu: CValue
    library: CString
    make_clean: Callable[[CValue, int, int], None]
    drop_code: Callable[[CValue, int, int], None]
    cover: int
    exception_index: Pointer[int]
    control: Pointer[int]
    index: int
    flush_code: int
    access_hooks: int
    block: vmm_block
    begun: vmm_block
    asks: vmm_block
    blocks: Array[vmm_block]
    block_count: int
    flags_earlier: int
    translator: CValue
    next_block: Pointer[int]
    device_access: Pointer[int]
    block_memory: CValue
    hooked: Pointer[int]
    places: Pointer[int]
    owned_count: int
    owned: Array[CValue]
    state: Array[int]

@final
class vmm_snapshot(Struct):
    ...

@final
class vmm_coverage(Struct):
    page_count: int
    delivery_count: int
    overflowed: int
    held: int
    page: vmm_covered_page
    delivery: vmm_covered_delivery
    last: vmm_covered_page
    beyond: vmm_covered_page
    page_slot: Pointer[int]
    delivery_slot: Pointer[int]
    delivery_slots: int

@final
class vmm_block(Struct):
    ...

@final
class vmm_arch(Struct):
    ...

@final
class vmm_controller(Struct):
    ...

@final
class vmm_range_owner(Struct):
    ...

@final
class vmm_line(Struct):
    sink: Array[int]
    pin: Array[int]
    drivers: int
    cut: int
    until_served: int
    served: int
    until_taken: int
    raised: int

@final
class vmm_timer(Struct):
    deadline: int
    late: int
    kind: int
    level: int
    line: int
    driver: int
    toggles: int
    origin: int
    hz_num: int
    hz_den: int
    tick: int
    high_ticks: int
    low_ticks: int

@final
class vmm_range(Struct):
    first: int
    count: int
    owner: vmm_range_owner
    index: int

@final
class vmm_trap(Struct):
    kind: int
    size: int
    number: int
    value: int

@final
class vmm_host(Struct):
    handle: CValue
    port_read: Callable[[CValue, int, int, int], int]
    port_write: Callable[[CValue, int, int, int, int], None]
    mmio_read: Callable[[CValue, int, int, int], int]
    mmio_write: Callable[[CValue, int, int, int, int], None]
    timer: Callable[[CValue, int], None]
    trap: Callable[[CValue, int, vmm_trap], int]
    drain: Callable[[CValue], None]
    console: Callable[[CValue, Pointer[int], int], None]

@final
class vmm_phrase(Struct):
    length: int
    bytes: Array[int]

@final
class vmm_console(Struct):
    heard: int
    count: int
    bytes: Array[int]
    phrases: int
    phrase: vmm_phrase

@final
class vmm_pages(Struct):
    code: Pointer[int]
    tables: Pointer[int]
    untold: Pointer[int]
    copy: Pointer[int]
    flash_code: int
    noted_count: int
    noted: Array[int]
    overflowed: int
    dirty: Pointer[int]
    written: Pointer[int]
    written_count: int

@final
class vmm_fault(Struct):
    vector: int
    has_error: int
    source: int
    error: int
    pc: int

@final
class vmm_stop_info(Struct):
    reason: int
    vcpu: int
    code: int
    address: int

@final
class vmm_handler(Struct):
    count: int
    pc: int
    sp: int
    level: int
    number: int
    source: int
    pin: int

@final
class vmm_i8259(Struct):
    irr: int
    isr: int
    imr: int
    lines: int
    held: int
    lowest: int
    vector: int
    cascade: int
    elcr: int
    elcr_mask: int
    icw1: int
    icw4: int
    init_step: int
    read_isr: int
    poll: int
    special_mask: int
    rotate_aeoi: int
    output: int
    raised: Array[int]

@final
class vmm_pic(Struct):
    chip: Array[vmm_i8259]
    admits_lower: int
    withdraws_int: int
    keeps_edges: int

@final
class vmm_lapic(Struct):
    initial_id: int
    withdraws: int
    forgets: int
    keeps_x2apic: int
    accept_errors: int
    base: int
    id: int
    tpr: int
    ldr: int
    dfr: int
    svr: int
    esr: int
    esr_pending: int
    error_told: int
    held: int
    extint: int
    lint: int
    icr_low: int
    icr_high: int
    lvt: Array[int]
    timer_initial: int
    timer_divide: int
    timer_end: int
    tsc_deadline: int
    irr: Array[int]
    isr: Array[int]
    tmr: Array[int]
    raised: Array[int]

@final
class vmm_ioapic(Struct):
    active_low: int
    ignores_polarity: int
    holds_edges: int
    select: int
    id: int
    arbitration: int
    lines: int
    held: int
    entry: Array[int]

@final
class vmm_apic(Struct):
    ioapic: vmm_ioapic
    winner: int

@final
class vmm_gic_bank(Struct):
    enabled: int
    latched: int
    line: int
    edge: int
    active: int
    group: int
    modifier: int
    ready: int
    priority: Array[int]
    raised: Array[int]

@final
class vmm_gic_cpu(Struct):
    nonsecure: int
    el3: int
    local: vmm_gic_bank
    until_served: int
    sgi_from: Array[int]
    reached: Array[int]
    groups: int
    pmr: int
    bpr: Array[int]
    ctlr: int
    cbpr: Array[int]
    eoi_split: Array[int]
    pmhe: int
    withdrawn: int
    apr: Array[int]
    holder: Array[int]
    asleep: int
    lpis_on: int
    propbaser: int
    pendbaser: int
    lpi: int
    lpi_priority: int
    best: int
    best_priority: int
    best_class: int
    output: int

@final
class vmm_gic(Struct):
    version: int
    cpus: int
    two_states: int
    raz_targets: int
    groups: int
    busy: int
    spi: Array[vmm_gic_bank]
    router: Array[int]
    anyone: Array[int]
    lpi_raised: Array[int]
    cpu: Array[vmm_gic_cpu]

@final
class vmm_counter(Struct):
    count: int
    since: int
    period: int
    offset: int

@final
class vmm_serial_wires(Struct):
    line: int
    driver: int
    timer: int
    console: int

@final
class vmm_received(Struct):
    data: Array[int]
    count: int

@final
class vmm_16550(Struct):
    wires: vmm_serial_wires
    ignores_out2: int
    ier: int
    lcr: int
    mcr: int
    scratch: int
    divisor: int
    fifo_enabled: int
    trigger: int
    received: vmm_received
    last_received: int
    overrun: int
    timed_out: int
    thre_interrupt: int
    modem_inputs: int
    modem_deltas: int

@final
class vmm_16550s(Struct):
    port: Array[vmm_16550]

@final
class vmm_pl011(Struct):
    wires: vmm_serial_wires
    ilpr: int
    ibrd: int
    fbrd: int
    lcr_h: int
    cr: int
    ifls: int
    imsc: int
    dmacr: int
    divisor: int
    received: vmm_received
    last_received: int
    lost: int
    receive_status: int
    raw: int
    modem_inputs: int

@final
class vmm_wave_byte(Struct):
    fixed: int
    bit: Array[vmm_timer]

@final
class vmm_cpuid(Struct):
    leaf: int
    subleaf: int
    any_subleaf: int
    eax: int
    ebx: int
    ecx: int
    edx: int

@final
class vmm_msr(Struct):
    index: int
    read_only: int
    value: int
    writable: int

@final
class vmm_x86_traps(Struct):
    vectors: Array[int]
    exceptions: int
    hlt: int
    msr: int
    port: int
    ports: Array[int]

@final
class vmm_x86(Struct):
    dr6_known: int
    dr6_pending: int
    native: int
    watch_changed: int
    fpu_changed: int
    watch_hit: int
    simd_count: int
    simd_value: Array[int]
    simd_register: int
    iret_at: int
    iret_from: Array[int]
    rep_seen: int
    rep_mask: int
    tsc_offset: int
    tsc_adjust: int
    lapic: vmm_lapic
    msr_count: int
    msr: Array[vmm_msr]
    chain_length: int
    chain: Array[vmm_fault]
    watch_hook: int
    left_at: int
    nmi_in_sti_shadow: int
    syscall_anywhere: int
    ferr_line: int
    breakpoint_in_ss_shadow: int
    cpuid_count: int
    cpuid: Array[vmm_cpuid]
    traps: vmm_x86_traps
    native_switch: CValue

@final
class vmm_segment(Struct):
    selector: int
    base: int
    limit: int
    attributes: int

@final
class vmm_arm_timer(Struct):
    compare: int
    control: int
    intid: int
    output: int
    timer: int

@final
class vmm_arm_cycles(Struct):
    count: int
    since: int
    residue: int
    running: int
    parked: int
    output: int
    timer: int

@final
class vmm_arm_access(Struct):
    count: int
    offset: int
    size: int
    write: int

@final
class vmm_it_return(Struct):
    pc: int
    state: int

@final
class vmm_arm_own(Struct):
    name: CString
    op0: int
    op1: int
    crn: int
    crm: int
    op2: int
    pair: int
    access: int

@final
class vmm_arm_traps(Struct):
    svc: int
    hvc: int
    smc: int
    brk: int
    undefined: int
    system: Pointer[int]

@final
class vmm_arm(Struct):
    it_return: vmm_it_return
    loops: int
    skipped_at: int
    skipped_to: int
    it_known: int
    cycles: vmm_arm_cycles
    serror: int
    serror_raised: int
    timer: Array[vmm_arm_timer]
    cntfrq: int
    cntvoff: int
    cntkctl: int
    cnthctl: int
    cortex: Array[int]
    watch_hook: int
    leftover_hook: Array[int]
    access: vmm_arm_access
    filled: int
    strict: int
    returned: int
    hook_frame: int
    unredirected: int
    aarch64: int
    has_el2: int
    has_el3: int
    has_pan: int
    has_random: int
    has_vhe: int
    has_pauth: int
    is_cortex: int
    conduit: int
    several: int
    mpidr: int
    pfr: int
    mmfr1: int
    counter_hz: int
    reset: CValue
    traps: vmm_arm_traps

@final
class vmm_choice(Struct):
    kind: int
    number: int
    vector: int
    size: int
    physical: int
    value: int

@final
class vmm_place(Struct):
    insns: int
    pc: int
    more: int
    choice: int

@final
class vmm_worst(Struct):
    value: int
    known: int
    count: int
    at: Array[vmm_place]

@final
class vmm_ending(Struct):
    phase: int
    reason: int
    errors: int
    late: int
    spins: int
    deep: int
    code: int
    terms: int
    outcome: int

@final
class vmm_term(Struct):
    at: int
    value: int
    kind: int
    size: int
    relation: int
    is_signed: int

@final
class vmm_explored(Struct):
    at: vmm_place
    outcome: int
    delivered: int
    shared: int
    idle: int
    least_count: int
    least_outcome: int
    placements: int
    failing: int
    least: Array[vmm_place]

@final
class vmm_plan(Struct):
    choice: Array[vmm_choice]
    choices: int
    depth: int
    finds: int
    patience: int
    longest: int
    most_runs: int
    until_ns: int
    to: int
    deadline: int
    in_ns: int
    stack: int
    reduce: int
    ask_each: int
    end: vmm_trigger
    until: vmm_trigger
    term: Array[vmm_term]
    terms: int
    phrase: Array[vmm_phrase]
    phrases: int
    handle: CValue
    judge: Callable[[CValue, vmm_ending], int]
    act: Callable[[CValue, int], None]
    take: Callable[[CValue], int]
    put: Callable[[CValue, int], None]
    next: int
    boundaries: int
    runs: int
    tails: int
    shared: int
    ending_count: int
    ending: Array[vmm_ending]
    cut: int
    worst: Array[vmm_worst]
    spent: int
    over: int

@final
class vmm_exploration(Struct):
    ...

@final
class vmm_draw(Struct):
    count: int
    at: Array[int]
    choice: Array[int]

@final
class vmm_access(Struct):
    physical: int
    size: int
    kind: int
    before: Array[int]

@final
class vmm_accesses(Struct):
    count: int
    missed: int
    row: Array[vmm_access]

@final
class vmm_covered_page(Struct):
    number: int
    began: Array[int]

@final
class vmm_covered_delivery(Struct):
    linear: int
    count: int
    number: int
    source: int
    pin: int

@final
class vmm_wanted(Struct):
    since: int
    number: int
    vcpu: int
    pin: int
    kinds: int
    sources: int

@final
class vmm_round(Struct):
    event: Array[vmm_event]
    count: int
    rises: int
    line: int

@final
class vmm_change(Struct):
    code: int
    pc: int
    which: int

@final
class vmm_thinned(Struct):
    vectors: int
    follows: int
    depth: int
    in_service: int
    high_count: int
    high: Array[int]
    changed: Array[vmm_change]
    has: None
    round: Array[vmm_round]
    now: int
    left_out: Array[int]

class Lib:
    VMM_FIRST_ERRORS: Final[int]
    VMM_HISTOGRAM: Final[int]
    VMM_KINDS: Final[int]
    VMM_MAX_STIMULI: Final[int]
    VMM_MAX_TIMES: Final[int]
    VMM_MAX_TRIGGERS: Final[int]
    VMM_ANY: Final[int]
    VMM_MAX_VCPUS: Final[int]
    VMM_MAX_LINES: Final[int]
    VMM_MAX_TIMERS: Final[int]
    VMM_MAX_RANGES: Final[int]
    VMM_MAX_STATS: Final[int]
    VMM_RECENT: Final[int]
    VMM_GAVE_UP: Final[int]
    VMM_CHAIN: Final[int]
    VMM_NOTED_PAGES: Final[int]
    VMM_NEST: Final[int]
    VMM_REACH_WORDS: Final[int]
    VMM_SKIPPED: Final[int]
    VMM_MAX_CONTROLLERS: Final[int]
    VMM_CONSOLE_BYTES: Final[int]
    VMM_MAX_PHRASES: Final[int]
    VMM_PHRASE_BYTES: Final[int]
    VMM_NATIVE_TIMERS: Final[int]
    VMM_NEVER: Final[int]
    VMM_FOREVER: Final[int]
    VMM_APIC_TICK_NS: Final[int]
    VMM_IOAPIC_PINS: Final[int]
    VMM_IOAPIC_VERSION: Final[int]
    VMM_LVTS: Final[int]
    VMM_GIC_CPUS: Final[int]
    VMM_GIC_SPI_BANKS: Final[int]
    VMM_GIC_SPIS: Final[int]
    VMM_GIC_LEVELS: Final[int]
    VMM_GIC_NONE: Final[int]
    VMM_GIC_FIRST_LPI: Final[int]
    VMM_GIC_TIMED_LPIS: Final[int]
    VMM_SERIAL_FIFO: Final[int]
    VMM_16550S: Final[int]
    VMM_MAX_MSRS: Final[int]
    VMM_MAX_CPUID: Final[int]
    VMM_GENERIC_TIMERS: Final[int]
    VMM_CORTEX_REGISTERS: Final[int]
    VMM_MAX_CHOICES: Final[int]
    VMM_MAX_DEPTH: Final[int]
    VMM_MAX_ENDINGS: Final[int]
    VMM_MAX_TERMS: Final[int]
    VMM_TERM_PC: Final[int]
    VMM_MAX_ACCESSES: Final[int]
    VMM_ACCESS_BYTES: Final[int]
    VMM_COVERED_BYTES: Final[int]
    VMM_ROUND: Final[int]
    VMM_THINNED_LINES: Final[int]
    VMM_CHANGES: Final[int]
    VMM_WORK_BITS: Final[int]
    VMM_PLACE_NONE: Final[int]
    VMM_PLACE_PORT: Final[int]
    VMM_PLACE_MEMORY: Final[int]
    VMM_EV_LINE: Final[int]
    VMM_EV_PENDING: Final[int]
    VMM_EV_DELIVERED: Final[int]
    VMM_EV_ACKNOWLEDGED: Final[int]
    VMM_EV_ENDED: Final[int]
    VMM_EV_SPURIOUS: Final[int]
    VMM_EV_MASKED: Final[int]
    VMM_EV_FAULT_CHAIN: Final[int]
    VMM_EV_TASK: Final[int]
    VMM_EV_TRAPPED: Final[int]
    VMM_EV_STOP: Final[int]
    VMM_EV_GUEST_ERROR: Final[int]
    VMM_EV_RETURNED: Final[int]
    VMM_EV_CPU_MASK: Final[int]
    VMM_EV_SHADOW: Final[int]
    VMM_EV_STIMULUS: Final[int]
    VMM_EV_PPI: Final[int]
    VMM_EV_HELD: Final[int]
    VMM_EV_VAIN: Final[int]
    VMM_EV_FRAME_CHANGED: Final[int]
    VMM_EV_REGISTERS_CHANGED: Final[int]
    VMM_EV_VECTORS_CHANGED: Final[int]
    VMM_EV_WORK: Final[int]
    VMM_EV_TRANSACTION: Final[int]
    VMM_EV_GUARD_STORED: Final[int]
    VMM_EV_STATE_SET: Final[int]
    VMM_EV_NMI_MASK: Final[int]
    VMM_EV_PIN_STATE: Final[int]
    VMM_OF_LOCAL_APIC: Final[int]
    VMM_END_DROPPED: Final[int]
    VMM_END_DEACTIVATED: Final[int]
    VMM_REQUEST_STAYS: Final[int]
    VMM_REQUEST_IS_OVER: Final[int]
    VMM_CASCADE_IS_OVER: Final[int]
    VMM_PIN_MASKED: Final[int]
    VMM_PIN_REMOTE_IRR: Final[int]
    VMM_PIN_SEND_PENDING: Final[int]
    VMM_FRAME_PC: Final[int]
    VMM_FRAME_FLAGS: Final[int]
    VMM_FRAME_CS: Final[int]
    VMM_FRAME_SP: Final[int]
    VMM_FRAME_SS: Final[int]
    VMM_FRAME_PLACE: Final[int]
    VMM_GE_EOI_NOTHING: Final[int]
    VMM_GE_EOI_ORDER: Final[int]
    VMM_GE_DEACTIVATE: Final[int]
    VMM_GE_RESERVED: Final[int]
    VMM_GE_SGI_TARGET: Final[int]
    VMM_GE_ITS_COMMAND: Final[int]
    VMM_GE_UNMAPPED: Final[int]
    VMM_SRC_LINE: Final[int]
    VMM_SRC_NMI: Final[int]
    VMM_SRC_EXCEPTION: Final[int]
    VMM_SRC_SOFTWARE: Final[int]
    VMM_SRC_SPURIOUS: Final[int]
    VMM_SRC_APIC: Final[int]
    VMM_SRC_SCRIPT: Final[int]
    VMM_SRC_SGI: Final[int]
    VMM_SRC_PPI: Final[int]
    VMM_SRC_LPI: Final[int]
    VMM_SRC_SERROR: Final[int]
    VMM_SRC_APIC_SPURIOUS: Final[int]
    VMM_SRC_STIMULUS: Final[int]
    VMM_STIMULUS_PERIODIC: Final[int]
    VMM_STIMULUS_POISSON: Final[int]
    VMM_STIMULUS_BURST: Final[int]
    VMM_STIMULUS_STORM: Final[int]
    VMM_STIMULUS_SEQUENCE: Final[int]
    VMM_TARGET_LINE: Final[int]
    VMM_TARGET_NMI: Final[int]
    VMM_TARGET_INJECT: Final[int]
    VMM_ARMED_ALWAYS: Final[int]
    VMM_ARMED_UNMASKED: Final[int]
    VMM_ARMED_BETWEEN: Final[int]
    VMM_TRIGGER_FREE: Final[int]
    VMM_TRIGGER_REACH: Final[int]
    VMM_TRIGGER_EVENT: Final[int]
    VMM_TRIGGER_INSNS: Final[int]
    VMM_TRIGGER_TIME: Final[int]
    VMM_TRIGGER_SHADOW: Final[int]
    VMM_TRIGGER_EVERY: Final[int]
    VMM_TRIGGER_HASHED: Final[int]
    VMM_TRIGGER_TURN: Final[int]
    VMM_TRIGGER_ACCESS: Final[int]
    VMM_FERR_DRIVER: Final[int]
    VMM_STIMULUS_DRIVER: Final[int]
    VMM_TESTDEV_DRIVER: Final[int]
    VMM_SCRIPT_DRIVER: Final[int]
    VMM_TIMER_FREE: Final[int]
    VMM_TIMER_CALL: Final[int]
    VMM_TIMER_WAVE: Final[int]
    VMM_TIMER_NATIVE: Final[int]
    VMM_TRAP_INT: Final[int]
    VMM_TRAP_EXCEPTION: Final[int]
    VMM_TRAP_HLT: Final[int]
    VMM_TRAP_RDMSR: Final[int]
    VMM_TRAP_WRMSR: Final[int]
    VMM_TRAP_IN: Final[int]
    VMM_TRAP_OUT: Final[int]
    VMM_TRAP_SVC: Final[int]
    VMM_TRAP_HVC: Final[int]
    VMM_TRAP_SMC: Final[int]
    VMM_TRAP_BRK: Final[int]
    VMM_TRAP_UNDEFINED: Final[int]
    VMM_TRAP_SYSREG: Final[int]
    VMM_TRAP_FIRMWARE: Final[int]
    VMM_TRAP_SEMIHOSTING: Final[int]
    VMM_TRAP_DELIVER: Final[int]
    VMM_TRAP_DONE: Final[int]
    VMM_HEARD_BY_NOBODY: Final[int]
    VMM_HEARD_LATER: Final[int]
    VMM_HEARD_AT_ONCE: Final[int]
    VMM_ACCESS_READ: Final[int]
    VMM_ACCESS_WRITE: Final[int]
    VMM_ACCESS_FETCH: Final[int]
    VMM_ACCESS_WALK: Final[int]
    VMM_STOP_NONE: Final[int]
    VMM_STOP_EXIT: Final[int]
    VMM_STOP_POWEROFF: Final[int]
    VMM_STOP_RESET: Final[int]
    VMM_STOP_LIMIT: Final[int]
    VMM_STOP_IDLE: Final[int]
    VMM_STOP_SHUTDOWN: Final[int]
    VMM_STOP_UNMAPPED: Final[int]
    VMM_STOP_TRIGGER: Final[int]
    VMM_STOP_SLICE: Final[int]
    VMM_STOP_USER: Final[int]
    VMM_STOP_ENGINE: Final[int]
    VMM_PEND_INTR: Final[int]
    VMM_PEND_NMI: Final[int]
    VMM_PEND_INJECT: Final[int]
    VMM_PEND_DB: Final[int]
    VMM_PEND_STOP: Final[int]
    VMM_PEND_CODE: Final[int]
    VMM_PEND_NATIVE: Final[int]
    VMM_PEND_FIQ: Final[int]
    VMM_PEND_SERROR: Final[int]
    VMM_PEND_INIT: Final[int]
    VMM_PEND_STEP: Final[int]
    UC_X86_REG_AH: Final[int]
    UC_X86_REG_AL: Final[int]
    UC_X86_REG_AX: Final[int]
    UC_X86_REG_BH: Final[int]
    UC_X86_REG_BL: Final[int]
    UC_X86_REG_BP: Final[int]
    UC_X86_REG_BX: Final[int]
    UC_X86_REG_CH: Final[int]
    UC_X86_REG_CL: Final[int]
    UC_X86_REG_CX: Final[int]
    UC_X86_REG_DH: Final[int]
    UC_X86_REG_DI: Final[int]
    UC_X86_REG_DL: Final[int]
    UC_X86_REG_DX: Final[int]
    UC_X86_REG_EAX: Final[int]
    UC_X86_REG_EBP: Final[int]
    UC_X86_REG_EBX: Final[int]
    UC_X86_REG_ECX: Final[int]
    UC_X86_REG_EDI: Final[int]
    UC_X86_REG_EDX: Final[int]
    UC_X86_REG_EFLAGS: Final[int]
    UC_X86_REG_EIP: Final[int]
    UC_X86_REG_ESI: Final[int]
    UC_X86_REG_ESP: Final[int]
    UC_X86_REG_FPSW: Final[int]
    UC_X86_REG_IP: Final[int]
    UC_X86_REG_RAX: Final[int]
    UC_X86_REG_RBP: Final[int]
    UC_X86_REG_RBX: Final[int]
    UC_X86_REG_RCX: Final[int]
    UC_X86_REG_RDI: Final[int]
    UC_X86_REG_RDX: Final[int]
    UC_X86_REG_RIP: Final[int]
    UC_X86_REG_RSI: Final[int]
    UC_X86_REG_RSP: Final[int]
    UC_X86_REG_SI: Final[int]
    UC_X86_REG_SP: Final[int]
    UC_X86_REG_CR0: Final[int]
    UC_X86_REG_CR2: Final[int]
    UC_X86_REG_CR3: Final[int]
    UC_X86_REG_CR4: Final[int]
    UC_X86_REG_DR0: Final[int]
    UC_X86_REG_DR1: Final[int]
    UC_X86_REG_DR2: Final[int]
    UC_X86_REG_DR3: Final[int]
    UC_X86_REG_DR6: Final[int]
    UC_X86_REG_DR7: Final[int]
    UC_X86_REG_R8: Final[int]
    UC_X86_REG_R9: Final[int]
    UC_X86_REG_R10: Final[int]
    UC_X86_REG_R11: Final[int]
    UC_X86_REG_R12: Final[int]
    UC_X86_REG_R13: Final[int]
    UC_X86_REG_R14: Final[int]
    UC_X86_REG_R15: Final[int]
    UC_X86_REG_ST0: Final[int]
    UC_X86_REG_XMM0: Final[int]
    UC_X86_REG_IDTR: Final[int]
    UC_X86_REG_GDTR: Final[int]
    UC_X86_REG_FPCW: Final[int]
    UC_X86_REG_FPTAG: Final[int]
    UC_X86_REG_MSR: Final[int]
    UC_X86_REG_MXCSR: Final[int]
    UC_ARM_REG_FPSCR: Final[int]
    UC_ARM_REG_LR: Final[int]
    UC_ARM_REG_PC: Final[int]
    UC_ARM_REG_SP: Final[int]
    UC_ARM_REG_SPSR: Final[int]
    UC_ARM_REG_D0: Final[int]
    UC_ARM_REG_R0: Final[int]
    UC_ARM_REG_CP_REG: Final[int]
    UC_ARM_REG_ESR: Final[int]
    UC_ARM64_REG_X29: Final[int]
    UC_ARM64_REG_X30: Final[int]
    UC_ARM64_REG_SP: Final[int]
    UC_ARM64_REG_X0: Final[int]
    UC_ARM64_REG_V0: Final[int]
    UC_ARM64_REG_PC: Final[int]
    UC_ARM64_REG_CP_REG: Final[int]
    UC_ARM64_REG_FPCR: Final[int]
    UC_ARM64_REG_FPSR: Final[int]
    VMM_APIC_BSP: Final[int]
    VMM_APIC_X2APIC: Final[int]
    VMM_APIC_ENABLE: Final[int]
    VMM_LVT_CMCI: Final[int]
    VMM_LVT_TIMER: Final[int]
    VMM_LVT_THERMAL: Final[int]
    VMM_LVT_PERFORMANCE: Final[int]
    VMM_LVT_LINT0: Final[int]
    VMM_LVT_LINT1: Final[int]
    VMM_LVT_ERROR: Final[int]
    VMM_GIC_G0: Final[int]
    VMM_GIC_G1: Final[int]
    VMM_GIC_G1S: Final[int]
    VMM_GIC_NONSECURE: Final[int]
    VMM_GIC_SECURE: Final[int]
    VMM_GIC_AT_EL3: Final[int]
    VMM_GIC_SCR_IRQ: Final[int]
    VMM_GIC_SCR_FIQ: Final[int]
    VMM_ICC_IAR0: Final[int]
    VMM_ICC_IAR1: Final[int]
    VMM_ICC_EOIR0: Final[int]
    VMM_ICC_EOIR1: Final[int]
    VMM_ICC_HPPIR0: Final[int]
    VMM_ICC_HPPIR1: Final[int]
    VMM_ICC_BPR0: Final[int]
    VMM_ICC_BPR1: Final[int]
    VMM_ICC_AP0R0: Final[int]
    VMM_ICC_AP1R0: Final[int]
    VMM_ICC_DIR: Final[int]
    VMM_ICC_RPR: Final[int]
    VMM_ICC_PMR: Final[int]
    VMM_ICC_CTLR: Final[int]
    VMM_ICC_SRE: Final[int]
    VMM_ICC_IGRPEN0: Final[int]
    VMM_ICC_IGRPEN1: Final[int]
    VMM_ICC_SGI1R: Final[int]
    VMM_ICC_ASGI1R: Final[int]
    VMM_ICC_SGI0R: Final[int]
    VMM_ICC_CTLR_EL3: Final[int]
    VMM_ICC_IGRPEN1_EL3: Final[int]
    VMM_NATIVE_BEGINS: Final[int]
    VMM_NATIVE_ENDS: Final[int]
    VMM_SHADOW_NONE: Final[int]
    VMM_SHADOW_STI: Final[int]
    VMM_SHADOW_MOV_SS: Final[int]
    VMM_ES: Final[int]
    VMM_CS: Final[int]
    VMM_SS: Final[int]
    VMM_DS: Final[int]
    VMM_FS: Final[int]
    VMM_GS: Final[int]
    VMM_LDTR: Final[int]
    VMM_TR: Final[int]
    VMM_GDTR: Final[int]
    VMM_IDTR: Final[int]
    VMM_TIMER_SECURE: Final[int]
    VMM_TIMER_PHYSICAL: Final[int]
    VMM_TIMER_VIRTUAL: Final[int]
    VMM_TIMER_HYPERVISOR: Final[int]
    VMM_TIMER_HYPERVISOR_VIRTUAL: Final[int]
    VMM_TIMER_CYCLES: Final[int]
    VMM_CONDUIT_NONE: Final[int]
    VMM_CONDUIT_HVC: Final[int]
    VMM_CONDUIT_SMC: Final[int]
    VMM_CHOICE_EDGE: Final[int]
    VMM_CHOICE_SERVED: Final[int]
    VMM_CHOICE_HIGH: Final[int]
    VMM_CHOICE_NMI: Final[int]
    VMM_CHOICE_INJECT: Final[int]
    VMM_CHOICE_CALL: Final[int]
    VMM_CHOICE_TURN: Final[int]
    VMM_CHOICE_FIND_PORT: Final[int]
    VMM_CHOICE_FIND_DEVICE: Final[int]
    VMM_CHOICE_FIND: Final[int]
    VMM_CHOICE_TIMER: Final[int]
    VMM_CHOICE_WITHDRAWN: Final[int]
    VMM_CHOICE_SPURIOUS: Final[int]
    VMM_CHOICE_LATE: Final[int]
    VMM_WORST_LENGTH: Final[int]
    VMM_WORST_STACK: Final[int]
    VMM_WORST_KINDS: Final[int]
    VMM_PHASE_WINDOW: Final[int]
    VMM_PHASE_BEYOND: Final[int]
    VMM_PHASE_END: Final[int]
    VMM_EQ: Final[int]
    VMM_NE: Final[int]
    VMM_LT: Final[int]
    VMM_LE: Final[int]
    VMM_GT: Final[int]
    VMM_GE: Final[int]
    VMM_TERM_MEMORY: Final[int]
    VMM_TERM_REGISTER: Final[int]
    VMM_TERM_NEVER: Final[int]
    VMM_TERM_SENT: Final[int]
    VMM_TOUCH_READ: Final[int]
    VMM_TOUCH_WRITE: Final[int]
    VMM_TOUCH_CORE: Final[int]
    VMM_BEGAN_OPEN: Final[int]
    VMM_BEGAN_MASKED: Final[int]
    VMM_WORK_COMES: Final[int]
    VMM_WORK_ASKED: Final[int]
    VMM_WORK_DONE: Final[int]
    VMM_WORK_SET_UP: Final[int]
    VMM_TX_BEGINS: Final[int]
    VMM_TX_COMMITS: Final[int]
    VMM_TX_ASKED: Final[int]
    VMM_TX_INTERRUPT: Final[int]
    VMM_TX_EXCEPTION: Final[int]
    VMM_TX_INSTRUCTION: Final[int]
    VMM_TX_CAPACITY: Final[int]
    VMM_TX_CONFLICT: Final[int]
    VMM_TX_NESTED: Final[int]
    def vmm_stimulate(self, m: vmm_machine, plan: vmm_stimulus_plan, times: Pointer[int], count: int, /) -> int: ...
    def vmm_stimulus_stop(self, m: vmm_machine, serial: int, /) -> int: ...
    def vmm_stimulus_seed(self, m: vmm_machine, /) -> int: ...
    def vmm_stimulus_find(self, m: vmm_machine, serial: int, /) -> vmm_stimulus: ...
    def vmm_unicorn_open(self, path: CString | bytes, /) -> CString: ...
    def vmm_no_fast_gear(self, /) -> CString: ...
    def vmm_unicorn_version(self, /) -> int: ...
    def vmm_new(self, /) -> vmm_machine: ...
    def vmm_free(self, m: vmm_machine, /) -> None: ...
    def vmm_map_ram(self, m: vmm_machine, base: int, size: int, /) -> int: ...
    def vmm_memory(self, m: vmm_machine, physical: int, size: int, /) -> Pointer[int]: ...
    def vmm_memory_reached(self, m: vmm_machine, physical: int, size: int, write: int, /) -> None: ...
    def vmm_memory_written(self, m: vmm_machine, physical: int, size: int, /) -> None: ...
    def vmm_map_rom(self, m: vmm_machine, size: int, /) -> int: ...
    def vmm_flash_answer(self, m: vmm_machine, first: int, answers: int, /) -> int: ...
    def vmm_map_alias(self, m: vmm_machine, first: int, of: int, size: int, /) -> int: ...
    def vmm_line_end(self, m: vmm_machine, name: CString | bytes, /) -> int: ...
    def vmm_range_owner(self, m: vmm_machine, name: CString | bytes, /) -> int: ...
    def vmm_add_ports(self, m: vmm_machine, first: int, count: int, owner: int, index: int, /) -> int: ...
    def vmm_add_mmio(self, m: vmm_machine, first: int, count: int, owner: int, index: int, /) -> int: ...
    def vmm_recent_known(self, v: vmm_vcpu, /) -> None: ...
    def vmm_instructions(self, m: vmm_machine, /) -> int: ...
    def vmm_run(self, m: vmm_machine, insns: int, /) -> None: ...
    def vmm_request_stop(self, m: vmm_machine, reason: int, code: int, /) -> None: ...
    def vmm_signals_hold(self, m: vmm_machine, set: int, /) -> None: ...
    def vmm_signals_pass(self, m: vmm_machine, /) -> None: ...
    def vmm_signals_release(self, m: vmm_machine, /) -> None: ...
    def vmm_now(self, m: vmm_machine, /) -> int: ...
    def vmm_timer_set(self, m: vmm_machine, timer: int, deadline: int, /) -> None: ...
    def vmm_timer_wave(self, m: vmm_machine, timer: int, /) -> None: ...
    def vmm_from_outside(self, m: vmm_machine, /) -> None: ...
    def vmm_line_set(self, m: vmm_machine, line: int, driver: int, level: int, /) -> None: ...
    def vmm_line_until_served(self, m: vmm_machine, line: int, driver: int, /) -> None: ...
    def vmm_line_connect(self, m: vmm_machine, line: int, driver: int, connected: int, /) -> None: ...
    def vmm_nmi(self, m: vmm_machine, vcpu: int, /) -> None: ...
    def vmm_inject(self, m: vmm_machine, vcpu: int, vector: int, /) -> None: ...
    def vmm_triggers_changed(self, m: vmm_machine, /) -> None: ...
    def vmm_physical(self, v: vmm_vcpu, linear: int, /) -> int: ...
    def vmm_triggers_here(self, m: vmm_machine, /) -> None: ...
    def vmm_guest_error(self, m: vmm_machine, what: int, value: int, /) -> None: ...
    def vmm_trace_record(self, m: vmm_machine, packer: vmm_packed, observed: int, /) -> None: ...
    def vmm_trace_whole(self, m: vmm_machine, on: int, /) -> None: ...
    def vmm_compare(self, m: vmm_machine, on: int, /) -> int: ...
    def vmm_interrupted(self, m: vmm_machine, vcpu: int, depth: int, /) -> Pointer[int]: ...
    def vmm_guard(self, m: vmm_machine, linear: int, size: int, /) -> int: ...
    def vmm_snapshot_take(self, m: vmm_machine, /) -> vmm_snapshot: ...
    def vmm_snapshot_restore(self, m: vmm_machine, s: vmm_snapshot, /) -> int: ...
    def vmm_snapshot_free(self, s: vmm_snapshot, /) -> None: ...
    def vmm_latency_quantile(self, s: vmm_stat, permille: int, /) -> int: ...
    def vmm_turn(self, m: vmm_machine, vcpu: int, /) -> int: ...
    def vmm_may_turn(self, m: vmm_machine, vcpu: int, /) -> int: ...
    def vmm_next_timer(self, m: vmm_machine, /) -> int: ...
    def vmm_skip_to_timer(self, m: vmm_machine, /) -> int: ...
    def vmm_delay_timer(self, m: vmm_machine, insns: int, /) -> int: ...
    def vmm_timer_is_next(self, m: vmm_machine, /) -> int: ...
    def vmm_line_until_taken(self, m: vmm_machine, line: int, driver: int, /) -> None: ...
    def vmm_spurious_row(self, m: vmm_machine, controller: CString | bytes, /) -> int: ...
    def vmm_may_be_spurious(self, m: vmm_machine, row: int, vcpu: int, /) -> int: ...
    def vmm_spurious(self, m: vmm_machine, row: int, vcpu: int, /) -> None: ...
    def vmm_pic_of(self, m: vmm_machine, /) -> vmm_pic: ...
    def vmm_pic_read(self, m: vmm_machine, chip: int, a0: int, /) -> int: ...
    def vmm_pic_write(self, m: vmm_machine, chip: int, a0: int, value: int, /) -> None: ...
    def vmm_pic_acknowledge(self, m: vmm_machine, /) -> int: ...
    def vmm_pic_set_line(self, m: vmm_machine, pin: int, level: int, /) -> None: ...
    def vmm_pic_reset(self, m: vmm_machine, /) -> None: ...
    def vmm_lapic_reset(self, v: vmm_vcpu, /) -> None: ...
    def vmm_lapic_virtual_wire(self, v: vmm_vcpu, /) -> None: ...
    def vmm_lapic_read(self, v: vmm_vcpu, offset: int, /) -> int: ...
    def vmm_lapic_write(self, v: vmm_vcpu, offset: int, value: int, /) -> None: ...
    def vmm_lapic_signals(self, v: vmm_vcpu, /) -> int: ...
    def vmm_lapic_acknowledge(self, v: vmm_vcpu, /) -> int: ...
    def vmm_lapic_priority(self, v: vmm_vcpu, /) -> int: ...
    def vmm_lapic_count(self, v: vmm_vcpu, /) -> int: ...
    def vmm_lapic_set_lint(self, v: vmm_vcpu, pin: int, level: int, /) -> None: ...
    def vmm_lapic_event(self, v: vmm_vcpu, lvt: int, /) -> None: ...
    def vmm_ioapic_of(self, m: vmm_machine, /) -> vmm_ioapic: ...
    def vmm_ioapic_reset(self, m: vmm_machine, /) -> None: ...
    def vmm_ioapic_read(self, m: vmm_machine, offset: int, /) -> int: ...
    def vmm_ioapic_write(self, m: vmm_machine, offset: int, value: int, /) -> None: ...
    def vmm_ioapic_set_line(self, m: vmm_machine, pin: int, asserted: int, /) -> None: ...
    def vmm_msi(self, m: vmm_machine, address: int, data: int, /) -> int: ...
    def vmm_gic_version(self, m: vmm_machine, /) -> int: ...
    def vmm_gic_of(self, m: vmm_machine, /) -> vmm_gic: ...
    def vmm_gic_init(self, m: vmm_machine, version: int, cpus: int, two_states: int, /) -> int: ...
    def vmm_gic_reset(self, m: vmm_machine, /) -> None: ...
    def vmm_gic_state(self, m: vmm_machine, cpu: int, nonsecure: int, el3: int, /) -> None: ...
    def vmm_gic_dist_read(self, m: vmm_machine, cpu: int, offset: int, size: int, /) -> int: ...
    def vmm_gic_dist_write(self, m: vmm_machine, cpu: int, offset: int, size: int, value: int, /) -> None: ...
    def vmm_gic_cpu_read(self, m: vmm_machine, cpu: int, offset: int, size: int, /) -> int: ...
    def vmm_gic_cpu_write(self, m: vmm_machine, cpu: int, offset: int, size: int, value: int, /) -> None: ...
    def vmm_gic_redist_read(self, m: vmm_machine, offset: int, size: int, /) -> int: ...
    def vmm_gic_redist_write(self, m: vmm_machine, offset: int, size: int, value: int, /) -> None: ...
    def vmm_gic_icc_read(self, m: vmm_machine, cpu: int, reg: int, access: int, /) -> int: ...
    def vmm_gic_icc_write(self, m: vmm_machine, cpu: int, reg: int, access: int, value: int, /) -> None: ...
    def vmm_gic_set_spi(self, m: vmm_machine, spi: int, level: int, /) -> None: ...
    def vmm_gic_set_ppi(self, m: vmm_machine, cpu: int, intid: int, level: int, /) -> None: ...
    def vmm_gic_ppi_until_served(self, m: vmm_machine, cpu: int, intid: int, /) -> None: ...
    def vmm_gic_send_sgi(self, m: vmm_machine, from_: int, to: int, intid: int, /) -> None: ...
    def vmm_gic_output(self, m: vmm_machine, cpu: int, /) -> int: ...
    def vmm_gic_running(self, m: vmm_machine, cpu: int, /) -> int: ...
    def vmm_gic_lpi(self, m: vmm_machine, cpu: int, intid: int, pending: int, /) -> None: ...
    def vmm_gic_lpi_reload(self, m: vmm_machine, cpu: int, /) -> None: ...
    def vmm_gic_lpi_move(self, m: vmm_machine, from_: int, to: int, intid: int, /) -> None: ...
    def vmm_gic_lpi_move_all(self, m: vmm_machine, from_: int, to: int, /) -> None: ...
    def vmm_gic_lpi_next(self, m: vmm_machine, cpu: int, intid: int, /) -> int: ...
    def vmm_counter_of(self, m: vmm_machine, /) -> vmm_counter: ...
    def vmm_counter_passed(self, m: vmm_machine, /) -> int: ...
    def vmm_16550_of(self, m: vmm_machine, port: int, /) -> vmm_16550: ...
    def vmm_16550_reset(self, m: vmm_machine, port: int, /) -> None: ...
    def vmm_16550_read(self, m: vmm_machine, port: int, offset: int, /) -> int: ...
    def vmm_16550_write(self, m: vmm_machine, port: int, offset: int, value: int, /) -> None: ...
    def vmm_16550_arrive(self, m: vmm_machine, port: int, byte: int, /) -> None: ...
    def vmm_16550_time_out(self, m: vmm_machine, port: int, /) -> None: ...
    def vmm_16550_set_modem(self, m: vmm_machine, port: int, signals: int, /) -> None: ...
    def vmm_16550_frame_ns(self, m: vmm_machine, port: int, /) -> int: ...
    def vmm_pl011_of(self, m: vmm_machine, /) -> vmm_pl011: ...
    def vmm_pl011_reset(self, m: vmm_machine, /) -> None: ...
    def vmm_pl011_read(self, m: vmm_machine, offset: int, /) -> int: ...
    def vmm_pl011_write(self, m: vmm_machine, offset: int, value: int, /) -> None: ...
    def vmm_pl011_arrive(self, m: vmm_machine, byte: int, /) -> None: ...
    def vmm_pl011_time_out(self, m: vmm_machine, /) -> None: ...
    def vmm_pl011_set_modem(self, m: vmm_machine, signals: int, /) -> None: ...
    def vmm_pl011_frame_ns(self, m: vmm_machine, /) -> int: ...
    def vmm_wave_byte_of(self, m: vmm_machine, /) -> vmm_wave_byte: ...
    def vmm_wave_byte_read(self, m: vmm_machine, /) -> int: ...
    def vmm_add_x86(self, m: vmm_machine, cpu_model: int, /) -> int: ...
    def vmm_x86_of(self, v: vmm_vcpu, /) -> vmm_x86: ...
    def vmm_lapic_of(self, v: vmm_vcpu, /) -> vmm_lapic: ...
    def vmm_x86_read(self, v: vmm_vcpu, linear: int, buffer: CValue | bytes, size: int, /) -> int: ...
    def vmm_x86_write(self, v: vmm_vcpu, linear: int, buffer: CValue | bytes, size: int, /) -> int: ...
    def vmm_x86_get(self, v: vmm_vcpu, uc_register: int, /) -> int: ...
    def vmm_x86_set(self, v: vmm_vcpu, uc_register: int, value: int, /) -> None: ...
    def vmm_x86_vector_get(self, v: vmm_vcpu, number: int, bytes: Pointer[int], /) -> int: ...
    def vmm_x86_vector_set(self, v: vmm_vcpu, number: int, bytes: Pointer[int], /) -> int: ...
    def vmm_x86_get_segment(self, v: vmm_vcpu, segment: int, out: vmm_segment, /) -> None: ...
    def vmm_x86_set_segment(self, v: vmm_vcpu, segment: int, in_: vmm_segment, /) -> None: ...
    def vmm_x86_cpl(self, v: vmm_vcpu, /) -> int: ...
    def vmm_x86_nmi_blocked(self, v: vmm_vcpu, /) -> int: ...
    def vmm_x86_shadow(self, v: vmm_vcpu, /) -> int: ...
    def vmm_x86_linear_pc(self, v: vmm_vcpu, /) -> int: ...
    def vmm_x86_model_cpuid(self, v: vmm_vcpu, leaf: int, subleaf: int, out: Pointer[int], /) -> None: ...
    def vmm_x86_msr_read(self, v: vmm_vcpu, index: int, value: Pointer[int], /) -> int: ...
    def vmm_x86_msr_write(self, v: vmm_vcpu, index: int, value: int, /) -> int: ...
    def vmm_x86_init(self, v: vmm_vcpu, /) -> None: ...
    def vmm_x86_hand_over(self, v: vmm_vcpu, /) -> None: ...
    def vmm_x86_a20(self, v: vmm_vcpu, enabled: int, /) -> None: ...
    def vmm_add_arm(self, m: vmm_machine, aarch64: int, cpu_model: int, has_el2: int, has_el3: int, /) -> int: ...
    def vmm_arm_of(self, v: vmm_vcpu, /) -> vmm_arm: ...
    def vmm_arm_start(self, v: vmm_vcpu, entry: int, argument: int, /) -> None: ...
    def vmm_arm_off(self, v: vmm_vcpu, /) -> None: ...
    def vmm_arm_wait(self, v: vmm_vcpu, /) -> None: ...
    def vmm_arm_read(self, v: vmm_vcpu, address: int, buffer: CValue | bytes, size: int, /) -> int: ...
    def vmm_arm_write(self, v: vmm_vcpu, address: int, buffer: CValue | bytes, size: int, /) -> int: ...
    def vmm_arm_timer_count(self, v: vmm_vcpu, which: int, /) -> int: ...
    def vmm_arm_get(self, v: vmm_vcpu, uc_register: int, /) -> int: ...
    def vmm_arm_set(self, v: vmm_vcpu, uc_register: int, value: int, /) -> None: ...
    def vmm_arm_vector_get(self, v: vmm_vcpu, number: int, bytes: Pointer[int], /) -> int: ...
    def vmm_arm_vector_set(self, v: vmm_vcpu, number: int, bytes: Pointer[int], /) -> int: ...
    def vmm_arm_pc(self, v: vmm_vcpu, /) -> int: ...
    def vmm_arm_set_pc(self, v: vmm_vcpu, pc: int, /) -> None: ...
    def vmm_arm_pstate(self, v: vmm_vcpu, /) -> int: ...
    def vmm_arm_set_pstate(self, v: vmm_vcpu, value: int, /) -> None: ...
    def vmm_arm_system_get(self, v: vmm_vcpu, op0: int, op1: int, crn: int, crm: int, op2: int, value: Pointer[int], /) -> int: ...
    def vmm_arm_system_set(self, v: vmm_vcpu, op0: int, op1: int, crn: int, crm: int, op2: int, value: int, /) -> int: ...
    def vmm_arm_own_register(self, v: vmm_vcpu, n: int, own: vmm_arm_own, /) -> int: ...
    def vmm_arm_el(self, v: vmm_vcpu, /) -> int: ...
    def vmm_arm_it(self, v: vmm_vcpu, /) -> int: ...
    def vmm_arm_serror(self, v: vmm_vcpu, iss: int, /) -> None: ...
    def vmm_arm_trap_system(self, v: vmm_vcpu, number: int, /) -> int: ...
    def vmm_explore_begin(self, m: vmm_machine, plan: vmm_plan, /) -> vmm_exploration: ...
    def vmm_explore(self, m: vmm_machine, x: vmm_exploration, boundaries: int, out: vmm_explored, /) -> int: ...
    def vmm_explore_seek(self, m: vmm_machine, x: vmm_exploration, insns: int, /) -> int: ...
    def vmm_explore_drawn(self, m: vmm_machine, x: vmm_exploration, draws: vmm_draw, count: int, out: vmm_explored, /) -> int: ...
    def vmm_explore_extent(self, m: vmm_machine, x: vmm_exploration, choice: int, /) -> int: ...
    def vmm_explore_end(self, m: vmm_machine, x: vmm_exploration, /) -> None: ...
    def vmm_accesses_begin(self, m: vmm_machine, /) -> vmm_accesses: ...
    def vmm_accesses_stack(self, a: vmm_accesses, allowed: int, /) -> int: ...
    def vmm_accesses_end(self, a: vmm_accesses, /) -> None: ...
    def vmm_coverage_begin(self, m: vmm_machine, /) -> int: ...
    def vmm_coverage_end(self, m: vmm_machine, /) -> None: ...
    def vmm_pack(self, p: vmm_packed, t: vmm_trace, from_: int, to: int, /) -> int: ...
    def vmm_unpack(self, p: vmm_packed, wanted: vmm_wanted, out: vmm_event, room: int, /) -> int: ...
    def vmm_thin(self, t: vmm_thinned, p: vmm_packed, wanted: vmm_wanted, out: vmm_event, room: int, /) -> int: ...
    def vmm_thin_rest(self, t: vmm_thinned, out: vmm_event, /) -> int: ...
    def vmm_work(self, m: vmm_machine, line: int, number: int, what: int, /) -> None: ...
    def vmm_x86_transacts(self, v: vmm_vcpu, /) -> int: ...
    def vmm_py_port_read(self, a0: CValue | bytes, a1: int, a2: int, a3: int, /) -> int: ...
    def vmm_py_port_write(self, a0: CValue | bytes, a1: int, a2: int, a3: int, a4: int, /) -> None: ...
    def vmm_py_mmio_read(self, a0: CValue | bytes, a1: int, a2: int, a3: int, /) -> int: ...
    def vmm_py_mmio_write(self, a0: CValue | bytes, a1: int, a2: int, a3: int, a4: int, /) -> None: ...
    def vmm_py_timer(self, a0: CValue | bytes, a1: int, /) -> None: ...
    def vmm_py_trap(self, a0: CValue | bytes, a1: int, a2: vmm_trap, /) -> int: ...
    def vmm_py_drain(self, a0: CValue | bytes, /) -> None: ...
    def vmm_py_console(self, a0: CValue | bytes, a1: Pointer[int], a2: int, /) -> None: ...
    def vmm_py_judge(self, a0: CValue | bytes, a1: vmm_ending, /) -> int: ...
    def vmm_py_act(self, a0: CValue | bytes, a1: int, /) -> None: ...
    def vmm_py_take(self, a0: CValue | bytes, /) -> int: ...
    def vmm_py_put(self, a0: CValue | bytes, a1: int, /) -> None: ...

@final
class View:
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> bytes: ...
    def __setitem__(self, index: int | slice, value: Buffer) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Field:
    @property
    def offset(self) -> int: ...

class CType:
    @property
    def cname(self) -> str: ...
    @property
    def fields(self) -> Sequence[tuple[str, Field]]: ...

class Ffi:
    CData: ClassVar[type[CValue]]
    NULL: Any
    """Of every pointer type."""

    def addressof(self, struct: _D, *index: int) -> _D: ...
    def buffer(self, data: CValue, size: int = -1) -> View: ...
    def def_extern(
        self, name: str, error: int | None = None, onerror: Callable[..., None] | None = None
    ) -> Callable[[_F], _F]: ...
    @overload
    def from_buffer(self, data: Buffer) -> CValue: ...
    @overload
    def from_buffer(self, cdecl: Literal["uint8_t[]", "uint64_t[]"], data: Buffer) -> Array[int]: ...
    def from_handle(self, handle: CValue) -> Any: ...
    def gc(self, data: _D, destructor: Callable[[_D], object], size: int = 0) -> _D: ...
    def memmove(self, to: CValue | bytearray, data: CValue | Buffer, size: int) -> None: ...
    def new_handle(self, value: object) -> CValue: ...
    def offsetof(self, cdecl: str, field: str) -> int: ...
    def sizeof(self, cdecl: str | CValue) -> int: ...
    def string(self, text: CString) -> bytes: ...
    def typeof(self, cdecl: str | CValue) -> CType: ...
    @overload
    def new(self, cdecl: Literal["vmm_event *", "vmm_event[]"], value: object = ...) -> vmm_event: ...
    @overload
    def new(self, cdecl: Literal["vmm_packed *", "vmm_packed[]"], value: object = ...) -> vmm_packed: ...
    @overload
    def new(self, cdecl: Literal["vmm_trace *", "vmm_trace[]"], value: object = ...) -> vmm_trace: ...
    @overload
    def new(self, cdecl: Literal["vmm_stat *", "vmm_stat[]"], value: object = ...) -> vmm_stat: ...
    @overload
    def new(self, cdecl: Literal["vmm_machine *", "vmm_machine[]"], value: object = ...) -> vmm_machine: ...
    @overload
    def new(self, cdecl: Literal["vmm_stimulus_plan *", "vmm_stimulus_plan[]"], value: object = ...) -> vmm_stimulus_plan: ...
    @overload
    def new(self, cdecl: Literal["vmm_vcpu *", "vmm_vcpu[]"], value: object = ...) -> vmm_vcpu: ...
    @overload
    def new(self, cdecl: Literal["vmm_trap *", "vmm_trap[]"], value: object = ...) -> vmm_trap: ...
    @overload
    def new(self, cdecl: Literal["vmm_segment *", "vmm_segment[]"], value: object = ...) -> vmm_segment: ...
    @overload
    def new(self, cdecl: Literal["vmm_arm_own *", "vmm_arm_own[]"], value: object = ...) -> vmm_arm_own: ...
    @overload
    def new(self, cdecl: Literal["vmm_ending *", "vmm_ending[]"], value: object = ...) -> vmm_ending: ...
    @overload
    def new(self, cdecl: Literal["vmm_explored *", "vmm_explored[]"], value: object = ...) -> vmm_explored: ...
    @overload
    def new(self, cdecl: Literal["vmm_plan *", "vmm_plan[]"], value: object = ...) -> vmm_plan: ...
    @overload
    def new(self, cdecl: Literal["vmm_draw *", "vmm_draw[]"], value: object = ...) -> vmm_draw: ...
    @overload
    def new(self, cdecl: Literal["vmm_accesses *", "vmm_accesses[]"], value: object = ...) -> vmm_accesses: ...
    @overload
    def new(self, cdecl: Literal["vmm_wanted *", "vmm_wanted[]"], value: object = ...) -> vmm_wanted: ...
    @overload
    def new(self, cdecl: Literal["vmm_thinned *", "vmm_thinned[]"], value: object = ...) -> vmm_thinned: ...
    @overload
    def new(self, cdecl: Literal["uint8_t *", "uint16_t *", "uint32_t *", "uint64_t *", "int8_t *", "int16_t *", "int32_t *", "int64_t *", "size_t *"], value: int = ...) -> Pointer[int]: ...
    @overload
    def new(self, cdecl: Literal["uint8_t[]", "uint16_t[]", "uint32_t[]", "uint64_t[]", "int8_t[]", "int16_t[]", "int32_t[]", "int64_t[]", "size_t[]"], value: int | Sequence[int] | bytes = ...) -> Array[int]: ...

lib: Lib
ffi: Ffi
