/* compiler/schema/set.c: see set.h. At most half of the slots are in use. */
#include "compiler/schema/set.h"

#include <string.h>

bool mf_set_init(mf_build *b, mf_set *set, size_t n)
{
    size_t slots = 8;
    while (slots < n * 2)
        slots *= 2;
    set->slots = mf_build_scratch(b, slots * sizeof *set->slots);
    set->mask = slots - 1;
    return set->slots != NULL;
}

void *mf_set_add(mf_set *set, const void *key, size_t len, void *value)
{
    size_t i = (size_t)mf_hash(key, len) & set->mask;
    for (; set->slots[i].key; i = (i + 1) & set->mask) {
        if (set->slots[i].len == len &&
            memcmp(set->slots[i].key, key, len) == 0)
            return set->slots[i].value;
    }
    set->slots[i] = (mf_set_slot){key, len, value};
    return NULL;
}
