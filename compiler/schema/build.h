/*
 * compiler/schema/build.h: a schema while it is being made.
 *
 * Two arenas: the schema's own, and a scratch arena for what only the making
 * needs: drafts, which hold names that are not resolved yet and the places of
 * things, for error messages. A draft points to what it will become; the
 * scratch arena goes when the schema is done.
 *
 * Errors are told through mf_build_error and counted; work goes on where it
 * can. What ends it at once (no memory, a limit) is put into `fatal`; every
 * parser stops there because it gets no more tokens.
 */
#ifndef MF_SCHEMA_BUILD_H
#define MF_SCHEMA_BUILD_H

#include "base/error.h"
#include "compiler/schema/lexer.h"
#include "compiler/schema/options.h"
#include "compiler/schema/schema.h"

enum {
    MF_FILE_ERRORS_MAX = 20,
    MF_NAME_MAX = 2000,              /* bytes of a full name */
    MF_FIELD_MAX = 536870911,        /* the highest field number */
    MF_FIELD_RESERVED_FIRST = 19000, /* field numbers nobody may use */
    MF_FIELD_RESERVED_LAST = 19999
};

/* A list with its end, so that adding keeps the order of the text. */
#define MF_LIST_OF(type)                                                       \
    struct {                                                                   \
        type *first;                                                           \
        type **tail;                                                           \
        uint32_t n;                                                            \
    }

typedef struct mf_draft_file mf_draft_file;
typedef struct mf_draft_message mf_draft_message;

typedef struct mf_draft_field {
    struct mf_draft_field *next;
    mf_field field;        /* copied to where it stays once all are known */
    mf_field *made;        /* there */
    const char *type_name; /* as written; NULL: a scalar, or a map */
    const char *extendee;  /* as written; NULL: not an extension */
    uint32_t oneof;        /* 1 + its index in the message; 0: none */
    bool label_given;
    bool json_given;
    mf_place label_at, type_at, number_at, extendee_at;
} mf_draft_field;

typedef struct mf_draft_range {
    struct mf_draft_range *next;
    int64_t first, last; /* both inclusive */
    mf_place at;
} mf_draft_range;

typedef struct mf_draft_name {
    struct mf_draft_name *next;
    const char *name;
    mf_place at;
} mf_draft_name;

typedef struct mf_draft_oneof {
    struct mf_draft_oneof *next;
    const char *name;
    mf_options *options;
    bool synthetic;
    mf_place at;
} mf_draft_oneof;

typedef MF_LIST_OF(mf_draft_range) mf_range_list;
typedef MF_LIST_OF(mf_draft_name) mf_name_list;

struct mf_draft_message {
    mf_draft_message *next; /* in the file, outer before inner */
    mf_draft_message *next_sibling;
    mf_message *made;
    MF_LIST_OF(mf_draft_field) fields;
    MF_LIST_OF(mf_draft_field) extensions;
    MF_LIST_OF(mf_draft_oneof) oneofs;
    MF_LIST_OF(mf_draft_message) messages;
    MF_LIST_OF(struct mf_draft_enum) enums;
    mf_range_list reserved;
    mf_range_list extension_ranges;
    mf_name_list reserved_names;
};

typedef struct mf_draft_value {
    struct mf_draft_value *next;
    mf_enum_value value;
    mf_place number_at;
} mf_draft_value;

typedef struct mf_draft_enum {
    struct mf_draft_enum *next; /* in the file */
    struct mf_draft_enum *next_sibling;
    mf_enum *made;
    MF_LIST_OF(mf_draft_value) values;
    mf_range_list reserved;
    mf_name_list reserved_names;
} mf_draft_enum;

typedef struct mf_draft_method {
    struct mf_draft_method *next;
    mf_method method;
    mf_method *made;
    const char *request; /* as written */
    const char *response;
    mf_place request_at, response_at;
} mf_draft_method;

typedef struct mf_draft_service {
    struct mf_draft_service *next;
    mf_service service;
    mf_service *made;
    MF_LIST_OF(mf_draft_method) methods;
} mf_draft_service;

typedef struct mf_draft_import {
    struct mf_draft_import *next;
    const char *name;
    uint8_t kind;
    mf_place at;
    mf_draft_file *file; /* NULL: could not be had */
} mf_draft_import;

struct mf_draft_file {
    mf_draft_file *next; /* in the order of the schema's files */
    mf_file *made;
    const char *shown; /* the name in error messages */
    MF_LIST_OF(mf_draft_import) imports;
    MF_LIST_OF(mf_draft_message) messages; /* all, outer before inner */
    MF_LIST_OF(mf_draft_message) top_messages;
    MF_LIST_OF(mf_draft_enum) enums;
    MF_LIST_OF(mf_draft_enum) top_enums;
    MF_LIST_OF(mf_draft_service) services;
    MF_LIST_OF(mf_draft_field) extensions; /* top level */
    mf_place package_at;
    unsigned n_errors;
    mf_draft_file *todo; /* while a view is made: the next to look at */
    unsigned seen;       /* == build->stamp: visible from the file at hand */
    bool loading; /* its imports are being read: meeting it again is a cycle */
    bool failed;  /* has errors, or something it imports has */
    bool partial; /* statements are missing, for errors in them */
    bool lost;    /* whole blocks are missing: names may be, too */
    bool proto2;  /* may be proto2: descriptor.proto */
};

/* A symbol and what only linking needs to know of it. */
typedef struct mf_draft_symbol {
    mf_symbol symbol;
    mf_draft_file *file;
} mf_draft_symbol;

typedef struct mf_build {
    mf_schema *schema;
    mayfly_arena scratch;
    mf_schema_limits limits;
    const mf_schema_source *source;
    mayfly_diagnostic_fn diagnostic;
    void *diagnostic_state;
    mf_map *by_name;    /* import name -> mf_draft_file */
    mf_map *extensions; /* (extendee, number) -> mf_field; NULL: none yet */
    MF_LIST_OF(mf_draft_file) files; /* imports first */
    mayfly_error first;              /* the first error */
    unsigned n_errors;
    int fatal; /* 0, ENOMEM or ELIMIT */
    unsigned stamp;
    uint64_t work; /* see mf_build_work */
    unsigned n_opened;
} mf_build;

/* Appends to an MF_LIST_OF. */
#define MF_LIST_ADD_BY(list, item, link)                                       \
    do {                                                                       \
        *((list)->first ? (list)->tail : &(list)->first) = (item);             \
        (list)->tail = &(item)->link;                                          \
        (list)->n++;                                                           \
    } while (0)
#define MF_LIST_ADD(list, item) MF_LIST_ADD_BY(list, item, next)

/* Zeroed memory that stays, and memory for the making; NULL sets `fatal`. */
void *mf_build_keep(mf_build *b, size_t size);
void *mf_build_scratch(mf_build *b, size_t size);
char *mf_build_text(mf_build *b, const char *ptr, size_t len); /* stays */

/* Counts steps whose number may grow faster than the text does: a deep package
 * with long names and many references, many options of many kinds. Linking may
 * take as long as a large schema needs, about, but no longer. */
void mf_build_work(mf_build *b, size_t amount);

/* "scope.name", or "name" in the empty scope; `ret_name` is the name in it.
 * NULL when it is too long or memory is out (`fatal` is set). */
const char *mf_build_full_name(mf_build *b, const char *scope, const char *name,
                               size_t len, const char **ret_name);

void mf_build_error(mf_build *b, mf_draft_file *file, int code, mf_place at,
                    const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* ENOMEM with what it was for, or ELIMIT with the whole text of the error. */
void mf_build_fatal(mf_build *b, int code, const char *what);

/* "foo_bar" to "fooBar"; the name itself where that is the same. */
const char *mf_build_json_name(mf_build *b, const char *field_name);

/* parser.c: fills in the draft, as far as the text is right. */
void mf_parse_file(mf_build *b, mf_draft_file *file, const char *text,
                   size_t len);

/* linker.c: resolves all names of a file whose imports are linked. */
void mf_link_file(mf_build *b, mf_draft_file *file);

/* check.c: the rules that need resolved names. Of a partial file only those
 * that a missing statement cannot break. */
void mf_check_file(mf_build *b, mf_draft_file *file);

/* options.c: interprets the options of everything in the file. */
void mf_resolve_options(mf_build *b, mf_draft_file *file);

#endif
