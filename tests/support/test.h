/* tests/support/test.h: cmocka with the headers it wants, and what a test may want to
 * know of its build. */
#ifndef TESTS_SUPPORT_TEST_H
#define TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* 1 in a build with AddressSanitizer or ThreadSanitizer, else 0. */
#if defined(__SANITIZE_ADDRESS__)
#define TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TEST_ASAN 1
#endif
#endif
#ifndef TEST_ASAN
#define TEST_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define TEST_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TEST_TSAN 1
#endif
#endif
#ifndef TEST_TSAN
#define TEST_TSAN 0
#endif

/* Options for mayfly_why on a machine that is busy with other tests. */
#define PATIENT MAYFLY_WHY_OPTIONS(.timeout_ms = 60000)

/* A test's exit code when it cannot run here. */
enum { TEST_SKIPPED = 77 };

#endif
