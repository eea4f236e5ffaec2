#include "tools/kairn/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* Of the process, like its signals. Lock-free, so a handler may write them. */
static atomic_int signals;
static atomic_llong first_ms;

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void on_signal(int number)
{
    (void)number;
    if (atomic_load(&signals) == 0) {
        atomic_store(&first_ms, now_ms());
    } else {
        signal(SIGINT, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
    }
    atomic_fetch_add(&signals, 1);
}

void interrupt_catch(void)
{
    struct sigaction stop = { .sa_handler = on_signal };

    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
}

bool interrupt_came(void)
{
    return atomic_load_explicit(&signals, memory_order_acquire) > 0;
}

int64_t interrupt_age_ms(void)
{
    return interrupt_came() ? now_ms() - atomic_load(&first_ms) : -1;
}

bool interrupt_gives_up(void)
{
    return atomic_load(&signals) > 1 || interrupt_age_ms() >= INTERRUPT_GRACE_MS;
}

int64_t interrupt_step(klient_config_t *config)
{
    char text[32] = "";
    klient_code_t code = klient_config_get(config, "max.block.ms", text, sizeof text, NULL);
    int64_t block_ms = strtoll(text, NULL, 10);

    if (code == KLIENT_OK && block_ms > INTERRUPT_STEP_MS) {
        snprintf(text, sizeof text, "%d", INTERRUPT_STEP_MS);
        klient_config_set(config, "max.block.ms", text, NULL);
    }
    return block_ms;
}
