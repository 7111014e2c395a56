#include <mayfly/background.h>
#include <mayfly/handlers.h>

#include <stdio.h>
#include <unistd.h>

static int ticks;

static void sweep(void *state)
{
    ++*(int *)state;
}

static void deliver(mayfly_thread *self, void *state)
{
    while (!mayfly_thread_wait(self, 1000))
        ; /* until it is told to stop */
    puts(*(int *)state ? "stopped after some ticks" : "too early");
}

int mayfly_on_load(const mayfly_handover *from, void **ret_state,
                   mayfly_error *err)
{
    void *state = &ticks;
    if (mayfly_context_timer(mayfly_self(),
                             MAYFLY_TIMER_OPTIONS(.every_ms = 5),
                             sweep, state, NULL, err) != 0)
        return err->code;
    return mayfly_context_thread(mayfly_self(), "deliver", deliver,
                                 state, NULL, err);
}

int main(void)
{
    while (!ticks)
        usleep(1000);
    puts("main ends");
    return 0;
}
