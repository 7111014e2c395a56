/*
 * cli/top.h: what mayfly top consists of: cmd_top.c (options, the turns),
 * top_sample.c (from two answers to figures per second), top_frame.c (figures
 * as a frame of text or JSON), top_screen.c (a terminal, keys and signals).
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/admin.h"

enum { TOP_NAME = 512, TOP_LABEL = 128 };

/* --- top_sample.c --- */

/* Calls that have ended. */
typedef struct top_calls {
    uint64_t calls, errors, us;
    uint64_t latency[MAYFLY_LATENCIES];
} top_calls;

/* A unit with all its versions, or a context that is no unit's. */
typedef struct top_row {
    char name[TOP_NAME];
    char version[TOP_LABEL]; /* the current one's label; a context's state */
    uint64_t bytes, leases;
    top_calls total; /* since it was loaded */
    top_calls now;   /* since the sample before */
} top_row;

/* A host at one moment. */
typedef struct top_sample {
    char mayfly[32]; /* its version */
    uint64_t at_us;
    uint64_t took_us; /* since the sample before; 0: there is none */
    uint64_t pid, cpu_us, pss_kib, dirty_kib, threads, mappings, descriptors;
    uint64_t code, compile, schema;
    uint64_t units, versions, loaded, bytes, budget_bytes;
    uint64_t loads, unloads, evictions, swaps;
    /* since the sample before */
    uint64_t cpu_now, loads_now, unloads_now, evictions_now, swaps_now;
    top_calls now; /* all rows */
    top_row *rows;
    size_t n_rows;
} top_sample;

/* Asks. Figures of now are counted from `before`, or are 0. Returns the exit
 * code. */
int top_sample_take(const char *socket, top_sample *before, top_sample *ret);
void top_sample_free(top_sample *s);

/* In nanoseconds, the bound below which so many percent of calls were; 0: there
 * were none; UINT64_MAX: above the last bound. */
uint64_t top_percentile(const top_calls *calls, unsigned percent);

/* How many per second, to the nearest. */
uint64_t top_rate(uint64_t n, uint64_t us);

enum top_sort {
    TOP_BYTES,
    TOP_CALLS,
    TOP_LATENCY,
    TOP_ERRORS,
    TOP_HELD,
    TOP_BY_NAME,
    TOP_SORTS
};

extern const char *const top_sort_names[TOP_SORTS]; /* the letter comes first */

void top_sort_rows(top_sample *s, enum top_sort by);

/* --- top_frame.c --- */

enum { TOP_COLUMNS = 80 };

/* Lines of 80 columns at the most; `lines` at the most, 0: all. `end` goes
 * behind each line. */
void top_frame_text(FILE *to, const top_sample *s, enum top_sort by,
                    unsigned lines, const char *end);
void top_frame_json(FILE *to, const top_sample *s); /* one line */

/* --- top_screen.c --- */

/* A terminal that shows frames. */
typedef struct top_screen top_screen;

/* Standard output as a screen; standard input for keys, if it is a terminal.
 * NULL: a message was printed. */
top_screen *top_screen_begin(void);
/* As it was before. NULL is allowed. */
void top_screen_end(top_screen *screen);
unsigned top_screen_lines(const top_screen *screen);
/* Shows a frame from the upper left corner. */
void top_screen_show(top_screen *screen, const char *frame, size_t len);

enum { TOP_TIME = -1, TOP_RESIZED = -2 };

/* Waits for a key: its character, or TOP_TIME when `until` has come, or
 * TOP_RESIZED. A signal that ends the program ends it here, with the terminal
 * as it was. */
int top_screen_wait(top_screen *screen, int64_t until_ms);
int64_t top_screen_now_ms(void);

#endif
