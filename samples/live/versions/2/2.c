/* Version 2: prices have gone up, and are of several at once. */
#include "prices.mf.h"

static int64_t price_of(mayfly_str item, uint32_t count)
{
    return 110 * (int64_t)item.len * (count ? count : 1);
}

int self_test(void)
{
    return price_of(mayfly_str_of("tea"), 2) == 660;
}

int shop_Prices_on_Ask(void *state, mayfly_call *call,
                       const shop_Question *question, shop_Price *price)
{
    price->cents = price_of(question->item, question->count);
    price->version = 2;
    price->currency = mayfly_str_of("EUR");
    return 0;
}
