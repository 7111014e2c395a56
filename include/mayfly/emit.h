/*
 * mayfly/emit.h: what can be made from a schema besides a live context.
 *
 * Build tools use this to write headers and descriptor sets; people use it to see
 * what mayfly would compile. Nothing is compiled here.
 */
#ifndef MAYFLY_EMIT_H
#define MAYFLY_EMIT_H

#include <mayfly/context.h>
#include <mayfly/error.h>
#include <mayfly/host.h>
#include <mayfly/types.h>

MAYFLY_BEGIN

enum mayfly_emit_kind {
    MAYFLY_EMIT_HEADER = 0,     /* the user's header, greeter.mf.h */
    MAYFLY_EMIT_C = 1,          /* the C that a load compiles */
    MAYFLY_EMIT_DESCRIPTOR = 2, /* a FileDescriptorSet with imports, binary */
    MAYFLY_EMIT_LIST = 3        /* services, methods and messages as text */
};

typedef struct mayfly_output mayfly_output;

/*
 * Reads the schemas at `paths` and makes one output of them (a header: of the
 * first). `options` gives include folders, files in memory and the diagnostic
 * callback. `symbol` limits LIST to one service, method, message or enum by its
 * full name; NULL lists all. Errors: those of mayfly_load_file, ENOTFOUND (the
 * symbol). Any thread.
 */
MAYFLY_API int mayfly_emit(mayfly_host *host, enum mayfly_emit_kind kind,
                           const char *const *paths, size_t n_paths,
                           const char *symbol,
                           const mayfly_load_options *options,
                           mayfly_output **ret_output, mayfly_error *err);

/* The bytes, owned by the output; text is also zero-terminated. */
MAYFLY_API mayfly_bytes mayfly_output_bytes(const mayfly_output *output);
MAYFLY_API void mayfly_output_free(mayfly_output *output);

MAYFLY_END

#endif
