/*
 * compiler/kernel/encode_scalar.h: the scalar kernels; included once per
 * variant.
 *
 * The including file defines NAME(kernel), the functions' names, and PDEP,
 * whether the pdep instruction is used. The field is written in any case and
 * the place to go on from says whether it counts: which fields are set is what
 * a processor cannot guess, so there is no branch on it.
 */

MF_INLINE uint8_t *varint_if(uint8_t *p, uint64_t tag, uint64_t value, bool set)
{
    uint8_t *end = mf_write_varint(mf_write_tag(p, tag), value, PDEP);

    return p + ((size_t)(end - p) & (0 - (size_t)set));
}

MF_INLINE uint8_t *fixed32_if(uint8_t *p, uint64_t tag, uint32_t value,
                              bool set)
{
    uint8_t *at = mf_write_tag(p, tag);

    mf_store32(at, value);
    return p + ((size_t)(at + 4 - p) & (0 - (size_t)set));
}

MF_INLINE uint8_t *fixed64_if(uint8_t *p, uint64_t tag, uint64_t value,
                              bool set)
{
    uint8_t *at = mf_write_tag(p, tag);

    mf_store64(at, value);
    return p + ((size_t)(at + 8 - p) & (0 - (size_t)set));
}

uint8_t *NAME(mf_put_varint)(uint8_t *p, uint64_t tag, uint64_t value)
{
    return varint_if(p, tag, value, value != 0);
}

uint8_t *NAME(mf_put_zigzag)(uint8_t *p, uint64_t tag, int64_t value)
{
    return varint_if(p, tag, mf_to_zigzag(value), value != 0);
}

uint8_t *NAME(mf_put_fixed32)(uint8_t *p, uint64_t tag, const void *value)
{
    uint32_t v = mf_load32(value);

    return fixed32_if(p, tag, v, v != 0);
}

uint8_t *NAME(mf_put_fixed64)(uint8_t *p, uint64_t tag, const void *value)
{
    uint64_t v = mf_load64(value);

    return fixed64_if(p, tag, v, v != 0);
}

uint8_t *NAME(mf_set_varint)(uint8_t *p, uint64_t tag, uint64_t value, int set)
{
    return varint_if(p, tag, value, set != 0);
}

uint8_t *NAME(mf_set_zigzag)(uint8_t *p, uint64_t tag, int64_t value, int set)
{
    return varint_if(p, tag, mf_to_zigzag(value), set != 0);
}

uint8_t *NAME(mf_set_fixed32)(uint8_t *p, uint64_t tag, const void *value,
                              int set)
{
    return fixed32_if(p, tag, mf_load32(value), set != 0);
}

uint8_t *NAME(mf_set_fixed64)(uint8_t *p, uint64_t tag, const void *value,
                              int set)
{
    return fixed64_if(p, tag, mf_load64(value), set != 0);
}
