/* Its names sort behind those of the first. */
#include <stdlib.h>

__attribute__((constructor)) static void loaded(void)
{
    setenv("MAYFLY_TEST_SECOND", "loaded", 1);
}

int of_second(void);
int of_second(void)
{
    return 200;
}

int of_both(void);
int of_both(void)
{
    return 201;
}

static int hidden(void)
{
    return 202;
}

int (*of_second_hidden)(void) = hidden;
