/*
 * compiler/arena/debugger.c: gdb finds its way through generated code.
 *
 * gdb does not ask the process's unwinder. For code that is made at run time it
 * has an interface of its own: a list of ELF objects in memory, whose head has
 * a fixed name, and a function of a fixed name in which gdb has a breakpoint
 * and that is called when the list changes. Each zone is one such object: a
 * .text without bytes that covers its range, one symbol over all of it, so that
 * frames there read `mayfly_code`, and the same unwinding rule as in unwind.c.
 * Nothing is registered per unit: a load costs no more with it than without.
 * The price is that gdb does not know the functions' own names.
 *
 * The list's head is a mutable global because gdb wants it so. It is written
 * under a lock that a forked child takes for free, with an empty list, when a
 * thread of its parent held it.
 *
 * Owned by the zone that the object is in. Threads: any.
 */
#include "compiler/arena/debugger.h"

#include "base/guest.h"
#include "compiler/arena/unwind.h"

#include <elf.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

enum { ACTION_NONE, ACTION_ADD, ACTION_REMOVE };

typedef struct jit_descriptor { /* the layout is gdb's */
    uint32_t version;
    uint32_t action;
    mf_jit_entry *relevant;
    mf_jit_entry *first;
} jit_descriptor;

void __jit_debug_register_code(void);
extern jit_descriptor __jit_debug_descriptor;

/* clang-format off */
jit_descriptor __jit_debug_descriptor = { .version = 1 };
/* clang-format on */

static atomic_uint holder; /* 0: free; else the fork generation, plus one */

__attribute__((noinline, used)) void __jit_debug_register_code(void)
{
    __asm__ volatile("" ::: "memory");
}

static void lock(void)
{
    unsigned mine = mf_fork_generation() + 1;
    for (;;) {
        unsigned now = 0;
        if (atomic_compare_exchange_strong(&holder, &now, mine))
            return;
        if (now != mine &&
            atomic_compare_exchange_strong(&holder, &now, mine)) {
            __jit_debug_descriptor.first = NULL;
            return;
        }
        sched_yield();
    }
}

static void unlock(void)
{
    atomic_store(&holder, 0);
}

static void tell(mf_jit_entry *entry, uint32_t action)
{
    __jit_debug_descriptor.action = action;
    __jit_debug_descriptor.relevant = entry;
    __jit_debug_register_code();
    __jit_debug_descriptor.action = ACTION_NONE;
    __jit_debug_descriptor.relevant = NULL;
}

/* --- the object ------------------------------------------------------------
 */

#if defined(__x86_64__)

enum { NONE, TEXT, FRAME, SYMBOLS, STRINGS, SECTIONS };

/* Names of sections and symbols, and where in this they are. */
static const char names[] = "\0.text\0.debug_frame\0.symtab\0.strtab\0"
                            "mayfly_code";
enum {
    AT_TEXT = 1,
    AT_FRAME = 7,
    AT_SYMBOLS = 20,
    AT_STRINGS = 28,
    AT_CODE = 36
};

typedef struct object {
    Elf64_Ehdr head;
    Elf64_Shdr sections[SECTIONS];
    Elf64_Sym symbols[2];
    uint8_t frame[MF_UNWIND_BYTES];
    char names[sizeof names];
} object;

_Static_assert(sizeof(object) <= MF_DEBUGGER_BYTES, "the object has room");

static Elf64_Shdr section(Elf64_Word name, Elf64_Word type, size_t at,
                          size_t bytes)
{
    return (Elf64_Shdr){.sh_name = name,
                        .sh_type = type,
                        .sh_offset = at,
                        .sh_size = bytes,
                        .sh_addralign = 8};
}

static void write_object(object *o, const void *base, size_t bytes)
{
    o->head = (Elf64_Ehdr){.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
                                       ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                           .e_type = ET_EXEC,
                           .e_machine = EM_X86_64,
                           .e_version = EV_CURRENT,
                           .e_shoff = offsetof(object, sections),
                           .e_ehsize = sizeof(Elf64_Ehdr),
                           .e_shentsize = sizeof(Elf64_Shdr),
                           .e_shnum = SECTIONS,
                           .e_shstrndx = STRINGS};
    size_t frame = mf_unwind_write(o->frame, base, bytes, 1);
    Elf64_Shdr *s = o->sections;
    s[TEXT] = section(AT_TEXT, SHT_NOBITS, sizeof o->head, bytes);
    s[TEXT].sh_flags = SHF_ALLOC | SHF_EXECINSTR;
    s[TEXT].sh_addr = (uintptr_t)base;
    s[FRAME] = section(AT_FRAME, SHT_PROGBITS, offsetof(object, frame), frame);
    s[SYMBOLS] = section(AT_SYMBOLS, SHT_SYMTAB, offsetof(object, symbols),
                         sizeof o->symbols);
    s[SYMBOLS].sh_link = STRINGS;
    s[SYMBOLS].sh_info = 1; /* the first that is not local */
    s[SYMBOLS].sh_entsize = sizeof(Elf64_Sym);
    s[STRINGS] =
        section(AT_STRINGS, SHT_STRTAB, offsetof(object, names), sizeof names);
    o->symbols[1] = (Elf64_Sym){.st_name = AT_CODE,
                                .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                .st_shndx = TEXT,
                                .st_value = (uintptr_t)base,
                                .st_size = bytes};
    memcpy(o->names, names, sizeof names);
}

void mf_debugger_add(mf_debugger *d, const void *base, size_t bytes)
{
    object o;
    memset(&o, 0, sizeof o);
    write_object(&o, base, bytes);
    memcpy(d->file, &o, sizeof o);
    lock();
    d->entry = (mf_jit_entry){.next = __jit_debug_descriptor.first,
                              .file = d->file,
                              .bytes = sizeof o};
    if (d->entry.next)
        d->entry.next->prev = &d->entry;
    __jit_debug_descriptor.first = &d->entry;
    tell(&d->entry, ACTION_ADD);
    unlock();
    d->known = 1;
}

#else

void mf_debugger_add(mf_debugger *d, const void *base, size_t bytes)
{
    (void)base, (void)bytes;
    d->known = 0;
}

#endif

void mf_debugger_remove(mf_debugger *d)
{
    if (!d->known)
        return;
    lock();
    if (d->entry.prev)
        d->entry.prev->next = d->entry.next;
    else
        __jit_debug_descriptor.first = d->entry.next;
    if (d->entry.next)
        d->entry.next->prev = d->entry.prev;
    tell(&d->entry, ACTION_REMOVE);
    unlock();
    d->known = 0;
}
