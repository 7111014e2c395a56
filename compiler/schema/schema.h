/*
 * compiler/schema/schema.h: linked descriptors.
 *
 * A schema is what one or several .proto files and their imports say, with
 * every name resolved. Immutable once made, reference counted, all in one
 * arena. The structs follow google/protobuf/descriptor.proto; strings are
 * zero-terminated and live as long as the schema.
 *
 *   text ── lexer ──► tokens ── parser ──► files ── linker ──► schema
 *
 * Threads: a schema may be read from any thread; making one is one thread's
 * work.
 */
#ifndef MF_SCHEMA_H
#define MF_SCHEMA_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/map.h"

#include <mayfly/arena.h>
#include <mayfly/error.h>
#include <mayfly/layout.h>

#include <stdbool.h>

typedef struct mf_schema mf_schema;
typedef struct mf_file mf_file;
typedef struct mf_message mf_message;
typedef struct mf_field mf_field;
typedef struct mf_oneof mf_oneof;
typedef struct mf_enum mf_enum;
typedef struct mf_enum_value mf_enum_value;
typedef struct mf_service mf_service;
typedef struct mf_method mf_method;
typedef struct mf_options mf_options; /* defined in compiler/schema/options.h */

enum { MF_OPTIONAL = 1, MF_REQUIRED = 2, MF_REPEATED = 3 }; /* Label */

struct mf_field {
    const char *name;
    const char *full_name;
    const char *json_name;
    uint32_t number;
    uint8_t type;      /* enum mayfly_type */
    uint8_t label;     /* MF_OPTIONAL ... */
    bool packed;       /* resolved: as this field is written */
    bool has_presence; /* explicit: `optional`, oneof member, or message */
    bool proto3_optional;
    bool is_extension;
    bool is_map;          /* repeated, of a map entry message */
    uint32_t index;       /* in message->fields */
    mf_message *parent;   /* the message it belongs to (extensions: extends) */
    mf_message *message;  /* type MESSAGE */
    mf_enum *enumeration; /* type ENUM */
    mf_oneof *oneof;      /* real or synthetic; NULL: none */
    const char *default_value; /* of descriptor.proto's; NULL: none */
    mf_options *options;       /* NULL: none */
    int line, column;
};

struct mf_oneof {
    const char *name;
    bool synthetic; /* made for a proto3 optional field */
    mf_message *parent;
    uint32_t n_fields;
    mf_field **fields;
    mf_options *options;
};

typedef struct mf_range { /* reserved: [start, end) as in a descriptor */
    int32_t start;
    int32_t end;
} mf_range;

struct mf_message {
    const char *name;
    const char *full_name; /* without a leading dot */
    mf_file *file;
    mf_message *parent; /* NULL at the top level */
    bool is_map_entry;
    uint32_t index; /* in schema->messages */
    uint32_t n_fields, n_oneofs, n_messages, n_enums, n_extensions;
    mf_field *fields; /* in the order of declaration */
    mf_oneof *oneofs; /* real ones first, then synthetic ones */
    mf_message **messages;
    mf_enum **enums;
    mf_field *extensions;
    uint32_t n_reserved_ranges, n_reserved_names, n_extension_ranges;
    mf_range *reserved_ranges;
    mf_range *extension_ranges; /* of descriptor.proto's */
    const char **reserved_names;
    mf_options *options;
    int line, column;
};

struct mf_enum_value {
    const char *name;
    int32_t number;
    mf_options *options;
    int line, column;
};

struct mf_enum {
    const char *name;
    const char *full_name;
    mf_file *file;
    mf_message *parent;
    bool allow_alias;
    uint32_t n_values;
    mf_enum_value *values; /* in the order of declaration */
    uint32_t n_reserved_ranges, n_reserved_names;
    mf_range *reserved_ranges; /* end is inclusive here, as in a descriptor */
    const char **reserved_names;
    mf_options *options;
    int line, column;
};

struct mf_method {
    const char *name;
    const char *full_name;
    mf_service *service;
    mf_message *request;
    mf_message *response;
    bool client_streaming;
    bool server_streaming;
    mf_options *options;
    int line, column;
};

struct mf_service {
    const char *name;
    const char *full_name;
    mf_file *file;
    uint32_t n_methods;
    mf_method *methods;
    mf_options *options;
    int line, column;
};

struct mf_file {
    const char *name;    /* the import name */
    const char *package; /* "" when there is none */
    const char *syntax;  /* "proto3"; descriptor.proto: "proto2" */
    bool is_root;        /* asked for, not only imported */
    bool is_builtin;     /* google/protobuf/..., known without a file */
    uint32_t n_imports;
    mf_file **imports;     /* in the order of the text */
    uint8_t *import_kinds; /* MF_IMPORT_PLAIN, _PUBLIC, _WEAK */
    uint32_t n_messages, n_enums, n_services, n_extensions;
    mf_message **messages; /* top level */
    mf_enum **enums;
    mf_service *services;
    mf_field *extensions;
    mf_options *options;
};

enum { MF_IMPORT_PLAIN = 0, MF_IMPORT_PUBLIC = 1, MF_IMPORT_WEAK = 2 };

struct mf_schema {
    atomic_uint refs;
    mf_alloc *alloc;
    mayfly_arena arena;
    uint32_t n_files, n_messages, n_enums;
    mf_file **files;       /* imports before those that import them */
    mf_message **messages; /* all of them, nested too, by index */
    mf_enum **enums;
    mf_map *names; /* full name -> mf_symbol */
};

enum mf_symbol_kind {
    MF_SYMBOL_PACKAGE,
    MF_SYMBOL_MESSAGE,
    MF_SYMBOL_ENUM,
    MF_SYMBOL_ENUM_VALUE,
    MF_SYMBOL_SERVICE,
    MF_SYMBOL_METHOD,
    MF_SYMBOL_FIELD,
    MF_SYMBOL_ONEOF
};

typedef struct mf_symbol {
    enum mf_symbol_kind kind;
    void *of; /* mf_message *, mf_enum *, ... */
} mf_symbol;

/*
 * Where text comes from. `open` finds the file of an import name: it returns 0
 * and text that stays until `close`, MAYFLY_ENOTFOUND, or another error.
 * `shown`, the name in error messages, may differ from the import name (a
 * path).
 */
typedef struct mf_schema_text {
    const char *text;
    size_t len;
    const char *shown;
    void *handle;
} mf_schema_text;

typedef struct mf_schema_source {
    int (*open)(void *state, const char *import_name, mf_schema_text *ret,
                mayfly_error *err);
    void (*close)(void *state, mf_schema_text *text);
    void *state;
} mf_schema_source;

/* Bounds on hostile input; the defaults are in schema.c. 0: the default. */
typedef struct mf_schema_limits {
    size_t file_bytes;  /* of one file: 16 MiB */
    size_t total_bytes; /* of the schema's arena: 256 MiB */
    unsigned files;     /* 4,096 */
    unsigned depth;     /* of nesting in text and of imports: 64 */
} mf_schema_limits;

/*
 * Parses and links the files of these import names with all they import. Every
 * error of a file, 20 at the most, goes to `diagnostic` (may be NULL); `err`
 * gets the first. Errors: ESCHEMA, EUNSUPPORTED (proto2, editions), ENOTFOUND
 * and EIO (from the source), ELIMIT, ENOMEM.
 */
int mf_schema_parse(mf_alloc *alloc, const mf_schema_source *source,
                    const char *const *import_names, size_t n,
                    const mf_schema_limits *limits,
                    mayfly_diagnostic_fn diagnostic, void *diagnostic_state,
                    mf_schema **ret_schema, mayfly_error *err);

mf_schema *mf_schema_ref(mf_schema *schema);
void mf_schema_unref(mf_schema *schema);

/* By full name, without a leading dot; NULL when there is none. */
const mf_symbol *mf_schema_find(const mf_schema *schema, const char *name);
const mf_message *mf_schema_message(const mf_schema *schema, const char *name);
const mf_service *mf_schema_service(const mf_schema *schema, const char *name);
const mf_field *mf_message_field(const mf_message *m, uint32_t number);

/* A FileDescriptorSet of all files, imports first, as protoc writes it with
 * --include_imports (without source info). */
int mf_schema_to_descriptor_set(const mf_schema *schema, mf_buf *out,
                                mayfly_error *err);

#endif
