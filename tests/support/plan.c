/* tests/support/plan.c: see plan.h. */
#include "tests/support/plan.h"

#include "compiler/schema/files.h"

#include <stdio.h>
#include <stdlib.h>

int test_plan(mf_alloc *alloc, const char *dir, const char *import_name,
              mf_plan **ret_plan, mayfly_error *err)
{
    mf_files files = {.alloc = alloc, .dirs = &dir, .n_dirs = 1};
    mf_schema_source source = mf_files_source(&files);
    mf_schema *schema;
    int code = mf_schema_parse(alloc, &source, &import_name, 1, NULL, NULL,
                               NULL, &schema, err);

    if (code != 0)
        return code;
    code = mf_plan_native(alloc, schema, ret_plan, err);
    mf_schema_unref(schema);
    return code;
}

char *test_read(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "rb");
    size_t n = 0, cap = 65536;
    char *text = malloc(cap + 1);

    while (f && text) {
        size_t got = fread(text + n, 1, cap - n, f);

        n += got;
        if (got == 0)
            break;
        if (n == cap)
            text = realloc(text, (cap *= 2) + 1);
    }
    if (!f || !text) {
        free(text);
        return NULL;
    }
    fclose(f);
    text[n] = 0;
    *ret_len = n;
    return text;
}
