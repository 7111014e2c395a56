/*
 * Messages as structs: filled from the stack and from an arena, encoded, decoded
 * and read. docs/messages.md explains.
 *
 *     messages order.proto
 */
#include <mayfly/mayfly.h>

#include "order.mf.h"

#include <stdio.h>

/* Everything that the message needs is there already: nothing is copied. */
static int from_the_stack(mayfly_context *context, mayfly_arena *arena,
                          mayfly_bytes *ret_wire, mayfly_error *err)
{
    shop_Address address = { .city = MAYFLY_STR("London") };
    shop_Order order = {
        .customer = MAYFLY_STR("ada"),
        .state = shop_State_PAID,
        .address = &address,
        .items = MAYFLY_ITEMS(shop_Item,
                              { .name = MAYFLY_STR("gear"), .count = 12 },
                              { .name = MAYFLY_STR("card"), .count = 1000 }),
        .marks = MAYFLY_ITEMS(int32_t, 1, -2, 3),
        .prices = MAYFLY_ITEMS(shop_Order_PricesEntry,
                               { .key = MAYFLY_STR("gear"), .value = 0.5 }),
    };

    shop_Order_set_priority(&order, 0); /* zero, and said so */
    shop_Order_set_card(&order, mayfly_str_of("4242"));
    return shop_Order_encode(context, &order, arena, ret_wire, err);
}

/* The same where it is not known beforehand how much there will be. */
static int from_an_arena(mayfly_context *context, mayfly_arena *arena,
                         size_t n_items, mayfly_bytes *ret_wire,
                         mayfly_error *err)
{
    shop_Order order = { .customer = MAYFLY_STR("grace") };
    shop_Address *address = shop_Order_new_address(&order, arena);

    if (address)
        address->city = mayfly_str_of("New York");
    for (size_t i = 0; address && i < n_items; i++) {
        shop_Item *item = shop_Order_add_items(&order, arena);
        if (!item)
            break;
        item->name = mayfly_arena_printf(arena, "item %zu", i);
        item->count = (uint32_t)i;
    }
    return shop_Order_encode(context, &order, arena, ret_wire, err);
}

static int show(mayfly_context *context, mayfly_arena *arena, mayfly_bytes wire,
                mayfly_error *err)
{
    shop_Order *order;
    int code = shop_Order_decode(context, wire, arena, &order, err);

    if (code != 0)
        return code;
    printf("%.*s of %.*s, %zu items", (int)order->customer.len,
           order->customer.ptr,
           order->address ? (int)order->address->city.len : 0,
           order->address ? order->address->city.ptr : "", order->items.n);
    if (shop_Order_has_priority(order))
        printf(", priority %d", (int)order->priority);
    if (order->payment_case == shop_Order_case_card)
        printf(", card %.*s", (int)order->card.len, order->card.ptr);
    if (order->state == shop_State_PAID)
        printf(", paid");
    printf("\n");
    for (size_t i = 0; i < order->items.n; i++)
        printf("  %u x %.*s\n", (unsigned)order->items.items[i].count,
               (int)order->items.items[i].name.len,
               order->items.items[i].name.ptr);
    return 0;
}

/* Assigned, and not set: sent to nobody unless somebody looks. */
static void forgotten(mayfly_context *context, mayfly_arena *arena)
{
    const shop_Order order = { .priority = 7 };
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_bytes wire;

    if (shop_Order_encode(context, &order, arena, &wire, &err) != 0)
        printf("refused: %s\n", err.message);
}

int main(int argc, char **argv)
{
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host = NULL;
    mayfly_context *context = NULL;
    mayfly_arena *arena = NULL;
    mayfly_bytes wire;
    int code;

    if (argc != 2)
        return fprintf(stderr, "usage: messages SCHEMA\n"), 2;
    code = mayfly_host_new(NULL, &host, &err);
    if (code == 0)
        code = mayfly_load_file(host, "shop", argv[1],
                                MAYFLY_LOAD_OPTIONS(.strict_presence = 1),
                                &context, &err);
    if (code == 0)
        code = mayfly_arena_new(host, 0, &arena, &err);
    if (code == 0)
        code = from_the_stack(context, arena, &wire, &err);
    if (code == 0)
        code = show(context, arena, wire, &err);
    if (code == 0)
        code = from_an_arena(context, arena, 3, &wire, &err);
    if (code == 0)
        code = show(context, arena, wire, &err);
    if (code == 0)
        forgotten(context, arena);
    else
        fprintf(stderr, "%s\n", err.message);
    mayfly_arena_free(arena);
    mayfly_context_unref(context);
    mayfly_host_free(host);
    return code == 0 ? 0 : 1;
}
