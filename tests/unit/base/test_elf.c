/* Symbol tables of this program's own file, whole and spoilt. */
#include "base/elf.h"

#include "tests/support/test.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HEAD = sizeof(ElfW(Ehdr)) };

/* A name of the table that some symbol has, by reading it. */
static int has(int fd, const mf_elf_table *t, const char *name)
{
    ElfW(Sym) s;
    char text[32];
    size_t n = strlen(name) + 1;
    for (uint64_t i = 0; i < t->n; i++)
        if (mf_elf_read(fd, t->at + i * sizeof s, &s, sizeof s) &&
            mf_elf_read(fd, t->strings + s.st_name, text, n) &&
            memcmp(text, name, n) == 0)
            return 1;
    return 0;
}

static void test_tables(void **state)
{
    (void)state;
    mf_elf_table full, dynamic;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(mf_elf_find_table(fd, 0, &full), 1);
    assert_int_equal(mf_elf_find_table(fd, 1, &dynamic), 1);
    assert_true(has(fd, &full, "test_tables"));
    assert_false(has(fd, &dynamic, "test_tables"));
    assert_true(has(fd, &dynamic, "open"));
    close(fd);
}

/* A file of these bytes. */
static int file_of(const void *bytes, size_t n)
{
    int fd = memfd_create("elf", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    return fd;
}

static void test_spoilt(void **state)
{
    (void)state;
    ElfW(Ehdr) head, h;
    mf_elf_table t;
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(fd, &head, HEAD), HEAD);
    close(fd);
    for (size_t n = 0; n <= HEAD; n++) { /* cut, and without its sections */
        fd = file_of(&head, n);
        assert_int_equal(mf_elf_find_table(fd, 0, &t), 0);
        close(fd);
    }
    for (int what = 0; what < 4; what++) {
        h = head;
        if (what == 0)
            h.e_ident[0] = 'x';
        if (what == 1)
            h.e_shentsize = 1;
        if (what == 2)
            h.e_shnum = 65535;
        if (what == 3)
            h.e_shoff = UINT64_MAX - 3;
        fd = file_of(&h, HEAD);
        assert_int_equal(mf_elf_find_table(fd, 0, &t), 0);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_spoilt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
