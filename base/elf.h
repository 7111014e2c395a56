/*
 * base/elf.h: where the symbols of an ELF file are.
 *
 * Files are read piece by piece and nothing is kept. Numbers are as the file
 * has them: what lies beyond its end cannot be read, so whoever reads there
 * sees it. Threads: any.
 */
#ifndef MF_BASE_ELF_H
#define MF_BASE_ELF_H

#include <stddef.h>
#include <stdint.h>

typedef struct mf_elf_table { /* of symbols, with its strings; file offsets */
    uint64_t at, n;           /* ElfW(Sym) */
    uint64_t strings, strings_end;
} mf_elf_table;

/* The dynamic table; unless `dynamic`, the full one where there is one. 1, or 0
 * when there is none or it is no such file. */
int mf_elf_find_table(int fd, int dynamic, mf_elf_table *ret);

/* Reads all of `n` bytes; 0: they are not there. */
int mf_elf_read(int fd, uint64_t at, void *to, size_t n);

#endif
