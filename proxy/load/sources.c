/*
 * proxy/load/sources.c: reading schemas for loading and for emitting.
 *
 * Paths become import names by the include folders; without folders, the folder
 * of the first file is the one. Text in memory has its import name already and
 * is looked at before any folder, as are the files of the options.
 *
 * Everything is taken from the caller's allocator and freed again but the
 * schema.
 */
#include "proxy/load/sources.h"

#include "base/error.h"
#include "base/options.h"
#include "compiler/schema/files.h"

#include <string.h>

int mf_load_options_read(const mayfly_load_options *given,
                         mayfly_load_options *ret, mayfly_error *err)
{
    *ret = (mayfly_load_options){.size = sizeof *ret};
    return mf_options_read(ret, sizeof *ret, given, "load options", err);
}

/* "dir" of "dir/a.proto", "/" of "/a.proto", "." of "a.proto". */
static char *folder_of(mf_alloc *alloc, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mf_alloc_strdup(alloc, ".");
    if (slash == path)
        return mf_alloc_strdup(alloc, "/");
    return mf_alloc_strndup(alloc, path, (size_t)(slash - path));
}

/* The files in memory, the text first. NULL: no memory. */
static mayfly_source *list_memory(const mf_sources *s, mf_alloc *alloc)
{
    const mayfly_load_options *o = s->options;
    mayfly_source *all = mf_alloc_zero(alloc, (o->n_files + 1) * sizeof *all);
    if (!all)
        return NULL;
    size_t n = 0;
    if (s->text)
        all[n++] = *s->text;
    for (size_t i = 0; i < o->n_files; i++)
        all[n++] = o->files[i];
    return all;
}

static const mf_file *find_file(const mf_schema *schema, const char *name)
{
    for (uint32_t i = 0; i < schema->n_files; i++)
        if (strcmp(schema->files[i]->name, name) == 0)
            return schema->files[i];
    return NULL;
}

/* The files' source, and who is told what is read from it. */
typedef struct recording {
    mf_schema_source from;
    const mf_sources *sources;
} recording;

static int open_recorded(void *state, const char *name, mf_schema_text *ret,
                         mayfly_error *err)
{
    const recording *r = state;
    int code = r->from.open(r->from.state, name, ret, err);
    if (code == 0)
        r->sources->record(r->sources->record_state, name, ret->text, ret->len);
    return code;
}

static void close_recorded(void *state, mf_schema_text *text)
{
    const recording *r = state;
    r->from.close(r->from.state, text);
}

static int parse(const mf_sources *s, mf_files *files, mf_alloc *alloc,
                 mf_schema **ret_schema, const mf_file **ret_first,
                 mayfly_error *err)
{
    size_t n = s->text ? 1 : s->n_paths;
    const char **names = mf_alloc_zero(files->alloc, n * sizeof *names);
    if (!names)
        return mf_error_nomem(err, "the names of schema files");
    int code = 0;
    if (s->text)
        names[0] = s->text->name;
    for (size_t i = 0; !s->text && code == 0 && i < n; i++)
        code = mf_files_import_name(files, s->paths[i], &names[i], err);
    if (code == 0) {
        recording r = {mf_files_source(files), s};
        mf_schema_source source = {open_recorded, close_recorded, &r};
        code = mf_schema_parse(alloc, s->record ? &source : &r.from, names, n,
                               NULL, s->options->diagnostic,
                               s->options->diagnostic_state, ret_schema, err);
    }
    if (code == 0)
        *ret_first = find_file(*ret_schema, names[0]);
    /* An import has a place; a file that was asked for has the user's own name.
     */
    if (code == MAYFLY_ENOTFOUND && !s->text && n == 1 && err && err->line == 0)
        mf_error_wrap(err, code, "%s", s->paths[0]);
    mf_alloc_free(files->alloc, names);
    return code;
}

int mf_sources_read(const mf_sources *sources, mf_alloc *alloc,
                    mf_schema **ret_schema, const mf_file **ret_first,
                    mayfly_error *err)
{
    const mayfly_load_options *o = sources->options;
    if (sources->text ? !sources->text->name || !sources->text->text
                      : sources->n_paths == 0)
        return mf_error_set(err, MAYFLY_EINVAL, "no schema is named");
    mf_alloc *scratch = mf_alloc_scratch(alloc);
    mf_files files = {.alloc = scratch,
                      .dirs = o->include_dirs,
                      .n_dirs = o->n_include_dirs,
                      .look = o->file,
                      .look_state = o->file_state,
                      .n_memory = o->n_files + (sources->text != NULL)};
    const char *folder[1];
    char *own = NULL;
    mayfly_source *memory = list_memory(sources, scratch);
    int code = 0;
    if (!memory)
        code = mf_error_nomem(err, "the list of schema files");
    files.memory = memory;
    if (code == 0 && !sources->text && o->n_include_dirs == 0) {
        own = folder_of(scratch, sources->paths[0]);
        folder[0] = own;
        files.dirs = folder;
        files.n_dirs = 1;
        if (!own)
            code = mf_error_nomem(err, "the list of schema files");
    }
    if (code == 0)
        code = parse(sources, &files, alloc, ret_schema, ret_first, err);
    mf_alloc_free(scratch, own);
    mf_alloc_free(scratch, memory);
    return code;
}
