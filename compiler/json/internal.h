/*
 * compiler/json/internal.h: what the files of compiler/json share.
 *
 * Parsing and printing are each one walk over a plan; the well-known types,
 * which have forms of their own, branch off it and come back to it.
 */
#ifndef MF_JSON_INTERNAL_H
#define MF_JSON_INTERNAL_H

#include "base/json.h"
#include "compiler/json/json.h"
#include "compiler/json/scan.h"
#include "compiler/json/value.h"

/* --- the well-known types (wkt.c) ------------------------------------------
 */

typedef enum mf_wkt {
    MF_WKT_NONE = 0,
    MF_WKT_ANY,
    MF_WKT_DURATION,
    MF_WKT_FIELD_MASK,
    MF_WKT_LIST_VALUE,
    MF_WKT_STRUCT,
    MF_WKT_TIMESTAMP,
    MF_WKT_VALUE,
    MF_WKT_WRAPPER /* BoolValue, ...: one field, "value" */
} mf_wkt;

/* NONE for a message that has such a name but not the fields: it is then
 * written like any other. */
mf_wkt mf_wkt_of(const mf_plan *plan, const mf_plan_message *m);

/* google.protobuf.NullValue, whose JSON is null. */
bool mf_is_null_value(const mf_plan_field *f);

/* Room for the longest Timestamp or Duration, with its zero. */
enum { MF_TIME_MAX = 40 };

/* False: not a time, or out of range. */
bool mf_timestamp_read(mayfly_str text, int64_t *ret_seconds,
                       int32_t *ret_nanos);
bool mf_timestamp_write(int64_t seconds, int32_t nanos, char out[MF_TIME_MAX]);
bool mf_duration_read(mayfly_str text, int64_t *ret_seconds,
                      int32_t *ret_nanos);
bool mf_duration_write(int64_t seconds, int32_t nanos, char out[MF_TIME_MAX]);

/* fooBar.baz to foo_bar.baz into `out` (2 * path.len bytes), and back (path.len
 * bytes). False: a path that cannot be written in the other form. */
bool mf_mask_path_read(mayfly_str path, char *out, size_t *ret_len);
bool mf_mask_path_write(mayfly_str path, char *out, size_t *ret_len);

/* What stands behind the last slash of an Any's type URL. */
mayfly_str mf_type_name(mayfly_str url);

/* --- parsing -----------------------------------------------------------------
 */

typedef struct mf_json_reader {
    const mf_plan *plan;
    unsigned flags;
    const mf_json_codec *codec;
    mayfly_arena *arena;
    mf_scan scan;
    unsigned depth; /* messages open */
} mf_json_reader;

/* Each reads the value at the scanner's token into memory that is zeroed, and
 * leaves the scanner on the value's last token. */
int mf_read_message(mf_json_reader *r, const mf_plan_message *m, void *to,
                    mayfly_error *err);
int mf_read_wkt(mf_json_reader *r, mf_wkt kind, const mf_plan_message *m,
                void *to, mayfly_error *err);

/* The members of an object in the field-by-field form. `skip` is a member that
 * belongs to someone else ("@type"), or NULL. */
int mf_read_members(mf_json_reader *r, const mf_plan_message *m, void *to,
                    const char *skip, mayfly_error *err);

/* A value that is not a message. `key` for a map's key, which is in quotes. 1:
 * an enum name that is not known was left out (MF_JSON_IGNORE_UNKNOWN). */
int mf_read_scalar(mf_json_reader *r, const mf_plan_field *f, bool key,
                   void *to, mayfly_error *err);

/* A map of its own, read from an object: Struct.fields too. */
int mf_read_map(mf_json_reader *r, const mf_plan_field *f, mayfly_array *to,
                mayfly_error *err);
int mf_read_list(mf_json_reader *r, const mf_plan_field *f, mayfly_array *to,
                 mayfly_error *err);

/* --- printing ----------------------------------------------------------------
 */

typedef struct mf_json_writer {
    const mf_plan *plan;
    unsigned flags;
    const mf_json_codec *codec;
    mf_json json;
    mayfly_arena arena; /* for what an Any holds */
    unsigned depth;     /* messages open */
} mf_json_writer;

int mf_write_message(mf_json_writer *w, const mf_plan_message *m,
                     const void *from, mayfly_error *err);
int mf_write_wkt(mf_json_writer *w, mf_wkt kind, const mf_plan_message *m,
                 const void *from, mayfly_error *err);
int mf_write_members(mf_json_writer *w, const mf_plan_message *m,
                     const void *from, mayfly_error *err);
int mf_write_scalar(mf_json_writer *w, const mf_plan_field *f, const void *from,
                    mayfly_error *err);
int mf_write_map(mf_json_writer *w, const mf_plan_field *f,
                 const mayfly_array *a, mayfly_error *err);
int mf_write_list(mf_json_writer *w, const mf_plan_field *f,
                  const mayfly_array *a, mayfly_error *err);

#endif
