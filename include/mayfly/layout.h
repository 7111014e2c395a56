/*
 * mayfly/layout.h: the constant tables that a generated header carries.
 *
 * A generated header (`mayfly header greeter.proto`) declares one struct per
 * message and, beside it, tables that say where each field lies. A program is
 * compiled against those structs once; the schema is loaded later, while it runs,
 * and may be a newer or an older one. mayfly builds the codecs from the loaded
 * schema to these tables, so both may change apart from each other:
 *
 *   - a field that only the schema has is an unknown field here: kept, and sent on;
 *   - a field that only the header has is read and written as the header says;
 *   - a field that both have in ways that do not agree on the wire is an error
 *     (MAYFLY_EINCOMPATIBLE) that names the field, when a proxy or a handler is
 *     bound; only messages that the service reaches are compared.
 *
 * The tables are constant data of the program; mayfly borrows them for as long as
 * a context is bound to them. Programs have no need to read or write them.
 */
#ifndef MAYFLY_LAYOUT_H
#define MAYFLY_LAYOUT_H

#include <mayfly/types.h>

MAYFLY_BEGIN

/* The numbers of google.protobuf.FieldDescriptorProto.Type. */
enum mayfly_type {
    MAYFLY_TYPE_DOUBLE = 1,
    MAYFLY_TYPE_FLOAT = 2,
    MAYFLY_TYPE_INT64 = 3,
    MAYFLY_TYPE_UINT64 = 4,
    MAYFLY_TYPE_INT32 = 5,
    MAYFLY_TYPE_FIXED64 = 6,
    MAYFLY_TYPE_FIXED32 = 7,
    MAYFLY_TYPE_BOOL = 8,
    MAYFLY_TYPE_STRING = 9,
    MAYFLY_TYPE_GROUP = 10,
    MAYFLY_TYPE_MESSAGE = 11,
    MAYFLY_TYPE_BYTES = 12,
    MAYFLY_TYPE_UINT32 = 13,
    MAYFLY_TYPE_ENUM = 14,
    MAYFLY_TYPE_SFIXED32 = 15,
    MAYFLY_TYPE_SFIXED64 = 16,
    MAYFLY_TYPE_SINT32 = 17,
    MAYFLY_TYPE_SINT64 = 18
};

/*
 * How a field lies in its struct.
 *
 *   SINGULAR  the value itself: a scalar, a mayfly_str, a mayfly_bytes, or, for a
 *             message, a pointer to it (NULL: not set).
 *   REPEATED  a mayfly_array of values; messages lie in the array by value.
 *   MAP       a mayfly_array of entry structs by value; an entry is a message
 *             layout of its own with the fields key (1) and value (2).
 */
enum mayfly_cardinality {
    MAYFLY_SINGULAR = 0,
    MAYFLY_REPEATED = 1,
    MAYFLY_MAP = 2
};

/*
 * How a singular field says that it is set.
 *
 *   IMPLICIT  by its value: it is set when it is not zero (and not empty).
 *   HASBIT    by bit number `presence` of the uint64_t words at offset 0.
 *   ONEOF     by the uint32_t at offset `presence` holding the field's number;
 *             the members of one oneof share their bytes (a union).
 *   POINTER   by its pointer not being NULL (messages outside a oneof).
 */
enum mayfly_presence {
    MAYFLY_IMPLICIT = 0,
    MAYFLY_HASBIT = 1,
    MAYFLY_ONEOF = 2,
    MAYFLY_POINTER = 3
};

enum mayfly_field_flags {
    MAYFLY_FIELD_PACKED = 1u << 0, /* written packed; both forms are read */
    MAYFLY_FIELD_UTF8 = 1u << 1    /* a string that must be valid UTF-8 */
};

typedef struct mayfly_field_layout {
    uint32_t number;
    uint32_t offset;   /* bytes from the start of the struct */
    uint32_t presence; /* see enum mayfly_presence */
    uint32_t message;  /* for messages and maps: index into `messages` of ... */
    uint16_t import;   /* ... this layout (0), or of imports[import - 1] */
    uint8_t type;      /* enum mayfly_type */
    uint8_t cardinality;
    uint8_t presence_kind;
    uint8_t flags;
    uint8_t reserved[2];
    const char *name;   /* the field's name in the schema */
    const char *c_name; /* the member's name in the struct */
} mayfly_field_layout;

typedef struct mayfly_message_layout {
    const char *full_name; /* "helloworld.HelloRequest" */
    const char *c_name;    /* "helloworld_HelloRequest" */
    uint32_t size;         /* sizeof the struct */
    uint32_t unknown;      /* offset of its mayfly_unknown, the last member */
    uint32_t has_words;    /* uint64_t has-bit words at offset 0, may be 0 */
    uint32_t n_fields;
    const mayfly_field_layout *fields; /* sorted by number */
    uint32_t is_map_entry;
    uint32_t reserved;
} mayfly_message_layout;

typedef struct mayfly_method_layout {
    const char *name;       /* "SayHello" */
    uint32_t request;       /* index of the message, as in a field */
    uint32_t response;
    uint16_t request_import;
    uint16_t response_import;
    uint8_t client_streaming;
    uint8_t server_streaming;
    uint8_t reserved[2];
} mayfly_method_layout;

typedef struct mayfly_service_layout {
    const char *full_name; /* "helloworld.Greeter" */
    uint32_t n_methods;
    uint32_t reserved;
    const mayfly_method_layout *methods; /* in the order of the schema */
} mayfly_service_layout;

/* One per generated header, that is, per .proto file. */
typedef struct mayfly_layout {
    uint32_t abi; /* MAYFLY_LAYOUT_ABI at the time the header was made */
    uint32_t n_messages;
    uint32_t n_services;
    uint32_t n_imports;
    const char *file; /* "greeter.proto" */
    const mayfly_message_layout *messages;
    const mayfly_service_layout *services;
    const struct mayfly_layout *const *imports;
} mayfly_layout;

#define MAYFLY_LAYOUT_ABI 1u

MAYFLY_END

#endif
