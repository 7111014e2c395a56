/*
 * base/version.c: which mayfly this is.
 *
 * The macros are of the headers that a program was compiled against; this is of
 * the library that it runs with, which for the shared one may be another.
 */
#include <mayfly/types.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

const char *mayfly_version(void)
{
    return TEXT(MAYFLY_VERSION_MAJOR) "." TEXT(MAYFLY_VERSION_MINOR) "." TEXT(
        MAYFLY_VERSION_PATCH);
}
