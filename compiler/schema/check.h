/* compiler/schema/check.h: what the checks of messages, enums and extensions
 * share. */
#ifndef MF_SCHEMA_CHECK_H
#define MF_SCHEMA_CHECK_H

#include "compiler/schema/build.h"

/* Ranges by their first number, for look-ups. */
typedef struct mf_range_index {
    const mf_draft_range **items;
    uint32_t n;
} mf_range_index;

/* Sorts, and tells those that overlap. False when memory is out. */
bool mf_check_ranges(mf_build *b, mf_draft_file *file,
                     const mf_range_list *ranges, mf_range_index *ret);
bool mf_range_has(const mf_range_index *index, int64_t number);

void mf_check_error(mf_build *b, mf_draft_file *file, int line, int column,
                    const char *format, ...)
    __attribute__((format(printf, 5, 6)));

void mf_check_enum(mf_build *b, mf_draft_file *file, const mf_draft_enum *d);
void mf_check_field_options(mf_build *b, mf_draft_file *file,
                            const mf_field *f);
void mf_check_extension(mf_build *b, mf_draft_file *file,
                        const mf_draft_field *d);
bool mf_check_number(mf_build *b, mf_draft_file *file, const mf_draft_field *d);

#endif
