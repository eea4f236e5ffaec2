/* An application whose memory fails while it uses libklient: calls end with an error, handles may
 * not come to be, and all that came to be can be closed. The broker has what it needs. */
#include <string.h>

#include "common/log.h"
#include "tests/fuzz/client/scripts.h"
#include "tests/torture/memory.h"
#include "tests/torture/torture.h"

static bool is_ours(const char *thread)
{
    return strcmp(thread, "fake") != 0;
}

/* A choice of what a script may choose. */
static const struct {
    unsigned script;
    uint8_t choices[2];
} lives[] = {
    { SCRIPT_PRODUCE, { 0 } },    { SCRIPT_PRODUCE, { 1 } },    { SCRIPT_CONSUME, { 24 } },
    { SCRIPT_TAKE_PART, { 0 } },  { SCRIPT_TAKE_PART, { 2 } },  { SCRIPT_ADMINISTER, { 0 } },
    { SCRIPT_ADMINISTER, { 1 } }, { SCRIPT_ADMINISTER, { 2 } },
};
enum { LIVES = sizeof lives / sizeof *lives };

static long with_memory(int life, long n, bool lasting)
{
    const uint8_t *choices = lives[life].choices;
    struct input input = { choices, choices + sizeof lives[life].choices };

    log_set_level(LOG_LEVEL_OFF);
    memory_set_threads(is_ours);
    struct fake *fake = fake_new(1);
    fake_add_topic(fake, "t", 2);
    script_store(fake);
    klient_config_t *config = script_config(fake);

    memory_fail_at(n, lasting);
    script_run(lives[life].script, config, &input);
    long failed = memory_heal();
    klient_config_free(config);
    fake_free(fake);
    return failed;
}

int main(int argc, char **argv)
{
    static const struct torture rows[] = { { "memory", with_memory, LIVES } };

    return torture_main(argc, argv, rows, 1);
}
