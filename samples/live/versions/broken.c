/* Does not compile. */
#include "prices.mf.h"

int self_test(void)
{
    return 1
}
