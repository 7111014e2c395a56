/*
 * schema_dump [-I DIR]... NAME...
 *
 * Writes the descriptor set of the files with these import names to standard
 * output, and errors to standard error, one `file:line:column: text` each. For
 * comparing the schema front end with protoc.
 */
#include "compiler/schema/files.h"

#include <stdio.h>
#include <string.h>

static void tell(void *state, const mayfly_diagnostic *d)
{
    (void)state;
    fprintf(stderr, "%s:%d:%d: %s\n", d->file, d->line, d->column, d->text);
}

int main(int argc, char **argv)
{
    const char *dirs[16];
    mf_alloc alloc;
    mf_schema *schema;
    mf_buf out;
    mayfly_error err = MAYFLY_ERROR_INIT;
    int i = 1;
    mf_alloc_init(&alloc, NULL);
    mf_files files = {.alloc = &alloc, .dirs = dirs};
    for (; i + 1 < argc && strcmp(argv[i], "-I") == 0 && files.n_dirs < 16;
         i += 2)
        dirs[files.n_dirs++] = argv[i + 1];
    mf_schema_source source = mf_files_source(&files);
    if (mf_schema_parse(&alloc, &source, (const char *const *)argv + i,
                        (size_t)(argc - i), NULL, tell, NULL, &schema,
                        &err) != 0)
        return 1;
    mf_buf_init(&out, &alloc, 0);
    int code = mf_schema_to_descriptor_set(schema, &out, &err);
    if (code == 0 && fwrite(out.ptr, 1, out.len, stdout) != out.len)
        code = 1;
    mf_buf_done(&out);
    mf_schema_unref(schema);
    return code != 0;
}
