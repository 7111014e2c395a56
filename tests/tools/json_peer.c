/*
 * The library's side of test_json.py: turns JSON to bytes and back, as asked on
 * standard input, so that one process answers thousands of questions.
 *
 *     json_peer SCHEMA TYPE
 *
 * A question is 'e' (JSON to bytes) or 'd' (bytes to JSON), four bytes of length,
 * low first, and that many bytes. An answer is 0 or 1 (an error's text follows), a
 * length, and the bytes.
 */
#include <mayfly/mayfly.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void answer(int failed, const void *bytes, size_t n)
{
    unsigned char head[5] = {(unsigned char)failed, (unsigned char)n,
                             (unsigned char)(n >> 8), (unsigned char)(n >> 16),
                             (unsigned char)(n >> 24)};
    fwrite(head, 1, sizeof(head), stdout);
    fwrite(bytes, 1, n, stdout);
    fflush(stdout);
}

static int question(mayfly_host *host, mayfly_context *context,
                    const char *type)
{
    unsigned char head[5];
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_arena *arena;
    mayfly_bytes wire;
    mayfly_str json;
    if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
        return 0;
    size_t n = head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 |
               (size_t)head[4] << 24;
    char *text = malloc(n + 1); /* exactly as long, for the sanitizer */
    if (!text || fread(text, 1, n, stdin) != n ||
        mayfly_arena_new(host, 0, &arena, &err) != 0)
        exit(1);
    if (head[0] == 'e') {
        if (mayfly_json_encode(context, type, (mayfly_str){text, n}, arena,
                               &wire, &err) == 0)
            answer(0, wire.ptr, wire.len);
        else
            answer(1, err.message, strlen(err.message));
    } else {
        if (mayfly_json_decode(context, type,
                               (mayfly_bytes){(const uint8_t *)text, n}, 0,
                               arena, &json, &err) == 0)
            answer(0, json.ptr, json.len);
        else
            answer(1, err.message, strlen(err.message));
    }
    mayfly_arena_free(arena);
    free(text);
    return 1;
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *context;
    if (argc != 3 || mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "json", argv[1], NULL, &context, &err) != 0) {
        fprintf(stderr, "json_peer: %s\n", err.message);
        return 1;
    }
    while (question(host, context, argv[2]))
        continue;
    int rc = mayfly_unload(context, NULL, NULL, &err);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    return rc != 0;
}
