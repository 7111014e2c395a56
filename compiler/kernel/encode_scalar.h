/*
 * compiler/kernel/encode_scalar.h: the scalar kernels; included once per
 * variant.
 *
 * The including file defines NAME(kernel), the functions' names, and PDEP,
 * whether the pdep instruction is used.
 */

uint8_t *NAME(mf_put_varint)(uint8_t *p, uint64_t tag, uint64_t value)
{
    return mf_write_varint(mf_write_tag(p, tag), value, PDEP);
}

uint8_t *NAME(mf_put_zigzag)(uint8_t *p, uint64_t tag, int64_t value)
{
    return mf_write_varint(mf_write_tag(p, tag), mf_to_zigzag(value), PDEP);
}
