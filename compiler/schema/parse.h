/*
 * compiler/schema/parse.h: the parser's own parts.
 *
 * A recursive descent with one token in hand. Every mf_parse function stands
 * behind the keyword that chose it, returns true when its statement was right,
 * and false when it told an error; the caller then skips to the statement's end
 * with mf_parser_skip_statement.
 */
#ifndef MF_SCHEMA_PARSE_H
#define MF_SCHEMA_PARSE_H

#include "compiler/schema/build.h"

typedef struct mf_parser {
    mf_build *b;
    mf_draft_file *file;
    mf_lexer lex;
    mf_token token; /* in hand, not consumed */
    unsigned depth; /* of blocks */
} mf_parser;

/* parser.c: tokens */
void mf_parser_next(mf_parser *p);
bool mf_parser_at(const mf_parser *p, const char *text); /* symbol or keyword */
bool mf_parser_accept(mf_parser *p, const char *text);
bool mf_parser_expect(mf_parser *p, const char *text);
/* `what` for the message: "a field name". */
bool mf_parser_ident(mf_parser *p, const char *what, mf_token *ret);
bool mf_parser_integer(mf_parser *p, const char *what, uint64_t max,
                       uint64_t *ret);
/* One or several string literals side by side; zero-terminated, in the scratch
 * arena. */
bool mf_parser_string(mf_parser *p, const char *what, mayfly_bytes *ret);
/* a.b.c, with a leading dot where `absolute`; in the scratch arena. */
bool mf_parser_dotted(mf_parser *p, const char *what, bool absolute,
                      const char **ret);
void mf_parser_error(mf_parser *p, mf_place at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* "expected WHAT, found TOKEN"; returns false. */
bool mf_parser_unexpected(mf_parser *p, const char *what);
void mf_parser_skip_statement(mf_parser *p);
/* `{ statements }`, each by the callback; `first` is what there must be one of,
 * or NULL. */
bool mf_parser_block(mf_parser *p, const char *what, const char *first,
                     bool (*statement)(mf_parser *p, void *of), void *of);

/* A full name in `scope` for the identifier; false when it is too long. */
bool mf_parser_name(mf_parser *p, const char *scope, const mf_token *name,
                    const char **ret_full, const char **ret_name);

/* parse_options.c */
bool mf_parse_option_statement(mf_parser *p, mf_options **options);
/* Past `[`, through `]`. `field` NULL: not a field's. */
bool mf_parse_option_list(mf_parser *p, mf_options **options,
                          mf_draft_field *field);

/* parse_field.c: one field of a message, of a oneof (1 + index, or 0), or an
 * extension (`extendee` not NULL). */
typedef struct mf_field_site {
    mf_draft_message *message; /* NULL: an extension at the top level */
    uint32_t oneof;
    const char *extendee;
    mf_place extendee_at;
} mf_field_site;
bool mf_parse_field(mf_parser *p, const mf_field_site *site);
/* A type that cannot be a scalar: a message called `bool` needs its dot. */
bool mf_parse_message_type(mf_parser *p, const char *what, const char **ret);
bool mf_parse_extend(mf_parser *p, mf_draft_message *message);

/* parse_message.c, parse_enum.c, parse_service.c. `parent` NULL: top level. */
bool mf_parse_message(mf_parser *p, mf_draft_message *parent);
bool mf_parse_enum(mf_parser *p, mf_draft_message *parent);
bool mf_parse_service(mf_parser *p);
mf_draft_message *mf_draft_message_add(mf_parser *p, mf_draft_message *parent,
                                       const mf_token *name);
/* Once all of a message's parts are known: moves them where they stay. */
bool mf_draft_message_close(mf_parser *p, mf_draft_message *m);
/* An array that stays, of a list of fields. */
mf_field *mf_draft_fields_keep(mf_build *b, mf_draft_field *first, uint32_t n);

/* parse_reserved.c, past the keyword. `names` NULL: only numbers may follow. */
bool mf_parse_reserved(mf_parser *p, bool is_enum, mf_range_list *ranges,
                       mf_name_list *names);
/* Arrays that stay, of such lists; ends as a descriptor has them. */
mf_range *mf_draft_ranges_keep(mf_build *b, const mf_range_list *ranges,
                               bool is_enum);
const char **mf_draft_names_keep(mf_build *b, const mf_name_list *names);

#endif
