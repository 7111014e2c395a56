/* compiler/schema/wire.h: writing the protobuf wire format, for descriptors and
 * custom options. */
#ifndef MF_SCHEMA_WIRE_H
#define MF_SCHEMA_WIRE_H

#include "base/buf.h"

enum { MF_WIRE_VARINT = 0, MF_WIRE_64 = 1, MF_WIRE_BYTES = 2, MF_WIRE_32 = 5 };

void mf_wire_varint(mf_buf *out, uint64_t value);
void mf_wire_tag(mf_buf *out, uint32_t number, unsigned wire_type);
void mf_wire_fixed(mf_buf *out, uint64_t value, int n); /* little-endian */
void mf_wire_int(mf_buf *out, uint32_t number, int64_t value);
void mf_wire_bytes(mf_buf *out, uint32_t number, const void *bytes, size_t len);
void mf_wire_text(mf_buf *out, uint32_t number, const char *text);

/* Begins a nested message; what it returns goes to mf_wire_end, which puts the
 * length in front of what was written in between. */
size_t mf_wire_begin(mf_buf *out, uint32_t number);
void mf_wire_end(mf_buf *out, size_t start);

#endif
