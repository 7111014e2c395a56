/*
 * base/log.c: text for the host's log callback.
 *
 * Nothing in mayfly prints; whoever wants to know what it does gives the host a
 * callback. Text is formatted on the stack, so that logging works where memory
 * is out, and only for the levels that are asked for.
 *
 * Threads: any.
 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void mf_log_write(const mf_log *log, int level, const char *owner,
                  const char *format, ...)
{
    char text[512];
    va_list args;

    if (!log || !log->fn || level > log->level)
        return;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (n < 0)
        return;
    log->fn(log->state, level, owner, text);
}
