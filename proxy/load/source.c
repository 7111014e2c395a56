/*
 * proxy/load/source.c: loading C source without a schema.
 *
 * A context is made of a schema and the source compiled with it. Source alone
 * is loaded with a schema that says nothing, so that everything else is as it
 * is: no message and no service are found in it.
 *
 * Threads: any.
 */
#include "base/error.h"
#include "base/options.h"
#include "proxy/load/load.h"

const mayfly_source mf_load_no_schema = {.name = "mayfly_nothing.proto",
                                         .text = "syntax = \"proto3\";\n"};

int mayfly_load_source(mayfly_host *host, const char *name,
                       const mayfly_source *sources, size_t n_sources,
                       const mayfly_source_options *options,
                       mayfly_context **ret_context, mayfly_error *err)
{
    mayfly_source_options o = {.size = sizeof o};
    if (!host || !sources || n_sources == 0)
        return mf_error_set(err, MAYFLY_EINVAL, "no host or no source");
    int code = mf_options_read(&o, sizeof o, options, "source options", err);
    if (code != 0)
        return code;
    mayfly_load_options as_load = {.size = sizeof as_load,
                                   .handlers = sources,
                                   .n_handlers = n_sources,
                                   .symbols = o.symbols,
                                   .n_symbols = o.n_symbols,
                                   .resident = o.resident,
                                   .limits = o.limits,
                                   .diagnostic = o.diagnostic,
                                   .diagnostic_state = o.diagnostic_state,
                                   .previous = o.previous,
                                   .include = o.include,
                                   .include_state = o.include_state,
                                   .header_dirs = o.include_dirs,
                                   .n_header_dirs = o.n_include_dirs,
                                   .defines = o.defines,
                                   .n_defines = o.n_defines,
                                   .resolve = o.resolve,
                                   .resolve_state = o.resolve_state,
                                   .libraries = o.libraries,
                                   .n_libraries = o.n_libraries,
                                   .library_dirs = o.library_dirs,
                                   .n_library_dirs = o.n_library_dirs};
    mf_load load = {
        .sources = {.text = &mf_load_no_schema, .options = &as_load}};
    return mf_load_run(host, name, &load, ret_context, err);
}
