/* libklient and a broker that means harm: answers that were good are changed on their way, some of
 * them, as the fuzzer likes, while a producer, a consumer, a member of a group or an administrator
 * does a few things.
 *
 * Nobody crashes; each call comes back in its time; what is handed out can be read to its end. */
#include <stdlib.h>
#include <time.h>

#include "common/log.h"
#include "tests/fuzz/client/mangle.h"
#include "tests/fuzz/client/scripts.h"
#include "tests/fuzz/target.h"

enum { TOO_LONG_MS = 10000 };       /* for a script: far beyond the sum of its time-outs */

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, data + size };
    struct mangle mangle;
    unsigned script = input_below(&input, SCRIPTS);

    log_set_level(LOG_LEVEL_OFF);
    struct fake *fake = fake_new(1);
    fake_add_topic(fake, "t", 2);
    script_store(fake);
    mangle_read(&mangle, &input);
    fake_set_mangler(fake, mangle_answer, &mangle);
    klient_config_t *config = script_config(fake);

    int64_t before_ms = now_ms();
    script_run(script, config, &input);
    if (now_ms() - before_ms > TOO_LONG_MS)
        abort();
    klient_config_free(config);
    fake_free(fake);
    return 0;
}
