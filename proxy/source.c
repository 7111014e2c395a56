/*
 * proxy/source.c: loading C source without a schema.
 *
 * A context is made of a schema and the source compiled with it. Source alone
 * is loaded with a schema that says nothing, so that everything else is as it
 * is: no message and no service are found in it.
 *
 * What is added here: defines, which become lines before each source, and the
 * options in the form that a load takes.
 *
 * Threads: any.
 */
#include "base/error.h"
#include "base/options.h"
#include "proxy/load.h"

#include <string.h>

static const mayfly_source nothing = {.name = "mayfly_nothing.proto",
                                      .text = "syntax = \"proto3\";\n"};

static int has_null(const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!list[i])
            return 1;
    return 0;
}

static int read_options(const mayfly_source_options *given,
                        mayfly_source_options *o, mayfly_error *err)
{
    *o = (mayfly_source_options){.size = sizeof *o};
    int code = mf_options_read(o, sizeof *o, given, "source options", err);
    if (code != 0)
        return code;
    if ((o->n_include_dirs && !o->include_dirs) ||
        (o->n_defines && !o->defines) || (o->n_symbols && !o->symbols) ||
        (o->n_libraries && !o->libraries) ||
        has_null(o->include_dirs, o->n_include_dirs) ||
        has_null(o->defines, o->n_defines) ||
        has_null(o->libraries, o->n_libraries))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "a list of the source options is missing, or a "
                            "name in it");
    return 0;
}

/* "NAME" is defined as 1, as compilers do it. A line break would end the line
 * and let the rest be anything. */
static int write_defines(const mayfly_source_options *o, mf_buf *out,
                         mayfly_error *err)
{
    for (size_t i = 0; i < o->n_defines; i++) {
        const char *text = o->defines[i];
        size_t name = strcspn(text, "=");
        if (name == 0 || strchr(text, '\n') || strchr(text, '\r'))
            return mf_error_set(err, MAYFLY_EINVAL, "not a define: \"%s\"",
                                text);
        mf_buf_printf(out, "#define %.*s %s\n", (int)name, text,
                      text[name] ? text + name + 1 : "1");
    }
    return mf_buf_check(out, "the defines", err);
}

static int check(mayfly_host *host, const mayfly_source *sources, size_t n,
                 mayfly_error *err)
{
    if (!host || !sources || n == 0)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no source");
    for (size_t i = 0; i < n; i++)
        if (!sources[i].text)
            return mf_error_set(err, MAYFLY_EINVAL, "a source without text");
    return 0;
}

int mayfly_load_source(mayfly_host *host, const char *name,
                       const mayfly_source *sources, size_t n_sources,
                       const mayfly_source_options *options,
                       mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_source_options o;
    int code = check(host, sources, n_sources, err);
    if (code == 0)
        code = read_options(options, &o, err);
    if (code != 0)
        return code;
    mayfly_load_options as_load = {.size = sizeof as_load,
                                   .handlers = sources,
                                   .n_handlers = n_sources,
                                   .symbols = o.symbols,
                                   .n_symbols = o.n_symbols,
                                   .previous = o.previous,
                                   .resident = o.resident,
                                   .limits = o.limits,
                                   .diagnostic = o.diagnostic,
                                   .diagnostic_state = o.diagnostic_state};
    mf_buf prelude;
    mf_buf_init(&prelude, &host->alloc, 0);
    code = write_defines(&o, &prelude, err);
    const char *lines = mf_buf_text(&prelude);
    if (code == 0 && !lines)
        code = mf_error_nomem(err, "the defines");
    if (code == 0) {
        mf_load load = {.sources = {.text = &nothing, .options = &as_load},
                        .given = {.include = o.include,
                                  .include_state = o.include_state,
                                  .include_dirs = o.include_dirs,
                                  .n_include_dirs = o.n_include_dirs,
                                  .real_paths = o.n_include_dirs != 0,
                                  .prelude = lines},
                        .resolve = o.resolve,
                        .resolve_state = o.resolve_state,
                        .libraries = o.libraries,
                        .n_libraries = o.n_libraries};
        code = mf_load_run(host, name, &load, ret_context, err);
    }
    mf_buf_done(&prelude);
    return code;
}
