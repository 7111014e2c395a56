/*
 * compiler/schema/options.h: the options of a file, message, field, ...
 *
 * An option is kept as it was written: its name in parts and its value as a
 * token. Then it is interpreted: of the options that descriptor.proto defines
 * `number` is set; of custom options, "(my.option)", `wire`, if the files at
 * hand define them. What they do not define stays as it was written.
 */
#ifndef MF_SCHEMA_OPTIONS_H
#define MF_SCHEMA_OPTIONS_H

#include "compiler/schema/schema.h"

enum mf_option_kind {
    MF_OPTION_IDENT = 1, /* text */
    MF_OPTION_UINT,      /* value.u64 */
    MF_OPTION_NEGATIVE,  /* value.i64, written with a sign */
    MF_OPTION_DOUBLE,    /* value.f64 */
    MF_OPTION_STRING,    /* text, any bytes */
    MF_OPTION_AGGREGATE  /* text: the tokens in the braces, spaces between */
};

typedef struct mf_option_part {
    const char *name;  /* "deprecated", "my.option" */
    bool is_extension; /* was written in parentheses */
} mf_option_part;

typedef struct mf_option {
    struct mf_option *next; /* in the order of the text */
    uint32_t n_parts;
    const mf_option_part *parts;
    uint32_t number; /* in the options message; 0: a custom option */
    uint8_t kind;    /* enum mf_option_kind */
    uint8_t type;    /* enum mayfly_type of an interpreted one */
    union {
        uint64_t u64; /* UINT; also the value of interpreted BOOL and ENUM */
        int64_t i64;
        double f64;
    } value;
    mayfly_bytes text; /* IDENT, STRING, AGGREGATE; a zero follows */
    mayfly_bytes wire; /* of a custom option: a field of the options message */
    int line, column;  /* of the name */
    int value_line, value_column;
} mf_option;

struct mf_options {
    mf_option *first;
    mf_option *last;
};

/* NULL when it is not set. `options` may be NULL. */
const mf_option *mf_options_find(const mf_options *options, uint32_t number);

/* Whether [packed] may be said of the field. */
bool mf_field_is_packable(const mf_field *f);

/* A boolean option that descriptor.proto defines, by its number. */
bool mf_options_bool(const mf_options *options, uint32_t number);

/* Numbers that more than one place needs; of FieldOptions where not said. */
enum {
    MF_OPTION_FIELD_PACKED = 2,
    MF_OPTION_FIELD_DEPRECATED = 3,
    MF_OPTION_FIELD_LAZY = 5,
    MF_OPTION_FIELD_JSTYPE = 6,
    MF_OPTION_FIELD_UNVERIFIED_LAZY = 15,
    MF_OPTION_MESSAGE_SET = 1, /* MessageOptions */
    MF_OPTION_MESSAGE_DEPRECATED = 3,
    MF_OPTION_MESSAGE_MAP_ENTRY = 7,
    MF_OPTION_ENUM_ALLOW_ALIAS = 2, /* EnumOptions */
    MF_OPTION_ENUM_DEPRECATED = 3,
    MF_OPTION_VALUE_DEPRECATED = 1,    /* EnumValueOptions */
    MF_OPTION_SERVICE_DEPRECATED = 33, /* ServiceOptions */
    MF_OPTION_METHOD_DEPRECATED = 33,  /* MethodOptions */
    MF_OPTION_METHOD_IDEMPOTENCY = 34,
    MF_OPTION_FILE_OPTIMIZE_FOR = 9, /* FileOptions */
    MF_OPTION_FILE_CC_SERVICES = 16,
    MF_OPTION_FILE_JAVA_SERVICES = 17,
    MF_OPTION_FILE_DEPRECATED = 23
};

#endif
