#include "tools/kairn/watch.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

int watch_run(const struct args *args, int (*look)(struct watch *watch, void *context),
              void *context)
{
    struct watch watch = { .args = args };
    struct timespec due;

    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        int status = look(&watch, context);
        if (status != EXIT_DONE)
            return status;
        if (!args_has(args, "--watch") || fflush(stdout) != 0)
            return watch.found;
        watch.again = true;
        due.tv_sec++;
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    }
}

void watch_page(const struct watch *watch)
{
    if (args_has(watch->args, "--watch") && !args_json(watch->args))
        fputs(isatty(STDOUT_FILENO) ? "\033[H\033[J" : watch->again ? "\n" : "", stdout);
}
