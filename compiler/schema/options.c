/*
 * compiler/schema/options.c: the options that descriptor.proto defines.
 *
 * Each known option gets its number and its value in the form a descriptor
 * holds it. Custom options, "(name)", stay as they were written: their number
 * is 0. An unknown name without parentheses is an error.
 *
 * The tables are facts of descriptor.proto: the options of each kind of thing,
 * by name, number and type.
 */
#include "compiler/schema/custom.h"

#include <string.h>

enum { B = MAYFLY_TYPE_BOOL, S = MAYFLY_TYPE_STRING, E = MAYFLY_TYPE_ENUM };

typedef struct known_option {
    const char *name;
    uint16_t number;
    uint8_t type;
    const char *values; /* ENUM: "NAME=number NAME=number " */
} known_option;

static const known_option file_options[] = {
    {"java_package", 1, S, NULL},
    {"java_outer_classname", 8, S, NULL},
    {"optimize_for", 9, E, "SPEED=1 CODE_SIZE=2 LITE_RUNTIME=3 "},
    {"java_multiple_files", 10, B, NULL},
    {"go_package", 11, S, NULL},
    {"cc_generic_services", 16, B, NULL},
    {"java_generic_services", 17, B, NULL},
    {"py_generic_services", 18, B, NULL},
    {"java_generate_equals_and_hash", 20, B, NULL},
    {"deprecated", 23, B, NULL},
    {"java_string_check_utf8", 27, B, NULL},
    {"cc_enable_arenas", 31, B, NULL},
    {"objc_class_prefix", 36, S, NULL},
    {"csharp_namespace", 37, S, NULL},
    {"swift_prefix", 39, S, NULL},
    {"php_class_prefix", 40, S, NULL},
    {"php_namespace", 41, S, NULL},
    {"php_generic_services", 42, B, NULL},
    {"php_metadata_namespace", 44, S, NULL},
    {"ruby_package", 45, S, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option message_options[] = {
    {"message_set_wire_format", 1, B, NULL},
    {"no_standard_descriptor_accessor", 2, B, NULL},
    {"deprecated", 3, B, NULL},
    {"map_entry", 7, B, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option field_options[] = {
    {"ctype", 1, E, "STRING=0 CORD=1 STRING_PIECE=2 "},
    {"packed", 2, B, NULL},
    {"deprecated", 3, B, NULL},
    {"lazy", 5, B, NULL},
    {"jstype", 6, E, "JS_NORMAL=0 JS_STRING=1 JS_NUMBER=2 "},
    {"weak", 10, B, NULL},
    {"unverified_lazy", 15, B, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option oneof_options[] = {{NULL, 0, 0, NULL}};

static const known_option enum_options[] = {
    {"allow_alias", 2, B, NULL},
    {"deprecated", 3, B, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option value_options[] = {
    {"deprecated", 1, B, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option service_options[] = {
    {"deprecated", 33, B, NULL},
    {NULL, 0, 0, NULL},
};

static const known_option method_options[] = {
    {"deprecated", 33, B, NULL},
    {"idempotency_level", 34, E,
     "IDEMPOTENCY_UNKNOWN=0 NO_SIDE_EFFECTS=1 IDEMPOTENT=2 "},
    {NULL, 0, 0, NULL},
};

/* What has options, and the message of descriptor.proto that holds them. */
typedef struct options_kind {
    const char *message;
    const known_option *known;
} options_kind;

static const options_kind file_kind = {"FileOptions", file_options};
static const options_kind message_kind = {"MessageOptions", message_options};
static const options_kind field_kind = {"FieldOptions", field_options};
static const options_kind oneof_kind = {"OneofOptions", oneof_options};
static const options_kind enum_kind = {"EnumOptions", enum_options};
static const options_kind value_kind = {"EnumValueOptions", value_options};
static const options_kind service_kind = {"ServiceOptions", service_options};
static const options_kind method_kind = {"MethodOptions", method_options};

/* The number of an enum's value in "NAME=number " text, or -1. */
static int enum_number(const char *values, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = values; *at; at = strchr(at, ' ') + 1) {
        if (strncmp(at, name, n) == 0 && at[n] == '=')
            return at[n + 1] - '0';
    }
    return -1;
}

static void value_error(mf_build *b, mf_draft_file *file, const mf_option *o,
                        const char *wanted)
{
    mf_build_error(b, file, MAYFLY_ESCHEMA,
                   (mf_place){o->value_line, o->value_column},
                   "the option %s takes %s", o->parts[0].name, wanted);
}

static void set_value(mf_build *b, mf_draft_file *file,
                      const known_option *known, mf_option *o)
{
    const char *text = (const char *)o->text.ptr;
    int number;
    switch (known->type) {
    case S:
        if (o->kind != MF_OPTION_STRING)
            value_error(b, file, o, "a string");
        break;
    case B:
        if (o->kind == MF_OPTION_IDENT && strcmp(text, "true") == 0)
            o->value.u64 = 1;
        else if (o->kind == MF_OPTION_IDENT && strcmp(text, "false") == 0)
            o->value.u64 = 0;
        else
            value_error(b, file, o, "true or false");
        break;
    default:
        number =
            o->kind == MF_OPTION_IDENT ? enum_number(known->values, text) : -1;
        if (number < 0)
            value_error(b, file, o, "the name of one of its values");
        else
            o->value.u64 = (uint64_t)number;
    }
    o->number = known->number;
    o->type = known->type;
}

static void resolve_known(mf_build *b, mf_draft_file *file,
                          const known_option *table, mf_options *all,
                          mf_option *o)
{
    const char *name = o->parts[0].name;
    mf_place at = {o->line, o->column};
    while (table->name && strcmp(table->name, name) != 0)
        table++;
    if (!table->name)
        mf_build_error(b, file, MAYFLY_ESCHEMA, at, "unknown option \"%s\"",
                       name);
    else if (o->n_parts > 1)
        mf_build_error(b, file, MAYFLY_ESCHEMA, at,
                       "the option %s has no parts", name);
    else if (mf_options_find(all, table->number))
        mf_build_error(b, file, MAYFLY_ESCHEMA, at,
                       "the option %s is set twice", name);
    else
        set_value(b, file, table, o);
}

/* One walk over all options of a file: the known ones first, then the custom
 * ones, whose types must have their own known options. */
typedef struct walk {
    mf_build *b;
    mf_draft_file *file;
    bool custom;
} walk;

static void visit(const walk *w, const options_kind *kind, const char *scope,
                  mf_options *options)
{
    for (mf_option *o = options ? options->first : NULL; o; o = o->next) {
        if (o->parts[0].is_extension != w->custom || w->b->fatal)
            continue;
        if (w->custom)
            mf_resolve_custom(w->b, w->file, kind->message, scope, options, o);
        else
            resolve_known(w->b, w->file, kind->known, options, o);
    }
}

static void visit_fields(const walk *w, const char *scope, mf_field *fields,
                         uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        mf_field *f = &fields[i];
        visit(w, &field_kind, scope, f->options);
        const mf_option *packed =
            mf_options_find(f->options, MF_OPTION_FIELD_PACKED);
        f->packed = mf_field_is_packable(f) &&
                    (packed ? packed->value.u64 : !w->file->proto2);
    }
}

static void visit_message(const walk *w, mf_message *m)
{
    visit(w, &message_kind, m->parent ? m->parent->full_name : m->file->package,
          m->options);
    visit_fields(w, m->full_name, m->fields, m->n_fields);
    visit_fields(w, m->full_name, m->extensions, m->n_extensions);
    for (uint32_t i = 0; i < m->n_oneofs; i++)
        visit(w, &oneof_kind, m->full_name, m->oneofs[i].options);
}

static void visit_enum(const walk *w, mf_enum *e)
{
    const char *scope = e->parent ? e->parent->full_name : e->file->package;
    visit(w, &enum_kind, scope, e->options);
    e->allow_alias = mf_options_bool(e->options, MF_OPTION_ENUM_ALLOW_ALIAS);
    for (uint32_t i = 0; i < e->n_values; i++)
        visit(w, &value_kind, scope, e->values[i].options);
}

static void visit_file(const walk *w)
{
    mf_file *f = w->file->made;
    visit(w, &file_kind, f->package, f->options);
    for (mf_draft_message *m = w->file->messages.first; m; m = m->next)
        visit_message(w, m->made);
    for (mf_draft_enum *e = w->file->enums.first; e; e = e->next)
        visit_enum(w, e->made);
    visit_fields(w, f->package, f->extensions, f->n_extensions);
    for (uint32_t i = 0; i < f->n_services; i++) {
        mf_service *s = &f->services[i];
        visit(w, &service_kind, f->package, s->options);
        for (uint32_t k = 0; k < s->n_methods; k++)
            visit(w, &method_kind, s->full_name, s->methods[k].options);
    }
}

void mf_resolve_options(mf_build *b, mf_draft_file *file)
{
    visit_file(&(walk){b, file, false});
    visit_file(&(walk){b, file, true});
}

bool mf_field_is_packable(const mf_field *f)
{
    return f->label == MF_REPEATED && f->type &&
           f->type != MAYFLY_TYPE_STRING && f->type != MAYFLY_TYPE_BYTES &&
           f->type != MAYFLY_TYPE_MESSAGE && f->type != MAYFLY_TYPE_GROUP;
}

const mf_option *mf_options_find(const mf_options *options, uint32_t number)
{
    for (const mf_option *o = options ? options->first : NULL; o; o = o->next) {
        if (o->number == number)
            return o;
    }
    return NULL;
}

bool mf_options_bool(const mf_options *options, uint32_t number)
{
    const mf_option *o = mf_options_find(options, number);
    return o && o->value.u64 != 0;
}
