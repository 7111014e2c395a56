/*
 * tests/api/why.h: asking what holds a context, and looking into the answer.
 */
#ifndef TESTS_API_WHY_H
#define TESTS_API_WHY_H

#include "hello.h"

/* The holder that was found last. It holds addresses: `ask` forgets it. */
static mayfly_why_holder last;

MAYFLY_UNUSED static mayfly_why_report *ask(mayfly_context *context)
{
    memset(&last, 0, sizeof last);
    mayfly_why_report *report = NULL;
    must(mayfly_why(context, PATIENT, &report, &err));
    return report;
}

/* A holder of that kind, target and place, or NULL. */
MAYFLY_UNUSED static const mayfly_why_holder *
find(const mayfly_why_report *report, enum mayfly_why_kind kind,
     const char *target, const char *where)
{
    for (size_t i = 0; mayfly_why_get(report, i, &last) == 0; i++)
        if (last.kind == kind && strcmp(last.target, target) == 0 &&
            strstr(last.where, where))
            return &last;
    return NULL;
}

#define must_find(report, kind, target, where)                                 \
    do {                                                                       \
        if (!find(report, kind, target, where))                                \
            fail_msg("no %s, %s, %s in\n%s", #kind, target, where,             \
                     mayfly_why_text(report));                                 \
    } while (0)

/* ThreadSanitizer keeps a history of calls in memory of its own. */
#define must_count(report, kind, n)                                            \
    do {                                                                       \
        if (mayfly_why_count(report, kind) != (n) &&                           \
            !(TEST_TSAN && (kind) == MAYFLY_WHY_HEAP))                         \
            fail_msg("not %d of %s in\n%s", n, #kind,                          \
                     mayfly_why_text(report));                                 \
    } while (0)

/* Ends the test where the kernel does not let threads be examined. */
MAYFLY_UNUSED static void need_threads(mayfly_why_report *report)
{
    size_t examined;
    const char *reason;
    size_t all = mayfly_why_threads(report, &examined, &reason);
    if (all == examined)
        return;
    print_message("threads cannot be examined: %s\n", reason);
    mayfly_why_free(report);
    skip();
}

#endif
