/* Made by mayfly. */
#include <mayfly/stub.h>

typedef struct google_protobuf_Struct google_protobuf_Struct;
MAYFLY_ARRAY_OF(google_protobuf_Struct, google_protobuf_Struct_array);
typedef struct google_protobuf_Struct_FieldsEntry google_protobuf_Struct_FieldsEntry;
MAYFLY_ARRAY_OF(google_protobuf_Struct_FieldsEntry, google_protobuf_Struct_FieldsEntry_array);
typedef struct google_protobuf_Value google_protobuf_Value;
MAYFLY_ARRAY_OF(google_protobuf_Value, google_protobuf_Value_array);
typedef struct google_protobuf_ListValue google_protobuf_ListValue;
MAYFLY_ARRAY_OF(google_protobuf_ListValue, google_protobuf_ListValue_array);
typedef struct google_protobuf_Timestamp google_protobuf_Timestamp;
MAYFLY_ARRAY_OF(google_protobuf_Timestamp, google_protobuf_Timestamp_array);
typedef struct google_protobuf_DoubleValue google_protobuf_DoubleValue;
MAYFLY_ARRAY_OF(google_protobuf_DoubleValue, google_protobuf_DoubleValue_array);
typedef struct google_protobuf_FloatValue google_protobuf_FloatValue;
MAYFLY_ARRAY_OF(google_protobuf_FloatValue, google_protobuf_FloatValue_array);
typedef struct google_protobuf_Int64Value google_protobuf_Int64Value;
MAYFLY_ARRAY_OF(google_protobuf_Int64Value, google_protobuf_Int64Value_array);
typedef struct google_protobuf_UInt64Value google_protobuf_UInt64Value;
MAYFLY_ARRAY_OF(google_protobuf_UInt64Value, google_protobuf_UInt64Value_array);
typedef struct google_protobuf_Int32Value google_protobuf_Int32Value;
MAYFLY_ARRAY_OF(google_protobuf_Int32Value, google_protobuf_Int32Value_array);
typedef struct google_protobuf_UInt32Value google_protobuf_UInt32Value;
MAYFLY_ARRAY_OF(google_protobuf_UInt32Value, google_protobuf_UInt32Value_array);
typedef struct google_protobuf_BoolValue google_protobuf_BoolValue;
MAYFLY_ARRAY_OF(google_protobuf_BoolValue, google_protobuf_BoolValue_array);
typedef struct google_protobuf_StringValue google_protobuf_StringValue;
MAYFLY_ARRAY_OF(google_protobuf_StringValue, google_protobuf_StringValue_array);
typedef struct google_protobuf_BytesValue google_protobuf_BytesValue;
MAYFLY_ARRAY_OF(google_protobuf_BytesValue, google_protobuf_BytesValue_array);
typedef struct t_Everything t_Everything;
MAYFLY_ARRAY_OF(t_Everything, t_Everything_array);
typedef struct t_Maps t_Maps;
MAYFLY_ARRAY_OF(t_Maps, t_Maps_array);
typedef struct t_Maps_I32Entry t_Maps_I32Entry;
MAYFLY_ARRAY_OF(t_Maps_I32Entry, t_Maps_I32Entry_array);
typedef struct t_Maps_TextEntry t_Maps_TextEntry;
MAYFLY_ARRAY_OF(t_Maps_TextEntry, t_Maps_TextEntry_array);
typedef struct t_Maps_FlagEntry t_Maps_FlagEntry;
MAYFLY_ARRAY_OF(t_Maps_FlagEntry, t_Maps_FlagEntry_array);
typedef struct t_Maps_S64Entry t_Maps_S64Entry;
MAYFLY_ARRAY_OF(t_Maps_S64Entry, t_Maps_S64Entry_array);
typedef struct t_Maps_F64Entry t_Maps_F64Entry;
MAYFLY_ARRAY_OF(t_Maps_F64Entry, t_Maps_F64Entry_array);
typedef struct t_Maps_PairsEntry t_Maps_PairsEntry;
MAYFLY_ARRAY_OF(t_Maps_PairsEntry, t_Maps_PairsEntry_array);
typedef struct t_Many t_Many;
MAYFLY_ARRAY_OF(t_Many, t_Many_array);
typedef struct t_Empty t_Empty;
MAYFLY_ARRAY_OF(t_Empty, t_Empty_array);

struct google_protobuf_Struct {
    struct google_protobuf_Struct_FieldsEntry_array fields;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_Struct_FieldsEntry {
    mayfly_str key;
    struct google_protobuf_Value *value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_Value {
    union {
        int32_t null_value;
        double number_value;
        mayfly_str string_value;
        bool bool_value;
        struct google_protobuf_Struct *struct_value;
        struct google_protobuf_ListValue *list_value;
    };
    uint32_t kind_case;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_ListValue {
    struct google_protobuf_Value_array values;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_Timestamp {
    int64_t seconds;
    int32_t nanos;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_DoubleValue {
    double value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_FloatValue {
    float value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_Int64Value {
    int64_t value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_UInt64Value {
    uint64_t value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_Int32Value {
    int32_t value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_UInt32Value {
    uint32_t value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_BoolValue {
    bool value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_StringValue {
    mayfly_str value;
    mayfly_unknown mayfly_unknown_fields;
};

struct google_protobuf_BytesValue {
    mayfly_bytes value;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Everything {
    uint64_t mayfly_has[1];
    mayfly_int32_array r_i32;
    mayfly_int64_array r_i64;
    mayfly_uint32_array r_u32;
    mayfly_uint64_array r_u64;
    mayfly_int32_array r_s32;
    mayfly_int64_array r_s64;
    mayfly_bool_array r_flag;
    mayfly_uint32_array r_f32;
    mayfly_uint64_array r_f64;
    mayfly_int32_array r_sf32;
    mayfly_int64_array r_sf64;
    mayfly_float_array r_real;
    mayfly_double_array r_precise;
    mayfly_str_array r_text;
    mayfly_bytes_array r_raw;
    mayfly_int32_array r_color;
    struct t_Everything_array r_child;
    mayfly_int32_array n_i32;
    mayfly_int64_array n_s64;
    mayfly_bool_array n_flag;
    mayfly_uint32_array n_f32;
    mayfly_double_array n_precise;
    mayfly_int32_array n_color;
    mayfly_str text;
    mayfly_bytes raw;
    mayfly_str opt_text;
    mayfly_bytes opt_raw;
    union {
        uint32_t c_u32;
        mayfly_str c_text;
        struct t_Everything *c_child;
        double c_double;
        bool c_flag;
        struct t_Maps *c_maps;
        mayfly_bytes c_raw;
    };
    mayfly_str further;
    int64_t i64;
    uint64_t u64;
    int64_t s64;
    uint64_t f64;
    int64_t sf64;
    double precise;
    struct t_Everything *child;
    double opt_double;
    int64_t opt_s64;
    struct t_Maps *maps;
    struct google_protobuf_Struct *object;
    struct google_protobuf_Timestamp *at;
    struct google_protobuf_StringValue *wrapped;
    uint64_t furthest;
    int32_t i32;
    uint32_t u32;
    int32_t s32;
    uint32_t f32;
    int32_t sf32;
    float real;
    int32_t color;
    int32_t opt_i32;
    int32_t opt_color;
    uint32_t opt_f32;
    uint32_t choice_case;
    int32_t far;
    bool flag;
    bool opt_flag;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps {
    struct t_Maps_I32Entry_array i32;
    struct t_Maps_TextEntry_array text;
    struct t_Maps_FlagEntry_array flag;
    struct t_Maps_S64Entry_array s64;
    struct t_Maps_F64Entry_array f64;
    struct t_Maps_PairsEntry_array pairs;
    struct t_Maps *below;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_I32Entry {
    mayfly_str value;
    int32_t key;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_TextEntry {
    mayfly_str key;
    struct t_Everything *value;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_FlagEntry {
    int32_t value;
    bool key;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_S64Entry {
    mayfly_bytes value;
    int64_t key;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_F64Entry {
    uint64_t key;
    double value;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Maps_PairsEntry {
    mayfly_str key;
    mayfly_str value;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Many {
    uint64_t mayfly_has[2];
    int32_t a1;
    int32_t a2;
    int32_t a3;
    int32_t a4;
    int32_t a5;
    int32_t a6;
    int32_t a7;
    int32_t a8;
    int32_t a9;
    int32_t a10;
    int32_t a11;
    int32_t a12;
    int32_t a13;
    int32_t a14;
    int32_t a15;
    int32_t a16;
    int32_t a17;
    int32_t a18;
    int32_t a19;
    int32_t a20;
    int32_t a21;
    int32_t a22;
    int32_t a23;
    int32_t a24;
    int32_t a25;
    int32_t a26;
    int32_t a27;
    int32_t a28;
    int32_t a29;
    int32_t a30;
    int32_t a31;
    int32_t a32;
    int32_t a33;
    int32_t a34;
    int32_t a35;
    int32_t a36;
    int32_t a37;
    int32_t a38;
    int32_t a39;
    int32_t a40;
    int32_t a41;
    int32_t a42;
    int32_t a43;
    int32_t a44;
    int32_t a45;
    int32_t a46;
    int32_t a47;
    int32_t a48;
    int32_t a49;
    int32_t a50;
    int32_t a51;
    int32_t a52;
    int32_t a53;
    int32_t a54;
    int32_t a55;
    int32_t a56;
    int32_t a57;
    int32_t a58;
    int32_t a59;
    int32_t a60;
    int32_t a61;
    int32_t a62;
    int32_t a63;
    int32_t a64;
    int32_t a65;
    int32_t a66;
    int32_t a67;
    int32_t a68;
    int32_t a69;
    int32_t a70;
    mayfly_unknown mayfly_unknown_fields;
};

struct t_Empty {
    mayfly_unknown mayfly_unknown_fields;
};

static uint8_t *mf_encode_google_protobuf_Struct(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_Struct_FieldsEntry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_Value(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_ListValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_Timestamp(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_DoubleValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_FloatValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_Int64Value(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_UInt64Value(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_Int32Value(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_UInt32Value(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_BoolValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_StringValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_google_protobuf_BytesValue(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Everything(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_I32Entry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_TextEntry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_FlagEntry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_S64Entry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_F64Entry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Maps_PairsEntry(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Many(mf_writer *w, uint8_t *p, const void *message);
static uint8_t *mf_encode_t_Empty(mf_writer *w, uint8_t *p, const void *message);

static uint8_t *mf_encode_google_protobuf_Struct(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Struct *m = message;

    if (m->fields.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x0a), mf_encode_google_protobuf_Struct_FieldsEntry, &m->fields, sizeof(google_protobuf_Struct_FieldsEntry)))) /* 1 */
        return NULL;
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_Struct_FieldsEntry(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Struct_FieldsEntry *m = message;

    if (!(p = mf_put_string(w, p, MF_TAG(1, 0x0a), &m->key))) /* 1 */
        return NULL;
    if (!(p = mf_put_message(w, p, MF_TAG(1, 0x12), mf_encode_google_protobuf_Value, m->value))) /* 2 */
        return NULL;
    return p;
}

static uint8_t *mf_encode_google_protobuf_Value(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Value *m = message;

    switch (m->kind_case) {
    case 1:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->null_value); /* 1 */
        break;
    case 2:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_fixed64(p, MF_TAG(1, 0x11), &m->number_value); /* 2 */
        break;
    case 3:
        if (!(p = mf_put_string(w, p, MF_TAG(1, 0x1a), &m->string_value))) /* 3 */
            return NULL;
        break;
    case 4:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_varint(p, MF_TAG(1, 0x20), (uint64_t)m->bool_value); /* 4 */
        break;
    case 5:
        if (!(p = mf_put_message(w, p, MF_TAG(1, 0x2a), mf_encode_google_protobuf_Struct, m->struct_value))) /* 5 */
            return NULL;
        break;
    case 6:
        if (!(p = mf_put_message(w, p, MF_TAG(1, 0x32), mf_encode_google_protobuf_ListValue, m->list_value))) /* 6 */
            return NULL;
        break;
    }
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_ListValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_ListValue *m = message;

    if (m->values.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x0a), mf_encode_google_protobuf_Value, &m->values, sizeof(google_protobuf_Value)))) /* 1 */
        return NULL;
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_Timestamp(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Timestamp *m = message;

    if (!(p = MF_ROOM(w, p, 48)))
        return NULL;
    if (m->seconds)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->seconds); /* 1 */
    if (m->nanos)
        p = mf_put_varint(p, MF_TAG(1, 0x10), (uint64_t)m->nanos); /* 2 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_DoubleValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_DoubleValue *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    p = mf_put_precise(p, MF_TAG(1, 0x09), &m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_FloatValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_FloatValue *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    p = mf_put_real(p, MF_TAG(1, 0x0d), &m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_Int64Value(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Int64Value *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->value)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_UInt64Value(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_UInt64Value *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->value)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_Int32Value(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_Int32Value *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->value)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_UInt32Value(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_UInt32Value *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->value)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_BoolValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_BoolValue *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->value)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->value); /* 1 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_StringValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_StringValue *m = message;

    if (m->value.len && !(p = mf_put_string(w, p, MF_TAG(1, 0x0a), &m->value))) /* 1 */
        return NULL;
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_google_protobuf_BytesValue(mf_writer *w, uint8_t *p, const void *message)
{
    const google_protobuf_BytesValue *m = message;

    if (m->value.len && !(p = mf_put_bytes(w, p, MF_TAG(1, 0x0a), &m->value))) /* 1 */
        return NULL;
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_t_Everything(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Everything *m = message;

    if (!(p = MF_ROOM(w, p, 224)))
        return NULL;
    if (m->i32)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->i32); /* 1 */
    if (m->i64)
        p = mf_put_varint(p, MF_TAG(1, 0x10), (uint64_t)m->i64); /* 2 */
    if (m->u32)
        p = mf_put_varint(p, MF_TAG(1, 0x18), (uint64_t)m->u32); /* 3 */
    if (m->u64)
        p = mf_put_varint(p, MF_TAG(1, 0x20), (uint64_t)m->u64); /* 4 */
    if (m->s32)
        p = mf_put_zigzag(p, MF_TAG(1, 0x28), m->s32); /* 5 */
    if (m->s64)
        p = mf_put_zigzag(p, MF_TAG(1, 0x30), m->s64); /* 6 */
    if (m->flag)
        p = mf_put_varint(p, MF_TAG(1, 0x38), (uint64_t)m->flag); /* 7 */
    if (m->f32)
        p = mf_put_fixed32(p, MF_TAG(1, 0x45), &m->f32); /* 8 */
    if (m->f64)
        p = mf_put_fixed64(p, MF_TAG(1, 0x49), &m->f64); /* 9 */
    if (m->sf32)
        p = mf_put_fixed32(p, MF_TAG(1, 0x55), &m->sf32); /* 10 */
    if (m->sf64)
        p = mf_put_fixed64(p, MF_TAG(1, 0x59), &m->sf64); /* 11 */
    p = mf_put_real(p, MF_TAG(1, 0x65), &m->real); /* 12 */
    p = mf_put_precise(p, MF_TAG(1, 0x69), &m->precise); /* 13 */
    if (m->text.len && !(p = mf_put_string(w, p, MF_TAG(1, 0x72), &m->text))) /* 14 */
        return NULL;
    if (m->raw.len && !(p = mf_put_bytes(w, p, MF_TAG(1, 0x7a), &m->raw))) /* 15 */
        return NULL;
    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->color)
        p = mf_put_varint(p, MF_TAG(2, 0x0180), (uint64_t)m->color); /* 16 */
    if (m->child && !(p = mf_put_message(w, p, MF_TAG(2, 0x018a), mf_encode_t_Everything, m->child))) /* 17 */
        return NULL;
    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->mayfly_has[0] >> 0 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0190), (uint64_t)m->opt_i32); /* 18 */
    if ((m->mayfly_has[0] >> 1 & 1) && !(p = mf_put_string(w, p, MF_TAG(2, 0x019a), &m->opt_text))) /* 19 */
        return NULL;
    if (!(p = MF_ROOM(w, p, 64)))
        return NULL;
    if (m->mayfly_has[0] >> 2 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01a0), (uint64_t)m->opt_flag); /* 20 */
    if (m->mayfly_has[0] >> 3 & 1)
        p = mf_put_fixed64(p, MF_TAG(2, 0x01a9), &m->opt_double); /* 21 */
    if (m->mayfly_has[0] >> 4 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01b0), (uint64_t)m->opt_color); /* 22 */
    if ((m->mayfly_has[0] >> 5 & 1) && !(p = mf_put_bytes(w, p, MF_TAG(2, 0x01ba), &m->opt_raw))) /* 23 */
        return NULL;
    if (!(p = MF_ROOM(w, p, 48)))
        return NULL;
    if (m->mayfly_has[0] >> 6 & 1)
        p = mf_put_zigzag(p, MF_TAG(2, 0x01c0), m->opt_s64); /* 24 */
    if (m->mayfly_has[0] >> 7 & 1)
        p = mf_put_fixed32(p, MF_TAG(2, 0x01cd), &m->opt_f32); /* 25 */
    switch (m->choice_case) {
    case 26:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_varint(p, MF_TAG(2, 0x01d0), (uint64_t)m->c_u32); /* 26 */
        break;
    case 27:
        if (!(p = mf_put_string(w, p, MF_TAG(2, 0x01da), &m->c_text))) /* 27 */
            return NULL;
        break;
    case 28:
        if (!(p = mf_put_message(w, p, MF_TAG(2, 0x01e2), mf_encode_t_Everything, m->c_child))) /* 28 */
            return NULL;
        break;
    case 29:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_fixed64(p, MF_TAG(2, 0x01e9), &m->c_double); /* 29 */
        break;
    case 30:
        if (!(p = MF_ROOM(w, p, 32)))
            return NULL;
        p = mf_put_varint(p, MF_TAG(2, 0x01f0), (uint64_t)m->c_flag); /* 30 */
        break;
    }
    if (m->r_i32.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x01fa), 5, &m->r_i32))) /* 31 */
        return NULL;
    if (m->r_i64.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x0282), 3, &m->r_i64))) /* 32 */
        return NULL;
    if (m->r_u32.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x028a), 13, &m->r_u32))) /* 33 */
        return NULL;
    if (m->r_u64.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x0292), 4, &m->r_u64))) /* 34 */
        return NULL;
    if (m->r_s32.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x029a), 17, &m->r_s32))) /* 35 */
        return NULL;
    if (m->r_s64.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02a2), 18, &m->r_s64))) /* 36 */
        return NULL;
    if (m->r_flag.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02aa), 8, &m->r_flag))) /* 37 */
        return NULL;
    if (m->r_f32.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02b2), 7, &m->r_f32))) /* 38 */
        return NULL;
    if (m->r_f64.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02ba), 6, &m->r_f64))) /* 39 */
        return NULL;
    if (m->r_sf32.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02c2), 15, &m->r_sf32))) /* 40 */
        return NULL;
    if (m->r_sf64.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02ca), 16, &m->r_sf64))) /* 41 */
        return NULL;
    if (m->r_real.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02d2), 2, &m->r_real))) /* 42 */
        return NULL;
    if (m->r_precise.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02da), 1, &m->r_precise))) /* 43 */
        return NULL;
    if (m->r_text.n && !(p = mf_put_strings(w, p, MF_TAG(2, 0x02e2), &m->r_text))) /* 44 */
        return NULL;
    if (m->r_raw.n && !(p = mf_put_byteses(w, p, MF_TAG(2, 0x02ea), &m->r_raw))) /* 45 */
        return NULL;
    if (m->r_color.n && !(p = mf_put_packed(w, p, MF_TAG(2, 0x02f2), 14, &m->r_color))) /* 46 */
        return NULL;
    if (m->r_child.n && !(p = mf_put_messages(w, p, MF_TAG(2, 0x02fa), mf_encode_t_Everything, &m->r_child, sizeof(t_Everything)))) /* 47 */
        return NULL;
    if (m->n_i32.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x0380), 5, &m->n_i32))) /* 48 */
        return NULL;
    if (m->n_s64.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x0388), 18, &m->n_s64))) /* 49 */
        return NULL;
    if (m->n_flag.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x0390), 8, &m->n_flag))) /* 50 */
        return NULL;
    if (m->n_f32.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x039d), 7, &m->n_f32))) /* 51 */
        return NULL;
    if (m->n_precise.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x03a1), 1, &m->n_precise))) /* 52 */
        return NULL;
    if (m->n_color.n && !(p = mf_put_repeated(w, p, MF_TAG(2, 0x03a8), 14, &m->n_color))) /* 53 */
        return NULL;
    if (m->maps && !(p = mf_put_message(w, p, MF_TAG(2, 0x03e2), mf_encode_t_Maps, m->maps))) /* 60 */
        return NULL;
    if (m->object && !(p = mf_put_message(w, p, MF_TAG(2, 0x04b2), mf_encode_google_protobuf_Struct, m->object))) /* 70 */
        return NULL;
    if (m->at && !(p = mf_put_message(w, p, MF_TAG(2, 0x04ba), mf_encode_google_protobuf_Timestamp, m->at))) /* 71 */
        return NULL;
    if (m->wrapped && !(p = mf_put_message(w, p, MF_TAG(2, 0x04c2), mf_encode_google_protobuf_StringValue, m->wrapped))) /* 72 */
        return NULL;
    switch (m->choice_case) {
    case 90:
        if (!(p = mf_put_message(w, p, MF_TAG(2, 0x05d2), mf_encode_t_Maps, m->c_maps))) /* 90 */
            return NULL;
        break;
    case 91:
        if (!(p = mf_put_bytes(w, p, MF_TAG(2, 0x05da), &m->c_raw))) /* 91 */
            return NULL;
        break;
    }
    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->far)
        p = mf_put_varint(p, MF_TAG(2, 0x3ec0), (uint64_t)m->far); /* 1000 */
    if (m->further.len && !(p = mf_put_string(w, p, MF_TAG(3, 0x30ea82), &m->further))) /* 100000 */
        return NULL;
    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    if (m->mayfly_has[0] >> 8 & 1)
        p = mf_put_varint(p, MF_TAG(5, 0x0ffffffff8u), (uint64_t)m->furthest); /* 536870911 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_t_Maps(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps *m = message;

    if (m->i32.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x0a), mf_encode_t_Maps_I32Entry, &m->i32, sizeof(t_Maps_I32Entry)))) /* 1 */
        return NULL;
    if (m->text.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x12), mf_encode_t_Maps_TextEntry, &m->text, sizeof(t_Maps_TextEntry)))) /* 2 */
        return NULL;
    if (m->flag.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x1a), mf_encode_t_Maps_FlagEntry, &m->flag, sizeof(t_Maps_FlagEntry)))) /* 3 */
        return NULL;
    if (m->s64.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x22), mf_encode_t_Maps_S64Entry, &m->s64, sizeof(t_Maps_S64Entry)))) /* 4 */
        return NULL;
    if (m->f64.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x2a), mf_encode_t_Maps_F64Entry, &m->f64, sizeof(t_Maps_F64Entry)))) /* 5 */
        return NULL;
    if (m->pairs.n && !(p = mf_put_messages(w, p, MF_TAG(1, 0x32), mf_encode_t_Maps_PairsEntry, &m->pairs, sizeof(t_Maps_PairsEntry)))) /* 6 */
        return NULL;
    if (m->below && !(p = mf_put_message(w, p, MF_TAG(1, 0x3a), mf_encode_t_Maps, m->below))) /* 7 */
        return NULL;
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_t_Maps_I32Entry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_I32Entry *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->key); /* 1 */
    if (!(p = mf_put_string(w, p, MF_TAG(1, 0x12), &m->value))) /* 2 */
        return NULL;
    return p;
}

static uint8_t *mf_encode_t_Maps_TextEntry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_TextEntry *m = message;

    if (!(p = mf_put_string(w, p, MF_TAG(1, 0x0a), &m->key))) /* 1 */
        return NULL;
    if (!(p = mf_put_message(w, p, MF_TAG(1, 0x12), mf_encode_t_Everything, m->value))) /* 2 */
        return NULL;
    return p;
}

static uint8_t *mf_encode_t_Maps_FlagEntry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_FlagEntry *m = message;

    if (!(p = MF_ROOM(w, p, 48)))
        return NULL;
    p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->key); /* 1 */
    p = mf_put_varint(p, MF_TAG(1, 0x10), (uint64_t)m->value); /* 2 */
    return p;
}

static uint8_t *mf_encode_t_Maps_S64Entry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_S64Entry *m = message;

    if (!(p = MF_ROOM(w, p, 32)))
        return NULL;
    p = mf_put_zigzag(p, MF_TAG(1, 0x08), m->key); /* 1 */
    if (!(p = mf_put_bytes(w, p, MF_TAG(1, 0x12), &m->value))) /* 2 */
        return NULL;
    return p;
}

static uint8_t *mf_encode_t_Maps_F64Entry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_F64Entry *m = message;

    if (!(p = MF_ROOM(w, p, 48)))
        return NULL;
    p = mf_put_fixed64(p, MF_TAG(1, 0x09), &m->key); /* 1 */
    p = mf_put_fixed64(p, MF_TAG(1, 0x11), &m->value); /* 2 */
    return p;
}

static uint8_t *mf_encode_t_Maps_PairsEntry(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Maps_PairsEntry *m = message;

    if (!(p = mf_put_string(w, p, MF_TAG(1, 0x0a), &m->key))) /* 1 */
        return NULL;
    if (!(p = mf_put_string(w, p, MF_TAG(1, 0x12), &m->value))) /* 2 */
        return NULL;
    return p;
}

static uint8_t *mf_encode_t_Many(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Many *m = message;

    if (!(p = MF_ROOM(w, p, 1136)))
        return NULL;
    if (m->mayfly_has[0] >> 0 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x08), (uint64_t)m->a1); /* 1 */
    if (m->mayfly_has[0] >> 1 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x10), (uint64_t)m->a2); /* 2 */
    if (m->mayfly_has[0] >> 2 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x18), (uint64_t)m->a3); /* 3 */
    if (m->mayfly_has[0] >> 3 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x20), (uint64_t)m->a4); /* 4 */
    if (m->mayfly_has[0] >> 4 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x28), (uint64_t)m->a5); /* 5 */
    if (m->mayfly_has[0] >> 5 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x30), (uint64_t)m->a6); /* 6 */
    if (m->mayfly_has[0] >> 6 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x38), (uint64_t)m->a7); /* 7 */
    if (m->mayfly_has[0] >> 7 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x40), (uint64_t)m->a8); /* 8 */
    if (m->mayfly_has[0] >> 8 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x48), (uint64_t)m->a9); /* 9 */
    if (m->mayfly_has[0] >> 9 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x50), (uint64_t)m->a10); /* 10 */
    if (m->mayfly_has[0] >> 10 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x58), (uint64_t)m->a11); /* 11 */
    if (m->mayfly_has[0] >> 11 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x60), (uint64_t)m->a12); /* 12 */
    if (m->mayfly_has[0] >> 12 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x68), (uint64_t)m->a13); /* 13 */
    if (m->mayfly_has[0] >> 13 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x70), (uint64_t)m->a14); /* 14 */
    if (m->mayfly_has[0] >> 14 & 1)
        p = mf_put_varint(p, MF_TAG(1, 0x78), (uint64_t)m->a15); /* 15 */
    if (m->mayfly_has[0] >> 15 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0180), (uint64_t)m->a16); /* 16 */
    if (m->mayfly_has[0] >> 16 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0188), (uint64_t)m->a17); /* 17 */
    if (m->mayfly_has[0] >> 17 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0190), (uint64_t)m->a18); /* 18 */
    if (m->mayfly_has[0] >> 18 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0198), (uint64_t)m->a19); /* 19 */
    if (m->mayfly_has[0] >> 19 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01a0), (uint64_t)m->a20); /* 20 */
    if (m->mayfly_has[0] >> 20 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01a8), (uint64_t)m->a21); /* 21 */
    if (m->mayfly_has[0] >> 21 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01b0), (uint64_t)m->a22); /* 22 */
    if (m->mayfly_has[0] >> 22 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01b8), (uint64_t)m->a23); /* 23 */
    if (m->mayfly_has[0] >> 23 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01c0), (uint64_t)m->a24); /* 24 */
    if (m->mayfly_has[0] >> 24 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01c8), (uint64_t)m->a25); /* 25 */
    if (m->mayfly_has[0] >> 25 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01d0), (uint64_t)m->a26); /* 26 */
    if (m->mayfly_has[0] >> 26 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01d8), (uint64_t)m->a27); /* 27 */
    if (m->mayfly_has[0] >> 27 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01e0), (uint64_t)m->a28); /* 28 */
    if (m->mayfly_has[0] >> 28 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01e8), (uint64_t)m->a29); /* 29 */
    if (m->mayfly_has[0] >> 29 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01f0), (uint64_t)m->a30); /* 30 */
    if (m->mayfly_has[0] >> 30 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x01f8), (uint64_t)m->a31); /* 31 */
    if (m->mayfly_has[0] >> 31 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0280), (uint64_t)m->a32); /* 32 */
    if (m->mayfly_has[0] >> 32 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0288), (uint64_t)m->a33); /* 33 */
    if (m->mayfly_has[0] >> 33 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0290), (uint64_t)m->a34); /* 34 */
    if (m->mayfly_has[0] >> 34 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0298), (uint64_t)m->a35); /* 35 */
    if (m->mayfly_has[0] >> 35 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02a0), (uint64_t)m->a36); /* 36 */
    if (m->mayfly_has[0] >> 36 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02a8), (uint64_t)m->a37); /* 37 */
    if (m->mayfly_has[0] >> 37 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02b0), (uint64_t)m->a38); /* 38 */
    if (m->mayfly_has[0] >> 38 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02b8), (uint64_t)m->a39); /* 39 */
    if (m->mayfly_has[0] >> 39 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02c0), (uint64_t)m->a40); /* 40 */
    if (m->mayfly_has[0] >> 40 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02c8), (uint64_t)m->a41); /* 41 */
    if (m->mayfly_has[0] >> 41 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02d0), (uint64_t)m->a42); /* 42 */
    if (m->mayfly_has[0] >> 42 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02d8), (uint64_t)m->a43); /* 43 */
    if (m->mayfly_has[0] >> 43 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02e0), (uint64_t)m->a44); /* 44 */
    if (m->mayfly_has[0] >> 44 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02e8), (uint64_t)m->a45); /* 45 */
    if (m->mayfly_has[0] >> 45 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02f0), (uint64_t)m->a46); /* 46 */
    if (m->mayfly_has[0] >> 46 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x02f8), (uint64_t)m->a47); /* 47 */
    if (m->mayfly_has[0] >> 47 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0380), (uint64_t)m->a48); /* 48 */
    if (m->mayfly_has[0] >> 48 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0388), (uint64_t)m->a49); /* 49 */
    if (m->mayfly_has[0] >> 49 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0390), (uint64_t)m->a50); /* 50 */
    if (m->mayfly_has[0] >> 50 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0398), (uint64_t)m->a51); /* 51 */
    if (m->mayfly_has[0] >> 51 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03a0), (uint64_t)m->a52); /* 52 */
    if (m->mayfly_has[0] >> 52 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03a8), (uint64_t)m->a53); /* 53 */
    if (m->mayfly_has[0] >> 53 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03b0), (uint64_t)m->a54); /* 54 */
    if (m->mayfly_has[0] >> 54 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03b8), (uint64_t)m->a55); /* 55 */
    if (m->mayfly_has[0] >> 55 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03c0), (uint64_t)m->a56); /* 56 */
    if (m->mayfly_has[0] >> 56 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03c8), (uint64_t)m->a57); /* 57 */
    if (m->mayfly_has[0] >> 57 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03d0), (uint64_t)m->a58); /* 58 */
    if (m->mayfly_has[0] >> 58 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03d8), (uint64_t)m->a59); /* 59 */
    if (m->mayfly_has[0] >> 59 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03e0), (uint64_t)m->a60); /* 60 */
    if (m->mayfly_has[0] >> 60 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03e8), (uint64_t)m->a61); /* 61 */
    if (m->mayfly_has[0] >> 61 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03f0), (uint64_t)m->a62); /* 62 */
    if (m->mayfly_has[0] >> 62 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x03f8), (uint64_t)m->a63); /* 63 */
    if (m->mayfly_has[0] >> 63 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0480), (uint64_t)m->a64); /* 64 */
    if (m->mayfly_has[1] >> 0 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0488), (uint64_t)m->a65); /* 65 */
    if (m->mayfly_has[1] >> 1 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0490), (uint64_t)m->a66); /* 66 */
    if (m->mayfly_has[1] >> 2 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x0498), (uint64_t)m->a67); /* 67 */
    if (m->mayfly_has[1] >> 3 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x04a0), (uint64_t)m->a68); /* 68 */
    if (m->mayfly_has[1] >> 4 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x04a8), (uint64_t)m->a69); /* 69 */
    if (m->mayfly_has[1] >> 5 & 1)
        p = mf_put_varint(p, MF_TAG(2, 0x04b0), (uint64_t)m->a70); /* 70 */
    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

static uint8_t *mf_encode_t_Empty(mf_writer *w, uint8_t *p, const void *message)
{
    const t_Empty *m = message;

    return m->mayfly_unknown_fields.len ? mf_put_unknown(w, p, &m->mayfly_unknown_fields) : p;
}

/* t_Service_Unary */
static int mf_send_t_Service_Unary(mf_stub_io *io, const void *request)
{
    return mf_stub_encode(io, mf_encode_t_Everything, request);
}

static int mf_receive_t_Service_Unary(mf_stub_io *io, void **reply)
{
    return mf_stub_decode(io, 15u, reply);
}

static int mf_serve_t_Service_Unary(mf_stub_io *io)
{
    int (*handler)(void *, struct mayfly_call *, const t_Everything *,
                   t_Maps *);
    void *request;
    int code = mf_stub_decode(io, 14u, &request);

    if (code == 0)
        code = mf_stub_new(io, sizeof(t_Maps));
    if (code != 0)
        return code;
    memcpy(&handler, &io->handler, sizeof(handler));
    return handler(io->state, io->call, request, io->reply);
}

static int mf_reply_t_Service_Unary(mf_stub_io *io, const void *reply)
{
    return mf_stub_encode(io, mf_encode_t_Maps, reply);
}

/* t_Service_Up */
static int mf_send_t_Service_Up(mf_stub_io *io, const void *request)
{
    return mf_stub_encode(io, mf_encode_t_Many, request);
}

static int mf_receive_t_Service_Up(mf_stub_io *io, void **reply)
{
    return mf_stub_decode(io, 23u, reply);
}

static int mf_reply_t_Service_Up(mf_stub_io *io, const void *reply)
{
    return mf_stub_encode(io, mf_encode_t_Empty, reply);
}

/* t_Service_Down */
static int mf_send_t_Service_Down(mf_stub_io *io, const void *request)
{
    return mf_stub_encode(io, mf_encode_t_Empty, request);
}

static int mf_receive_t_Service_Down(mf_stub_io *io, void **reply)
{
    return mf_stub_decode(io, 14u, reply);
}

static int mf_reply_t_Service_Down(mf_stub_io *io, const void *reply)
{
    return mf_stub_encode(io, mf_encode_t_Everything, reply);
}

static const mf_encode_fn mf_encoders[] = {
    mf_encode_google_protobuf_Struct,
    mf_encode_google_protobuf_Struct_FieldsEntry,
    mf_encode_google_protobuf_Value,
    mf_encode_google_protobuf_ListValue,
    mf_encode_google_protobuf_Timestamp,
    mf_encode_google_protobuf_DoubleValue,
    mf_encode_google_protobuf_FloatValue,
    mf_encode_google_protobuf_Int64Value,
    mf_encode_google_protobuf_UInt64Value,
    mf_encode_google_protobuf_Int32Value,
    mf_encode_google_protobuf_UInt32Value,
    mf_encode_google_protobuf_BoolValue,
    mf_encode_google_protobuf_StringValue,
    mf_encode_google_protobuf_BytesValue,
    mf_encode_t_Everything,
    mf_encode_t_Maps,
    mf_encode_t_Maps_I32Entry,
    mf_encode_t_Maps_TextEntry,
    mf_encode_t_Maps_FlagEntry,
    mf_encode_t_Maps_S64Entry,
    mf_encode_t_Maps_F64Entry,
    mf_encode_t_Maps_PairsEntry,
    mf_encode_t_Many,
    mf_encode_t_Empty,
};

static const mf_method_stub mf_methods[] = {
    { mf_send_t_Service_Unary, mf_receive_t_Service_Unary,
      mf_serve_t_Service_Unary, mf_reply_t_Service_Unary },
    { mf_send_t_Service_Up, mf_receive_t_Service_Up,
      NULL, mf_reply_t_Service_Up },
    { mf_send_t_Service_Down, mf_receive_t_Service_Down,
      NULL, mf_reply_t_Service_Down },
};

extern const mf_unit_table mf_unit_entry;
const mf_unit_table mf_unit_entry = { 24u, 3u, mf_encoders, mf_methods };
