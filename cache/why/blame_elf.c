/*
 * cache/why/blame_elf.c: the names of an image's variables.
 *
 * Most variables that keep a pointer are static, so the dynamic symbols that
 * dladdr knows do not name them. The file of the image does, where it was not
 * stripped: its symbol table is read piece by piece, nothing is kept. A file
 * that has been replaced since it was loaded may give a wrong name, as it would
 * in a debugger.
 *
 * Threads: any.
 */
#include "cache/why/blame.h"

#include "base/elf.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <unistd.h>

enum { BATCH = 128 };

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
    mf_elf_table t;
    int code = -1;
    int fd = open(path[0] ? path : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    if (!mf_elf_find_table(fd, 0, &t))
        t.n = 0;
    for (uint64_t i = 0; i < t.n && code != 0; i += BATCH) {
        size_t n = t.n - i < BATCH ? (size_t)(t.n - i) : BATCH;
        if (!mf_elf_read(fd, t.at + i * sizeof batch[0], batch,
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
