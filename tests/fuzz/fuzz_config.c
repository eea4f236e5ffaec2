/* Files of properties with the names that brokers serve, and those that topics override. Each is
 * taken or refused with a reason, and what was taken is taken again as it is printed. The first
 * byte of the input chooses whose it is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config.h"
#include "server/runtime/topic_config.h"
#include "tests/fuzz/memory_file.h"
#include "tests/fuzz/target.h"

enum { TEXT_SIZE = 4096, LOCAL_INDEX = 2 };

/* What options_format() has room for is what was set. */
static void check_values(const struct config *config)
{
    struct k_reason reason;

    for (size_t i = 0; i < config_table.count; i++) {
        const struct option *row = &config_table.rows[i];
        char text[TEXT_SIZE];
        if (config->sources[i] != OPTION_FROM_FILE ||
            (row->flags & (OPTION_NOT_YET | OPTION_NO_EFFECT | OPTION_SECRET)) != 0)
            continue;
        options_format(row, config, text, sizeof text);
        if (strlen(text) < sizeof text - 1 &&
            options_check(&config_table, row->name, text, &reason) != 0)
            abort();
    }
}

static void try_broker(const char *path)
{
    struct k_reason reason = { "" };
    struct config config, copy, local;

    if (config_init(&config) != 0)
        abort();
    if (config_read_file(&config, path, &reason) != 0 && reason.text[0] == '\0')
        abort();
    check_values(&config);
    config_settle(&config);
    if (config_copy(&config, &copy) != 0)
        abort();
    config_fini(&copy);
    reason.text[0] = '\0';
    if (config_for_local(&config, LOCAL_INDEX, &local, &reason) == 0)
        config_fini(&local);
    else if (reason.text[0] == '\0')
        abort();
    reason.text[0] = '\0';
    if (config_check(&config, &reason) != 0 && reason.text[0] == '\0')
        abort();
    config_fini(&config);
}

/* A line of it as somebody gives it with a topic. */
static int try_override(void *context, const char *name, const char *value,
                        struct k_reason *reason)
{
    (void)context;
    reason->text[0] = '\0';
    if (options_check(&topic_config_table, name, value, reason) != 0 && reason->text[0] == '\0')
        abort();
    return 0;
}

static void try_topic(const char *path)
{
    struct k_reason reason = { "" };

    if (options_read_lines(path, try_override, NULL, &reason) != 0 && reason.text[0] == '\0')
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(const char *) = { try_broker, try_topic };

    if (size > 0)
        readers[data[0] % 2](memory_file_with(data + 1, size - 1));
    return 0;
}
