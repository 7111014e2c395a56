/* Does not want to be loaded. */
#include <mayfly/handlers.h>
#include <stdio.h>

int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err)
{
    snprintf(err->message, sizeof err->message, "no configuration");
    return 3;
}
