/*
 * base/elf.c: finding the symbol tables of an ELF file by its section headers.
 *
 * Every number of the file is checked before it is used as a size.
 */
#include "base/elf.h"

#include <elf.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

enum { SECTIONS_MAX = 4096 };

int mf_elf_read(int fd, uint64_t at, void *to, size_t n)
{
    return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

static int read_section(int fd, const ElfW(Ehdr) * e, uint32_t i,
                        ElfW(Shdr) * s)
{
    return i < e->e_shnum &&
           mf_elf_read(fd, e->e_shoff + (uint64_t)i * sizeof *s, s, sizeof *s);
}

int mf_elf_find_table(int fd, int dynamic, mf_elf_table *ret)
{
    ElfW(Ehdr) e;
    ElfW(Shdr) s, strings;
    int found = 0;
    if (!mf_elf_read(fd, 0, &e, sizeof e) ||
        memcmp(e.e_ident, ELFMAG, SELFMAG) != 0 ||
        e.e_shentsize != sizeof(ElfW(Shdr)) || e.e_shnum > SECTIONS_MAX)
        return 0;
    for (uint32_t i = 0; i < e.e_shnum; i++) {
        if (!read_section(fd, &e, i, &s))
            return found;
        int full = s.sh_type == SHT_SYMTAB && !dynamic;
        if ((!full && (s.sh_type != SHT_DYNSYM || found)) ||
            s.sh_entsize != sizeof(ElfW(Sym)) ||
            !read_section(fd, &e, s.sh_link, &strings))
            continue;
        *ret = (mf_elf_table){s.sh_offset, s.sh_size / sizeof(ElfW(Sym)),
                              strings.sh_offset,
                              strings.sh_offset + strings.sh_size};
        found = 1;
        if (full)
            break;
    }
    return found;
}
