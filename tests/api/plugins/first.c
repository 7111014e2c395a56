/* Says when it is loaded; defines what others do, too. */
#include <stdlib.h>

__attribute__((constructor)) static void loaded(void)
{
    setenv("MAYFLY_TEST_FIRST", "loaded", 1);
}

int of_first(void);
int of_first(void)
{
    return 100;
}

int of_both(void);
int of_both(void)
{
    return 101;
}

__thread int of_thread;
