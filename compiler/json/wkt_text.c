/*
 * compiler/json/wkt_text.c: the text forms of the well-known types.
 *
 * Timestamps and durations are decimal text with up to nine digits behind the
 * point; field masks are paths in camel case. Everything here works on plain
 * values; what lies in structs is read and written by wkt_parse.c and
 * wkt_print.c.
 *
 * Timestamps reach from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z,
 * durations 10,000 years either way. Fractions are written with 0, 3, 6 or 9
 * digits. Leap seconds and lower-case t and z are refused. Pure functions; any
 * thread.
 */
#include "compiler/json/internal.h"

#include <stdio.h>

/* --- times
 * --------------------------------------------------------------------- */

enum { NANOS = 1000000000, SECONDS_A_DAY = 86400 };

static const int64_t timestamp_min = -62135596800; /* 0001-01-01T00:00:00Z */
static const int64_t timestamp_max = 253402300799; /* 9999-12-31T23:59:59Z */
static const int64_t duration_max = 315576000000;  /* 10,000 years */

/* Days from 1970-01-01 in the Gregorian calendar; years count from March, so
 * that the leap day is the last. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + days - 719468;
}

static void date_of(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t y =
        (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + era * 400 + (*month <= 2));
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* A cursor over text; reading past the end or something else clears `good`. */
typedef struct cursor {
    const char *at;
    const char *end;
    bool good;
} cursor;

static int digits(cursor *c, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++) {
        if (c->at == c->end || *c->at < '0' || *c->at > '9') {
            c->good = false;
            return 0;
        }
        value = value * 10 + (*c->at++ - '0');
    }
    return value;
}

static bool takes(cursor *c, char wanted)
{
    if (c->at == c->end || *c->at != wanted)
        return false;
    c->at++;
    return true;
}

static void needs(cursor *c, char wanted)
{
    if (!takes(c, wanted))
        c->good = false;
}

/* ".123": one to nine digits, or nothing. */
static int32_t fraction(cursor *c)
{
    if (!takes(c, '.'))
        return 0;
    int32_t nanos = 0;
    int n = 0;
    for (; n < 9 && c->at < c->end && *c->at >= '0' && *c->at <= '9'; n++)
        nanos = nanos * 10 + (*c->at++ - '0');
    if (n == 0)
        c->good = false;
    for (; n < 9; n++)
        nanos *= 10;
    return nanos;
}

bool mf_timestamp_read(mayfly_str text, int64_t *ret_seconds,
                       int32_t *ret_nanos)
{
    cursor c = {text.ptr, text.ptr + text.len, true};
    int year = digits(&c, 4);
    needs(&c, '-');
    int month = digits(&c, 2);
    needs(&c, '-');
    int day = digits(&c, 2);
    needs(&c, 'T');
    int hour = digits(&c, 2);
    needs(&c, ':');
    int minute = digits(&c, 2);
    needs(&c, ':');
    int second = digits(&c, 2);
    int32_t nanos = fraction(&c);
    int offset = 0;
    if (!takes(&c, 'Z')) {
        bool ahead = takes(&c, '+');
        if (!ahead)
            needs(&c, '-');
        int hours = digits(&c, 2);
        needs(&c, ':');
        int minutes = digits(&c, 2);
        if (hours > 23 || minutes > 59)
            return false;
        offset = (hours * 60 + minutes) * (ahead ? 60 : -60);
    }
    if (!c.good || c.at != c.end || year < 1 || month < 1 || month > 12 ||
        day < 1 || day > month_days(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    int64_t seconds = days_of(year, month, day) * SECONDS_A_DAY + hour * 3600 +
                      minute * 60 + second - offset;
    if (seconds < timestamp_min || seconds > timestamp_max)
        return false;
    *ret_seconds = seconds;
    *ret_nanos = nanos;
    return true;
}

/* Behind the seconds: nothing, or a point and 3, 6 or 9 digits. */
static int print_fraction(char *out, size_t room, int32_t nanos)
{
    if (nanos == 0)
        return 0;
    if (nanos % 1000000 == 0)
        return snprintf(out, room, ".%03d", (int)(nanos / 1000000));
    if (nanos % 1000 == 0)
        return snprintf(out, room, ".%06d", (int)(nanos / 1000));
    return snprintf(out, room, ".%09d", (int)nanos);
}

bool mf_timestamp_write(int64_t seconds, int32_t nanos, char out[MF_TIME_MAX])
{
    if (seconds < timestamp_min || seconds > timestamp_max || nanos < 0 ||
        nanos >= NANOS)
        return false;
    int64_t days = seconds / SECONDS_A_DAY;
    int rest = (int)(seconds % SECONDS_A_DAY);
    if (rest < 0) {
        days--;
        rest += SECONDS_A_DAY;
    }
    int year, month, day;
    date_of(days, &year, &month, &day);
    int n = snprintf(out, MF_TIME_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", year,
                     month, day, rest / 3600, rest / 60 % 60, rest % 60);
    n += print_fraction(out + n, (size_t)(MF_TIME_MAX - n), nanos);
    memcpy(out + n, "Z", 2);
    return true;
}

bool mf_duration_read(mayfly_str text, int64_t *ret_seconds, int32_t *ret_nanos)
{
    cursor c = {text.ptr, text.ptr + text.len, true};
    bool negative = takes(&c, '-');
    int64_t seconds = 0;
    const char *start = c.at;
    while (c.at < c.end && *c.at >= '0' && *c.at <= '9') {
        if (seconds > duration_max)
            return false;
        seconds = seconds * 10 + (*c.at++ - '0');
    }
    if (c.at == start)
        return false;
    int32_t nanos = fraction(&c);
    needs(&c, 's');
    if (!c.good || c.at != c.end || seconds > duration_max)
        return false;
    *ret_seconds = negative ? -seconds : seconds;
    *ret_nanos = negative ? -nanos : nanos;
    return true;
}

bool mf_duration_write(int64_t seconds, int32_t nanos, char out[MF_TIME_MAX])
{
    if (seconds < -duration_max || seconds > duration_max || nanos <= -NANOS ||
        nanos >= NANOS || (seconds > 0 && nanos < 0) ||
        (seconds < 0 && nanos > 0))
        return false;
    bool negative = seconds < 0 || nanos < 0;
    int n = snprintf(out, MF_TIME_MAX, "%s%lld", negative ? "-" : "",
                     (long long)(negative ? -seconds : seconds));
    n += print_fraction(out + n, (size_t)(MF_TIME_MAX - n),
                        negative ? -nanos : nanos);
    memcpy(out + n, "s", 2);
    return true;
}

/* --- field masks and type URLs
 * --------------------------------------------------- */

bool mf_mask_path_read(mayfly_str path, char *out, size_t *ret_len)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '_')
            return false;
        if (c >= 'A' && c <= 'Z') {
            out[n++] = '_';
            c = (char)(c - 'A' + 'a');
        }
        out[n++] = c;
    }
    *ret_len = n;
    return true;
}

bool mf_mask_path_write(mayfly_str path, char *out, size_t *ret_len)
{
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if ((c >= 'A' && c <= 'Z') || c == ',')
            return false;
        if (c == '_') {
            if (++i == path.len || path.ptr[i] < 'a' || path.ptr[i] > 'z')
                return false;
            c = (char)(path.ptr[i] - 'a' + 'A');
        }
        out[n++] = c;
    }
    *ret_len = n;
    return true;
}

mayfly_str mf_type_name(mayfly_str url)
{
    size_t from = url.len;
    if (from == 0) /* there may be no bytes at all */
        return url;
    while (from > 0 && url.ptr[from - 1] != '/')
        from--;
    return (mayfly_str){url.ptr + from, url.len - from};
}
