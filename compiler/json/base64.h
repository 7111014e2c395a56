/*
 * compiler/json/base64.h: bytes as text (RFC 4648).
 *
 * Written in the standard alphabet with padding. Read in the standard and the
 * URL-safe alphabet, with padding or without, as the JSON mapping asks.
 */
#ifndef MF_JSON_BASE64_H
#define MF_JSON_BASE64_H

#include <mayfly/types.h>

#include <stdbool.h>

/* Characters that `n` bytes become; n up to SIZE_MAX / 2. */
size_t mf_base64_length(size_t n);
void mf_base64_encode(const uint8_t *bytes, size_t n, char *out);

/* `out` has room for text.len / 4 * 3 + 3 bytes. False: not base64. */
bool mf_base64_decode(mayfly_str text, uint8_t *out, size_t *ret_len);

#endif
