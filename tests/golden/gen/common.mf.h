/* Made by mayfly. Do not edit; make it again instead. */
#ifndef MAYFLY_H_common
#define MAYFLY_H_common

#include <mayfly/mayfly.h>

MAYFLY_BEGIN

/* common_v1_Unit */
enum {
    common_v1_Unit_UNIT_NONE = 0,
    common_v1_Unit_UNIT_METRE = 1
};

typedef struct common_v1_Length common_v1_Length;
MAYFLY_ARRAY_OF(common_v1_Length, common_v1_Length_array);

struct common_v1_Length {
    double value;
    int32_t unit;
    mayfly_unknown mayfly_unknown_fields;
};

static const mayfly_field_layout mayfly_fields_common_v1_Length[2] MAYFLY_UNUSED = {
    { 1, (uint32_t)offsetof(common_v1_Length, value), 0, 0, 0,
      MAYFLY_TYPE_DOUBLE, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "value", "value" },
    { 2, (uint32_t)offsetof(common_v1_Length, unit), 0, 0, 0,
      MAYFLY_TYPE_ENUM, MAYFLY_SINGULAR, MAYFLY_IMPLICIT, 0, { 0, 0 }, "unit", "unit" },
};

static const mayfly_message_layout mayfly_messages_common[1] MAYFLY_UNUSED = {
    { "common.v1.Length", "common_v1_Length", (uint32_t)sizeof(common_v1_Length),
      (uint32_t)offsetof(common_v1_Length, mayfly_unknown_fields), 0, 2, mayfly_fields_common_v1_Length, 0, 0 },
};

static const mayfly_layout mayfly_layout_common MAYFLY_UNUSED = {
    1, 1, 0, 0,
    "common.proto",
    mayfly_messages_common,
    NULL,
    NULL,
};

static inline int common_v1_Length_encode(
    mayfly_context *context, const common_v1_Length *m, mayfly_arena *arena,
    mayfly_bytes *ret_wire, mayfly_error *err)
{
    return mayfly_encode(context, &mayfly_layout_common, 0, m, arena,
                         ret_wire, err);
}

static inline int common_v1_Length_decode(
    mayfly_context *context, mayfly_bytes wire, mayfly_arena *arena,
    common_v1_Length **ret_message, mayfly_error *err)
{
    void *message = NULL;
    int code = mayfly_decode(context, &mayfly_layout_common, 0, wire,
                             arena, &message, err);

    if (code == 0)
        *ret_message = (common_v1_Length *)message;
    return code;
}

MAYFLY_END

#endif
