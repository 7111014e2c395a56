/*
 * cache/blame_elf.c: the names of an image's variables.
 *
 * Most variables that keep a pointer are static, so the dynamic symbols that
 * dladdr knows do not name them. The file of the image does, where it was not
 * stripped: its symbol table is read piece by piece, nothing is kept. A file
 * that has been replaced since it was loaded may give a wrong name, as it would
 * in a debugger.
 *
 * Every number of the file is checked before it is used. Threads: any.
 */
#include "cache/blame.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

enum { SECTIONS_MAX = 4096, BATCH = 128 };

typedef struct table { /* of symbols, with its strings */
    uint64_t at, n;
    uint64_t strings, strings_end;
} table;

static int read_at(int fd, uint64_t at, void *to, size_t n)
{
    return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

static int read_section(int fd, const ElfW(Ehdr) * e, uint32_t i,
                        ElfW(Shdr) * s)
{
    return i < e->e_shnum &&
           read_at(fd, e->e_shoff + (uint64_t)i * sizeof *s, s, sizeof *s);
}

/* The full table, else the dynamic one. */
static int find_table(int fd, table *t)
{
    ElfW(Ehdr) e;
    ElfW(Shdr) s, strings;
    int found = 0;
    if (!read_at(fd, 0, &e, sizeof e) ||
        memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
        e.e_shentsize != sizeof(ElfW(Shdr)) || e.e_shnum > SECTIONS_MAX)
        return 0;
    for (uint32_t i = 0; i < e.e_shnum; i++) {
        if (!read_section(fd, &e, i, &s))
            return found;
        int full = s.sh_type == SHT_SYMTAB;
        if ((!full && (s.sh_type != SHT_DYNSYM || found)) ||
            s.sh_entsize != sizeof(ElfW(Sym)) ||
            !read_section(fd, &e, s.sh_link, &strings))
            continue;
        *t = (table){s.sh_offset, s.sh_size / sizeof(ElfW(Sym)),
                     strings.sh_offset, strings.sh_offset + strings.sh_size};
        found = 1;
        if (full)
            break;
    }
    return found;
}

static int holds(const ElfW(Sym) * s, uintptr_t value, int tls)
{
    int type = ELF64_ST_TYPE(s->st_info);
    uint64_t size = s->st_size ? s->st_size : 1;
    return type == (tls ? STT_TLS : STT_OBJECT) && s->st_shndx != SHN_UNDEF &&
           value >= s->st_value && value - s->st_value < size;
}

int mf_blame_symbol(const char *path, uintptr_t value, int tls, char *out,
                    size_t size, uintptr_t *ret_begin)
{
    ElfW(Sym) batch[BATCH];
    table t;
    int code = -1;
    int fd = open(path[0] ? path : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!find_table(fd, &t))
        t.n = 0;
    for (uint64_t i = 0; i < t.n && code != 0; i += BATCH) {
        size_t n = t.n - i < BATCH ? (size_t)(t.n - i) : BATCH;
        if (!read_at(fd, t.at + i * sizeof batch[0], batch,
                     n * sizeof batch[0]))
            break;
        for (size_t k = 0; k < n && code != 0; k++) {
            uint64_t name = t.strings + batch[k].st_name;
            if (!holds(&batch[k], value, tls) || name >= t.strings_end)
                continue;
            ssize_t got = pread(fd, out, size - 1, (off_t)name);
            if (got <= 0)
                continue;
            out[got] = '\0';
            *ret_begin = batch[k].st_value;
            code = 0;
        }
    }
    close(fd);
    return code;
}
