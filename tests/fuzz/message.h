/*
 * tests/fuzz/message.h: a message with a field of every kind, for the targets
 * that read wire bytes and JSON.
 */
#ifndef TESTS_FUZZ_MESSAGE_H
#define TESTS_FUZZ_MESSAGE_H

#include "compiler/json/json.h"
#include "compiler/kernel/codec.h"
#include "compiler/schema/files.h"

#include <stdlib.h>

static const char message_schema[] =
    "syntax = \"proto3\";\n"
    "import \"google/protobuf/any.proto\";\n"
    "import \"google/protobuf/timestamp.proto\";\n"
    "import \"google/protobuf/duration.proto\";\n"
    "import \"google/protobuf/struct.proto\";\n"
    "import \"google/protobuf/wrappers.proto\";\n"
    "import \"google/protobuf/field_mask.proto\";\n"
    "enum E { ZERO = 0; ONE = 1; MINUS = -1; }\n"
    "message M {\n"
    "  double f1 = 1; float f2 = 2; int64 f3 = 3; uint64 f4 = 4; int32 f5 = "
    "5;\n"
    "  fixed64 f6 = 6; fixed32 f7 = 7; bool f8 = 8; string f9 = 9;\n"
    "  M f11 = 11; bytes f12 = 12; uint32 f13 = 13; E f14 = 14;\n"
    "  sfixed32 f15 = 15; sfixed64 f16 = 16; sint32 f17 = 17; sint64 f18 = "
    "18;\n"
    "  repeated double r1 = 21; repeated int64 r3 = 23; repeated bool r8 = "
    "28;\n"
    "  repeated string r9 = 29; repeated M r11 = 31; repeated bytes r12 = 32;\n"
    "  repeated E r14 = 34; repeated sint64 r18 = 38 [packed = false];\n"
    "  map<string, M> m1 = 41; map<int32, string> m2 = 42; map<bool, E> m3 = "
    "43;\n"
    "  oneof kind { string o1 = 51; M o2 = 52; int32 o3 = 53; }\n"
    "  optional int32 p1 = 61; optional string p2 = 62;\n"
    "  google.protobuf.Timestamp w1 = 71; google.protobuf.Duration w2 = 72;\n"
    "  google.protobuf.Value w3 = 73; google.protobuf.Int64Value w4 = 74;\n"
    "  google.protobuf.FieldMask w5 = 75; google.protobuf.Struct w6 = 76;\n"
    "  google.protobuf.Any w7 = 77; google.protobuf.NullValue w8 = 78;\n"
    "}\n";

typedef struct message {
    mf_alloc alloc;
    mf_schema *schema;
    mf_plan *plan;
    mf_buf tables;
    uint32_t index;
} message;

/* Made once; libFuzzer keeps it reachable. */
static message *message_get(void)
{
    static message *made;
    static const mayfly_source text = {"m.proto", message_schema, 0};
    const char *name = "m.proto";

    if (made)
        return made;
    message *m = calloc(1, sizeof *m);
    mf_files files = {.alloc = &m->alloc, .memory = &text, .n_memory = 1};
    mf_alloc_init(&m->alloc, NULL);
    mf_schema_source source = mf_files_source(&files);
    mf_buf_init(&m->tables, &m->alloc, 0);
    if (mf_schema_parse(&m->alloc, &source, &name, 1, NULL, NULL, NULL,
                        &m->schema, NULL) != 0 ||
        mf_plan_native(&m->alloc, m->schema, &m->plan, NULL) != 0 ||
        mf_tables_build(m->plan, &m->tables, NULL) != 0)
        abort();
    m->index = mf_plan_find(m->plan, "M")->index;
    made = m;
    return made;
}

#endif
