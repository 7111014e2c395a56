/*
 * cli/admin_sources.c: files that a running host is to load.
 *
 * The schema goes as an absolute path: the host reads it, and what it imports,
 * in the folders that -I names or in its own. Handlers go as text; what they
 * include the host reads, in their folders and in those of -I. So an error
 * names a handler as it was typed.
 */
#include "cli/admin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

/* Writes a path, or the first `n` bytes of one, as an absolute one. "." in
 * front of it goes, so that files stay below the folders that they are named
 * with. */
static int put_path(FILE *to, const char *path, size_t n)
{
    char folder[PATH_BYTES] = "", whole[2 * PATH_BYTES];
    while (n > 1 && path[0] == '.' && path[1] == '/') {
        size_t skip = 1 + strspn(path + 1, "/");
        skip = skip < n ? skip : n;
        path += skip;
        n -= skip;
    }
    if (n == 1 && path[0] == '.')
        n = 0;
    if (path[0] != '/' && !getcwd(folder, sizeof(folder)))
        return cli_fail("the working folder: %s", strerror(errno));
    int len = snprintf(whole, sizeof(whole), "%s%s%.*s", folder,
                       path[0] == '/' ? "" : "/", (int)n, path);
    if (n > PATH_BYTES || len < 0 || len >= PATH_BYTES)
        return cli_fail("%s: the path is too long", path);
    cli_put_json(to, whole);
    return CLI_OK;
}

static int put_dirs(FILE *to, const char *name, const args_list *dirs)
{
    int rc = CLI_OK;
    fprintf(to, ",\"%s\":[", name);
    for (size_t i = 0; rc == CLI_OK && i < dirs->n; i++) {
        if (i)
            fputc(',', to);
        rc = put_path(to, dirs->items[i], strlen(dirs->items[i]));
    }
    return rc;
}

/* The folder of each file, and those of -I. */
static int put_header_dirs(FILE *to, const char *const *files, size_t n,
                           const args_list *dirs)
{
    int rc = put_dirs(to, "header_dirs", dirs);
    for (size_t i = 0; rc == CLI_OK && i < n; i++) {
        const char *slash = strrchr(files[i], '/');
        if (i || dirs->n)
            fputc(',', to);
        rc = slash ? put_path(to, files[i], (size_t)(slash - files[i]) + 1)
                   : put_path(to, ".", 1);
    }
    fputc(']', to);
    return rc;
}

static int put_handler(FILE *to, const char *path)
{
    size_t len;
    char *text = cli_read(path, &len);
    if (!text)
        return CLI_FAILED;
    if (!cli_is_text(text, len)) {
        free(text);
        return cli_fail("%s: not UTF-8 without zero bytes", path);
    }
    fputs("{\"name\":", to);
    cli_put_json(to, path);
    fputs(",\"text\":", to);
    cli_put_json(to, text);
    fputc('}', to);
    free(text);
    return CLI_OK;
}

static int put_handlers(FILE *to, const char *const *files, size_t n,
                        const args_list *dirs)
{
    int rc = CLI_OK;
    fputs(",\"handlers\":[", to);
    for (size_t i = 0; rc == CLI_OK && i < n; i++) {
        if (i)
            fputc(',', to);
        rc = put_handler(to, files[i]);
    }
    fputc(']', to);
    return rc == CLI_OK ? put_header_dirs(to, files, n, dirs) : rc;
}

int admin_put_sources(admin_request *q, const char *const *files, size_t n,
                      const args_list *dirs)
{
    if (!q->to)
        return CLI_OK; /* admin_ask tells */
    fputs(",\"schema\":{\"path\":", q->to);
    int rc = put_path(q->to, files[0], strlen(files[0]));
    fputc('}', q->to);
    if (rc == CLI_OK && dirs->n) {
        rc = put_dirs(q->to, "include_dirs", dirs);
        fputc(']', q->to);
    }
    if (rc == CLI_OK && n > 1)
        rc = put_handlers(q->to, files + 1, n - 1, dirs);
    return rc;
}
