/*
 * compiler/gen/header.h: the parts of a user's header, for each other.
 */
#ifndef MF_GEN_HEADER_H
#define MF_GEN_HEADER_H

#include "base/buf.h"
#include "compiler/gen/plan.h"

/* Another file whose messages this one uses: its layout is referred to by
 * number. */
typedef struct mf_header_import {
    const mf_file *file;
    uint32_t number; /* 1 for imports[0] of the layout; 0: only included */
    bool included;
} mf_header_import;

typedef struct mf_header {
    const mf_plan *plan;
    const mf_file *file;
    mf_buf *out;
    mayfly_arena *scratch;
    const char *ident;   /* stands for the file in identifiers */
    uint32_t n_messages; /* of this file */
    uint32_t n_services;
    uint32_t n_files;          /* all of the schema's, in its order */
    mf_header_import *imports; /* by file */
    uint32_t n_imports;        /* with a number */
    uint32_t *file_of;         /* plan message -> index in `imports` */
    uint32_t *index_of;        /* plan message -> index in its file's layout */
} mf_header;

bool mf_header_owns(const mf_header *h, const mf_plan_message *m);
bool mf_header_owns_service(const mf_header *h, const mf_plan_service *s);

void mf_header_put_fields(mf_header *h, const mf_plan_message *m);
void mf_header_put_cases(mf_header *h, const mf_plan_message *m);
void mf_header_put_tables(mf_header *h);
void mf_header_put_codec(mf_header *h, const mf_plan_message *m);
void mf_header_put_service(mf_header *h, const mf_plan_service *s,
                           uint32_t index);

#endif
