/*
 * compiler/json/numbers.h: numbers as JSON writes them.
 *
 * Independent of the process's locale. Nothing here allocates.
 */
#ifndef MF_JSON_NUMBERS_H
#define MF_JSON_NUMBERS_H

#include <mayfly/types.h>

#include <stdbool.h>

enum { MF_NUMBER_MAX = 32 }; /* room for any number's text, with its zero */

enum mf_number_result {
    MF_NUMBER_OK = 0,
    MF_NUMBER_MALFORMED, /* not what the JSON grammar calls a number */
    MF_NUMBER_FRACTION,  /* not a whole number */
    MF_NUMBER_RANGE      /* does not fit */
};

/* Whether all of the text is one number by the JSON grammar. */
bool mf_number_valid(mayfly_str text);

/* Whole numbers, exactly: "-12", "1e3", "1.50e1". */
enum mf_number_result mf_number_i64(mayfly_str text, int64_t min, int64_t max,
                                    int64_t *ret);
enum mf_number_result mf_number_u64(mayfly_str text, uint64_t max,
                                    uint64_t *ret);

/* The nearest double or float. What rounds to infinity is out of range. */
enum mf_number_result mf_number_double(mayfly_str text, double *ret);
enum mf_number_result mf_number_float(mayfly_str text, float *ret);

/* The shortest text that reads back as the same value. Finite values only. */
void mf_number_print_double(double value, char out[MF_NUMBER_MAX]);
void mf_number_print_float(float value, char out[MF_NUMBER_MAX]);

#endif
