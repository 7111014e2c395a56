/*
 * compiler/gen/sort.c: heap sort.
 *
 * Input from a schema is hostile, so the worst case counts: n log n, no memory,
 * no recursion.
 */
#include "compiler/gen/sort.h"

#include <string.h>

static void sift(char *items, size_t root, size_t n, size_t size,
                 int (*compare)(const void *a, const void *b))
{
    char moved[MF_SORT_SIZE];
    size_t child;

    memcpy(moved, items + root * size, size);
    while ((child = 2 * root + 1) < n) {
        if (child + 1 < n &&
            compare(items + child * size, items + (child + 1) * size) < 0)
            child++;
        if (compare(moved, items + child * size) >= 0)
            break;
        memcpy(items + root * size, items + child * size, size);
        root = child;
    }
    memcpy(items + root * size, moved, size);
}

void mf_sort(void *items, size_t n, size_t size,
             int (*compare)(const void *a, const void *b))
{
    char *at = items;
    char swap[MF_SORT_SIZE];

    if (n < 2 || size > MF_SORT_SIZE)
        return;
    for (size_t i = n / 2; i-- > 0;)
        sift(at, i, n, size, compare);
    for (size_t end = n - 1; end > 0; end--) {
        memcpy(swap, at, size);
        memcpy(at, at + end * size, size);
        memcpy(at + end * size, swap, size);
        sift(at, 0, end, size, compare);
    }
}
