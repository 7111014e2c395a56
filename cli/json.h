/*
 * cli/json.h: JSON that the command reads: answers of an admin socket.
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stddef.h>
#include <stdint.h>

enum cli_json_kind {
    CLI_JSON_NULL,
    CLI_JSON_FALSE,
    CLI_JSON_TRUE,
    CLI_JSON_NUMBER,
    CLI_JSON_STRING,
    CLI_JSON_ARRAY,
    CLI_JSON_OBJECT
};

/* A value, and its place among others. The texts are zero-terminated. */
typedef struct cli_json {
    enum cli_json_kind kind;
    const char *key;  /* a member's; NULL: none */
    const char *text; /* of a string; a number's characters */
    size_t len;
    struct cli_json *first, *next; /* what is within, and behind */
    const char *raw; /* where it stands in the text that was read */
    size_t raw_len;
} cli_json;

/* Reads a text, which is changed meanwhile (strings are decoded in place) and
 * must stay. NULL: it is not JSON, or nested deeper than 64, or there is no
 * memory. Free the result with free(). `raw` is good in `copy`, a text that is
 * the same and is not changed; NULL: not wanted. */
cli_json *cli_json_read(char *text, size_t len, const char *copy);

/* A member, or NULL; `of` may be NULL. */
const cli_json *cli_json_get(const cli_json *of, const char *key);
/* The value of a member, or of what stands for nothing: 0, "", 0. */
uint64_t cli_json_number(const cli_json *of, const char *key);
const char *cli_json_text(const cli_json *of, const char *key);
int cli_json_is(const cli_json *of, const char *key); /* true */

#endif
