/*
 * base/json.h: writing JSON into a buffer.
 *
 * Commas and quotes are the writer's business; the caller opens, names and
 * closes. Depth is bounded by the caller's own nesting.
 */
#ifndef MF_BASE_JSON_H
#define MF_BASE_JSON_H

#include "base/buf.h"

typedef struct mf_json {
    mf_buf *out;
    int pretty; /* 0: one line; 1: two-space indents */
    int depth;
    int fresh; /* nothing written yet at this depth */
    int named; /* a key was just written */
} mf_json;

void mf_json_init(mf_json *j, mf_buf *out, int pretty);
void mf_json_open(mf_json *j, char bracket);  /* '{' or '[' */
void mf_json_close(mf_json *j, char bracket); /* '}' or ']' */
void mf_json_key(mf_json *j, const char *key, size_t len);
void mf_json_name(mf_json *j, const char *key); /* zero-terminated key */
void mf_json_str(mf_json *j, const char *text, size_t len); /* escapes */
void mf_json_raw(mf_json *j, const char *token); /* a number, true, null */
void mf_json_u64(mf_json *j, uint64_t value);
/* A name with its value; `text` is zero-terminated. */
void mf_json_put_u64(mf_json *j, const char *name, uint64_t value);
void mf_json_put_str(mf_json *j, const char *name, const char *text);
void mf_json_put_bool(mf_json *j, const char *name, int value);
void mf_json_i64(mf_json *j, int64_t value);

#endif
