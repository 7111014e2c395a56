/* Compiles, and finds out by itself that it is wrong: tea would be free. */
#include "prices.mf.h"

int self_test(void)
{
    return 0;
}

int shop_Prices_on_Ask(void *state, mayfly_call *call,
                       const shop_Question *question, shop_Price *price)
{
    price->version = 3;
    return 0;
}
