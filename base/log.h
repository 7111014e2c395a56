/* base/log.h: text for the host's log callback. Nothing is ever printed. */
#ifndef MF_BASE_LOG_H
#define MF_BASE_LOG_H

#include <mayfly/host.h>

typedef struct mf_log {
    mayfly_log_fn fn;
    void *state;
    int level;
} mf_log;

/* Formats into 512 bytes on the stack (cut if longer) and calls back, when the
 * level is asked for. */
void mf_log_write(const mf_log *log, int level, const char *owner,
                  const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
