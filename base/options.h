/*
 * base/options.h: options structs of callers that know another mayfly.
 *
 * An options struct begins with `size_t size`, which the caller's macro sets to
 * what the struct was when the caller was compiled. Members are only ever added
 * at the end, and 0 means the default for each, so:
 *
 *   smaller than ours   an older caller: what it does not have stays as it is
 * in `ret`, that is, the default larger than ours    a newer caller: good as
 * long as it uses nothing that is new, that is, the rest is zero
 *
 * tests/structure/test_options.py looks that no struct ends in padding, where
 * an older caller's bytes would be anything.
 */
#ifndef MF_BASE_OPTIONS_H
#define MF_BASE_OPTIONS_H

#include <mayfly/error.h>

/* Larger ones are no options: the size was never set. */
#define MF_OPTIONS_BYTES_MAX 4096

/* Copies what the caller has set over the defaults in `ret`, a struct of
 * `bytes` bytes. `given` NULL: all are defaults. `what` is for the error: "host
 * options". Errors: EINVAL, with `ret` as it was. */
int mf_options_read(void *ret, size_t bytes, const void *given,
                    const char *what, mayfly_error *err);

/* The other way: fills in a caller's struct, whose `size` is set, from ours.
 * What only the caller's has becomes 0. Nothing is written where the size
 * cannot be one. */
void mf_options_write(void *ret, const void *from, size_t bytes);

#endif
