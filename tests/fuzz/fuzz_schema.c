/* Any bytes as a .proto file: errors, or a schema of which all texts can be
 * made. */
#include "base/error.h"
#include "compiler/gen/emit.h"
#include "compiler/schema/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void emit(mf_alloc *alloc, mf_schema *schema)
{
    mf_plan *plan = NULL;
    mf_buf out;

    mf_buf_init(&out, alloc, 0);
    mf_schema_to_descriptor_set(schema, &out, NULL);
    mf_emit_list(schema, NULL, &out, NULL);
    if (mf_plan_native(alloc, schema, &plan, NULL) == 0) {
        mf_emit_unit(plan, &out, NULL);
        mf_emit_header(plan, schema->files[schema->n_files - 1], &out, NULL);
        mf_plan_free(plan);
    }
    mf_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    /* a length of 0 would mean zero-terminated */
    const mayfly_source text = {"f.proto", n ? (const char *)bytes : "", n};
    const char *name = "f.proto";
    mf_schema *schema = NULL;
    mf_alloc alloc;
    mf_files files = {.memory = &text, .n_memory = 1};

    mf_alloc_init(&alloc, NULL);
    files.alloc = &alloc;
    mf_schema_source source = mf_files_source(&files);
    if (mf_schema_parse(&alloc, &source, &name, 1, NULL, NULL, NULL, &schema,
                        NULL) == 0) {
        emit(&alloc, schema);
        mf_schema_unref(schema);
    }
    if (atomic_load(&alloc.blocks) != 0)
        __builtin_trap();
    return 0;
}
