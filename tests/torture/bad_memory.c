/* bad_memory.c - makes of kairnd one whose memory fails (tests/torture/start).
 *
 * With KAIRN_BAD_ALLOCATION=N the N-th allocation of the process fails, counted from before main();
 * with KAIRN_BAD_MS=M so do all that follow within M milliseconds. Who asked for the first is told
 * on standard error, as addresses, and at the end how many failed. */
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/torture/memory.h"

enum { FRAMES_MAX = 24 };

static long lasts_ms;

static bool all(const char *thread)
{
    (void)thread;
    return true;
}

static void heal(int number)
{
    (void)number;
    memory_heal();
}

static void first_failed(void)
{
    const struct itimerval after = { .it_value.tv_usec = lasts_ms * 1000 };
    void *frames[FRAMES_MAX];

    setitimer(ITIMER_REAL, &after, NULL);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
}

/* The guardian is this program, too, with the same environment: its memory is well. */
static long take(const char *name)
{
    const char *text = getenv(name);
    long number = text != NULL ? atol(text) : 0;

    unsetenv(name);
    return number;
}

__attribute__((constructor)) static void begin(void)
{
    long n = take("KAIRN_BAD_ALLOCATION");

    lasts_ms = take("KAIRN_BAD_MS");
    signal(SIGALRM, heal);
    memory_set_threads(all);
    memory_set_witness(first_failed);
    if (n > 0)
        memory_fail_at(n, lasts_ms > 0);
}

__attribute__((destructor)) static void end(void)
{
    fprintf(stderr, "torture: %ld failed\n", memory_heal());
}
