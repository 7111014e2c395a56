/*
 * proxy/load/emit.c: headers, C, descriptor sets and lists from schemas.
 *
 * The same reading and planning as a load, and then text in place of code.
 * Schema and plan live in a heap that is gone when the function returns; the
 * output owns its bytes and a reference to the host.
 *
 * Threads: any.
 */
#include "proxy/host/host.h"
#include "proxy/load/sources.h"

#include "base/error.h"
#include "compiler/gen/emit.h"
#include "compiler/heap.h"

#include <mayfly/emit.h>

struct mayfly_output {
    mayfly_host *host; /* a reference */
    mf_buf bytes;
};

static int emit_plan(enum mayfly_emit_kind kind, mf_alloc *alloc,
                     mf_schema *schema, const mf_file *first, mf_buf *out,
                     mayfly_error *err)
{
    mf_plan *plan;
    int code = mf_plan_native(alloc, schema, &plan, err);
    if (code != 0)
        return code;
    if (kind == MAYFLY_EMIT_C)
        code = mf_emit_unit(plan, out, err);
    else if (first)
        code = mf_emit_header(plan, first, out, err);
    else
        code = mf_error_set(err, MAYFLY_EINTERNAL, "the first file is lost");
    mf_plan_free(plan);
    return code;
}

static int emit(enum mayfly_emit_kind kind, const char *symbol,
                const mf_sources *sources, mf_alloc *alloc, mf_buf *out,
                mayfly_error *err)
{
    mf_schema *schema;
    const mf_file *first;
    int code = mf_sources_read(sources, alloc, &schema, &first, err);
    if (code != 0)
        return code;
    switch (kind) {
    case MAYFLY_EMIT_HEADER:
    case MAYFLY_EMIT_C:
        code = emit_plan(kind, alloc, schema, first, out, err);
        break;
    case MAYFLY_EMIT_DESCRIPTOR:
        code = mf_schema_to_descriptor_set(schema, out, err);
        break;
    case MAYFLY_EMIT_LIST:
        code = mf_emit_list(schema, symbol, out, err);
        break;
    default:
        code = mf_error_set(err, MAYFLY_EINVAL, "no such kind of output");
    }
    mf_schema_unref(schema);
    if (code == 0) {
        mf_buf_text(out);
        code = mf_buf_check(out, "the output", err);
    }
    return code;
}

int mayfly_emit(mayfly_host *host, enum mayfly_emit_kind kind,
                const char *const *paths, size_t n_paths, const char *symbol,
                const mayfly_load_options *options, mayfly_output **ret_output,
                mayfly_error *err)
{
    if (!host || !ret_output || (n_paths && !paths))
        return mf_error_set(err, MAYFLY_EINVAL,
                            "no host or nowhere to put the output");
    mayfly_load_options read;
    int code = mf_host_check(host, err);
    if (code == 0)
        code = mf_load_options_read(options, &read, err);
    if (code != 0)
        return code;
    mf_sources sources = {.paths = paths, .n_paths = n_paths, .options = &read};
    mf_alloc *alloc = &host->alloc;
    mayfly_output *o = mf_alloc_zero(alloc, sizeof *o);
    mf_heap *heap = mf_heap_new(alloc, !host->uses_malloc);
    if (!o || !heap) {
        mf_alloc_free(alloc, o);
        mf_heap_free(heap);
        return mf_error_nomem(err, "an output");
    }
    mf_buf_init(&o->bytes, alloc, 0);
    code = emit(kind, symbol, &sources, mf_heap_alloc(heap), &o->bytes, err);
    mf_heap_free(heap);
    if (code != 0) {
        mf_buf_done(&o->bytes);
        mf_alloc_free(alloc, o);
        return code;
    }
    o->host = mf_host_ref(host);
    *ret_output = o;
    return 0;
}

mayfly_bytes mayfly_output_bytes(const mayfly_output *output)
{
    return (mayfly_bytes){output->bytes.ptr, output->bytes.len};
}

void mayfly_output_free(mayfly_output *output)
{
    if (!output)
        return;
    mayfly_host *host = output->host;
    mf_buf_done(&output->bytes);
    mf_alloc_free(output->bytes.alloc, output);
    mf_host_unref(host);
}
