/*
 * compiler/json/wkt.c: which messages are well-known types.
 *
 * A message is taken for one by its full name and its fields. A schema may
 * bring its own google.protobuf.Timestamp with other fields; that one is an
 * ordinary message, as its struct does not have what the special form needs. So
 * whoever asked mf_wkt_of may use the fields of the type without looking again.
 *
 * Pure functions; any thread.
 */
#include "compiler/json/internal.h"

static bool field_is(const mf_plan_message *m, uint32_t number, int type,
                     int cardinality)
{
    const mf_plan_field *f = mf_plan_field_of(m, number);
    return f && f->type == type && f->cardinality == cardinality;
}

static bool is_time(const mf_plan_message *m)
{
    return field_is(m, 1, MAYFLY_TYPE_INT64, MAYFLY_SINGULAR) &&
           field_is(m, 2, MAYFLY_TYPE_INT32, MAYFLY_SINGULAR);
}

static bool is_any(const mf_plan_message *m)
{
    return field_is(m, 1, MAYFLY_TYPE_STRING, MAYFLY_SINGULAR) &&
           field_is(m, 2, MAYFLY_TYPE_BYTES, MAYFLY_SINGULAR);
}

static bool points_at(const mf_plan *plan, const mf_plan_message *m,
                      uint32_t number, const char *full_name)
{
    const mf_plan_field *f = mf_plan_field_of(m, number);
    return f && f->message < plan->n_messages &&
           strcmp(plan->messages[f->message].full_name, full_name) == 0;
}

static bool is_struct(const mf_plan *plan, const mf_plan_message *m)
{
    if (!field_is(m, 1, MAYFLY_TYPE_MESSAGE, MAYFLY_MAP))
        return false;
    const mf_plan_message *entry =
        &plan->messages[mf_plan_field_of(m, 1)->message];
    return field_is(entry, 1, MAYFLY_TYPE_STRING, MAYFLY_SINGULAR) &&
           field_is(entry, 2, MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR) &&
           points_at(plan, entry, 2, "google.protobuf.Value");
}

static bool is_list(const mf_plan *plan, const mf_plan_message *m)
{
    return field_is(m, 1, MAYFLY_TYPE_MESSAGE, MAYFLY_REPEATED) &&
           points_at(plan, m, 1, "google.protobuf.Value");
}

static bool is_value(const mf_plan *plan, const mf_plan_message *m)
{
    return field_is(m, 1, MAYFLY_TYPE_ENUM, MAYFLY_SINGULAR) &&
           field_is(m, 2, MAYFLY_TYPE_DOUBLE, MAYFLY_SINGULAR) &&
           field_is(m, 3, MAYFLY_TYPE_STRING, MAYFLY_SINGULAR) &&
           field_is(m, 4, MAYFLY_TYPE_BOOL, MAYFLY_SINGULAR) &&
           field_is(m, 5, MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR) &&
           field_is(m, 6, MAYFLY_TYPE_MESSAGE, MAYFLY_SINGULAR) &&
           points_at(plan, m, 5, "google.protobuf.Struct") &&
           points_at(plan, m, 6, "google.protobuf.ListValue");
}

static bool is_wrapper(const mf_plan_message *m, const char *name)
{
    static const struct {
        const char *name;
        int type;
    } wrappers[] = {{"BoolValue", MAYFLY_TYPE_BOOL},
                    {"BytesValue", MAYFLY_TYPE_BYTES},
                    {"DoubleValue", MAYFLY_TYPE_DOUBLE},
                    {"FloatValue", MAYFLY_TYPE_FLOAT},
                    {"Int32Value", MAYFLY_TYPE_INT32},
                    {"Int64Value", MAYFLY_TYPE_INT64},
                    {"StringValue", MAYFLY_TYPE_STRING},
                    {"UInt32Value", MAYFLY_TYPE_UINT32},
                    {"UInt64Value", MAYFLY_TYPE_UINT64}};
    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++) {
        if (strcmp(name, wrappers[i].name) == 0)
            return field_is(m, 1, wrappers[i].type, MAYFLY_SINGULAR);
    }
    return false;
}

mf_wkt mf_wkt_of(const mf_plan *plan, const mf_plan_message *m)
{
    static const char package[] = "google.protobuf.";
    if (strncmp(m->full_name, package, sizeof(package) - 1) != 0)
        return MF_WKT_NONE;
    const char *name = m->full_name + sizeof(package) - 1;
    if (strcmp(name, "Any") == 0)
        return is_any(m) ? MF_WKT_ANY : MF_WKT_NONE;
    if (strcmp(name, "Duration") == 0)
        return is_time(m) ? MF_WKT_DURATION : MF_WKT_NONE;
    if (strcmp(name, "FieldMask") == 0)
        return field_is(m, 1, MAYFLY_TYPE_STRING, MAYFLY_REPEATED)
                   ? MF_WKT_FIELD_MASK
                   : MF_WKT_NONE;
    if (strcmp(name, "ListValue") == 0)
        return is_list(plan, m) ? MF_WKT_LIST_VALUE : MF_WKT_NONE;
    if (strcmp(name, "Struct") == 0)
        return is_struct(plan, m) ? MF_WKT_STRUCT : MF_WKT_NONE;
    if (strcmp(name, "Timestamp") == 0)
        return is_time(m) ? MF_WKT_TIMESTAMP : MF_WKT_NONE;
    if (strcmp(name, "Value") == 0)
        return is_value(plan, m) ? MF_WKT_VALUE : MF_WKT_NONE;
    return is_wrapper(m, name) ? MF_WKT_WRAPPER : MF_WKT_NONE;
}

bool mf_is_null_value(const mf_plan_field *f)
{
    return f->type == MAYFLY_TYPE_ENUM && f->descriptor &&
           f->descriptor->enumeration &&
           strcmp(f->descriptor->enumeration->full_name,
                  "google.protobuf.NullValue") == 0;
}
