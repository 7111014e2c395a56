/*
 * compiler/schema/wire.c: writing the protobuf wire format.
 *
 * A nested message's length is known only after it is written: its bytes are
 * then moved to make room for the length. A buffer that has failed stays as it
 * is, so nobody looks at errors in between.
 */
#include "compiler/schema/wire.h"

#include <string.h>

static size_t varint_size(uint64_t value)
{
    size_t n = 1;
    for (; value >= 0x80; value >>= 7)
        n++;
    return n;
}

void mf_wire_varint(mf_buf *out, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        mf_buf_put_byte(out, (unsigned)(value & 0x7f) | 0x80);
    mf_buf_put_byte(out, (unsigned)value);
}

void mf_wire_tag(mf_buf *out, uint32_t number, unsigned wire_type)
{
    mf_wire_varint(out, (uint64_t)number << 3 | wire_type);
}

void mf_wire_fixed(mf_buf *out, uint64_t value, int n)
{
    for (; n > 0; n--, value >>= 8)
        mf_buf_put_byte(out, (unsigned)(value & 0xff));
}

void mf_wire_int(mf_buf *out, uint32_t number, int64_t value)
{
    mf_wire_tag(out, number, MF_WIRE_VARINT);
    mf_wire_varint(out, (uint64_t)value);
}

void mf_wire_bytes(mf_buf *out, uint32_t number, const void *bytes, size_t len)
{
    mf_wire_tag(out, number, MF_WIRE_BYTES);
    mf_wire_varint(out, len);
    mf_buf_put(out, bytes, len);
}

void mf_wire_text(mf_buf *out, uint32_t number, const char *text)
{
    mf_wire_bytes(out, number, text, strlen(text));
}

size_t mf_wire_begin(mf_buf *out, uint32_t number)
{
    mf_wire_tag(out, number, MF_WIRE_BYTES);
    return out->len;
}

void mf_wire_end(mf_buf *out, size_t start)
{
    size_t len = out->len - start;
    size_t n = varint_size(len);
    if (out->failed || !mf_buf_room(out, n))
        return;
    memmove(out->ptr + start + n, out->ptr + start, len);
    out->len = start;
    mf_wire_varint(out, len);
    out->len += len;
}
