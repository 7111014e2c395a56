/*
 * compiler/json/numbers.c: reading and writing numbers.
 *
 * JSON has one kind of number; a schema has thirteen. Whole numbers are read as
 * decimal digits and an exponent, without ever passing through a double, so
 * that 2^64 - 1 survives, 1e3 is a whole number, and 1e99999999999 costs
 * nothing.
 *
 * Doubles and floats go through the C library, which rounds correctly, with two
 * precautions. Its decimal point belongs to the process's locale: reading uses
 * the "C" locale object (glibc hands out a static one, so nothing is
 * allocated), writing takes the digits out of what snprintf made and sets its
 * own point. And it needs terminated text of bounded length: digits beyond what
 * can matter are replaced by one that keeps the direction of rounding.
 *
 * Shortest text: the fewest digits that read back as the same value, tried from
 * 15 (doubles) or 6 (floats) upwards. At a power of two the lower neighbour is
 * only half as far away as the upper one, so the correctly rounded digits may
 * miss where the digits one above them hit; both are tried.
 */
#include "compiler/json/numbers.h"

#include <float.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A number in parts: the digits without sign, point and leading zeros. */
typedef struct decimal {
    const char *int_digits; /* before the point */
    size_t n_int;
    const char *frac_digits; /* behind it */
    size_t n_frac;
    bool negative;
    int64_t exponent; /* clamped to what any real text could need */
} decimal;

static const int64_t exponent_clamp = (int64_t)1 << 40;

static bool split(mayfly_str text, decimal *d)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    *d = (decimal){0};
    if (text.len == 0)
        return false;
    if (*p == '-') {
        d->negative = true;
        p++;
    }
    d->int_digits = p;
    while (p < end && *p >= '0' && *p <= '9')
        p++;
    d->n_int = (size_t)(p - d->int_digits);
    if (d->n_int == 0 || (d->n_int > 1 && *d->int_digits == '0'))
        return false;
    d->frac_digits = p;
    if (p < end && *p == '.') {
        d->frac_digits = ++p;
        while (p < end && *p >= '0' && *p <= '9')
            p++;
        d->n_frac = (size_t)(p - d->frac_digits);
        if (d->n_frac == 0)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        bool down = ++p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+'))
            p++;
        if (p == end)
            return false;
        int64_t e = 0;
        for (; p < end && *p >= '0' && *p <= '9'; p++) {
            if (e < exponent_clamp)
                e = e * 10 + (*p - '0');
        }
        d->exponent = down ? -e : e;
        if (p[-1] < '0' || p[-1] > '9')
            return false;
    }
    return p == end;
}

static char digit_at(const decimal *d, size_t i)
{
    return i < d->n_int ? d->int_digits[i] : d->frac_digits[i - d->n_int];
}

/* The whole number's magnitude. */
static enum mf_number_result magnitude(const decimal *d, uint64_t max,
                                       uint64_t *ret)
{
    size_t n = d->n_int + d->n_frac, first = 0;
    while (n > 0 && digit_at(d, n - 1) == '0')
        n--; /* trailing zeros say nothing: the exponent is counted from n_int
              */
    while (first < n && digit_at(d, first) == '0')
        first++;
    if (first == n) {
        *ret = 0;
        return MF_NUMBER_OK;
    }
    /* The point stands behind this many digits. */
    int64_t point = (int64_t)d->n_int + d->exponent;
    if (point < (int64_t)n)
        return MF_NUMBER_FRACTION;
    if (point - (int64_t)first > 20)
        return MF_NUMBER_RANGE;
    uint64_t value = 0;
    for (size_t i = first; i < (size_t)point; i++) {
        uint64_t digit = i < n ? (uint64_t)(digit_at(d, i) - '0') : 0;
        if (digit > max || value > (max - digit) / 10)
            return MF_NUMBER_RANGE;
        value = value * 10 + digit;
    }
    *ret = value;
    return MF_NUMBER_OK;
}

bool mf_number_valid(mayfly_str text)
{
    decimal d;
    return split(text, &d);
}

enum mf_number_result mf_number_i64(mayfly_str text, int64_t min, int64_t max,
                                    int64_t *ret)
{
    decimal d;
    if (!split(text, &d))
        return MF_NUMBER_MALFORMED;
    uint64_t bound = d.negative ? ~(uint64_t)min + 1 : (uint64_t)max, value;
    enum mf_number_result rc = magnitude(&d, bound, &value);
    if (rc == MF_NUMBER_OK)
        *ret = (int64_t)(d.negative ? ~value + 1 : value);
    return rc;
}

enum mf_number_result mf_number_u64(mayfly_str text, uint64_t max,
                                    uint64_t *ret)
{
    decimal d;
    if (!split(text, &d))
        return MF_NUMBER_MALFORMED;
    return magnitude(&d, d.negative ? 0 : max, ret);
}

/* 770 digits decide the rounding of any double (halfway between two of the
 * smallest takes 767). */
enum { DIGITS_MAX = 800 };

/* The number once more, short enough for a buffer and without a point: digits
 * and an exponent. */
static void flatten(const decimal *d, char out[DIGITS_MAX + 40])
{
    size_t n = d->n_int + d->n_frac, first = 0;
    int64_t exponent = d->exponent - (int64_t)d->n_frac;
    while (n > 0 && digit_at(d, n - 1) == '0') {
        n--;
        exponent++;
    }
    while (first < n && digit_at(d, first) == '0')
        first++;
    char *p = out;
    if (d->negative)
        *p++ = '-';
    if (first == n) {
        *p++ = '0';
        exponent = 0;
    }
    size_t take = n - first > DIGITS_MAX ? DIGITS_MAX : n - first;
    for (size_t i = 0; i < take; i++)
        *p++ = digit_at(d, first + i);
    if (take < n - first) {
        *p++ = '1'; /* something is left: just above the digits so far */
        exponent += (int64_t)(n - first - take) - 1;
    }
    if (exponent > 100000)
        exponent = 100000;
    if (exponent < -100000)
        exponent = -100000;
    snprintf(p, 16, "e%d", (int)exponent);
}

static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static enum mf_number_result read_binary(mayfly_str text, bool is_float,
                                         double *ret)
{
    decimal d;
    char flat[DIGITS_MAX + 40];
    if (!split(text, &d))
        return MF_NUMBER_MALFORMED;
    flatten(&d, flat);
    locale_t c = c_locale();
    double value =
        is_float ? (double)strtof_l(flat, NULL, c) : strtod_l(flat, NULL, c);
    freelocale(c);
    if (isinf(value))
        return MF_NUMBER_RANGE;
    *ret = value;
    return MF_NUMBER_OK;
}

enum mf_number_result mf_number_double(mayfly_str text, double *ret)
{
    return read_binary(text, false, ret);
}

enum mf_number_result mf_number_float(mayfly_str text, float *ret)
{
    double value = 0;
    enum mf_number_result rc = read_binary(text, true, &value);
    if (rc == MF_NUMBER_OK)
        *ret = (float)value;
    return rc;
}

/* The digits of |value|, correctly rounded to n of them, and the exponent of
 * the first. */
static int round_digits(double value, int n, char digits[20])
{
    char text[64];
    snprintf(text, sizeof(text), "%.*e", n - 1, fabs(value));
    int found = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p >= '0' && *p <= '9' && found < n)
            digits[found++] = *p;
    }
    digits[found] = '\0';
    return *p ? atoi(p + 1) : 0;
}

/* Adds one to the last digit. 9…9 becomes 10…0: the exponent grows. */
static void step_up(char *digits, int n, int *exponent)
{
    int i = n - 1;
    while (i >= 0 && digits[i] == '9')
        digits[i--] = '0';
    if (i >= 0) {
        digits[i]++;
    } else {
        digits[0] = '1';
        (*exponent)++;
    }
}

static bool reads_back(const char *digits, int n, int exponent, double value,
                       bool is_float, locale_t c)
{
    char text[48];
    snprintf(text, sizeof(text), "%se%d", digits, exponent - (n - 1));
    if (is_float)
        return strtof_l(text, NULL, c) == (float)value;
    return strtod_l(text, NULL, c) == value;
}

/* Lays digits out as JSON: plain from 0.0001 up to 16 digits, else d.ddde±dd.
 */
static void lay_out(bool negative, const char *digits, int exponent, char *out)
{
    int n = (int)strlen(digits);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    char *p = out;
    if (negative)
        *p++ = '-';
    if (exponent >= 0 && exponent < 16) {
        for (int i = 0; i <= exponent || i < n; i++) {
            if (i == exponent + 1)
                *p++ = '.';
            *p++ = i < n ? digits[i] : '0';
        }
    } else if (exponent < 0 && exponent >= -4) {
        *p++ = '0';
        *p++ = '.';
        for (int i = -1; i > exponent; i--)
            *p++ = '0';
        for (int i = 0; i < n; i++)
            *p++ = digits[i];
    } else {
        *p++ = digits[0];
        if (n > 1) {
            *p++ = '.';
            for (int i = 1; i < n; i++)
                *p++ = digits[i];
        }
        p += snprintf(p, 8, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
    }
    *p = '\0';
}

static void print_shortest(double value, bool is_float, char *out)
{
    char digits[20];
    if (value == 0) {
        lay_out(signbit(value) != 0, "0", 0, out);
        return;
    }
    double size = fabs(value);
    int exponent = 0, last = is_float ? 9 : 17;
    /* Of normal values the first 15 digits (6 of a float's) hold any shorter
     * text there is. Small floats keep 6, as other writers of this JSON do. */
    int n = is_float ? 6 : size < DBL_MIN ? 1 : 15;
    locale_t c = c_locale();
    for (; n <= last; n++) {
        exponent = round_digits(size, n, digits);
        if (n == last || reads_back(digits, n, exponent, size, is_float, c))
            break;
        step_up(digits, n, &exponent);
        if (reads_back(digits, n, exponent, size, is_float, c))
            break;
    }
    freelocale(c);
    lay_out(value < 0, digits, exponent, out);
}

void mf_number_print_double(double value, char out[MF_NUMBER_MAX])
{
    print_shortest(value, false, out);
}

void mf_number_print_float(float value, char out[MF_NUMBER_MAX])
{
    print_shortest((double)value, true, out);
}
