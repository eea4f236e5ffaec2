/* partition.c - kairn partition move: a log goes to another directory. */
#include <stdio.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"

enum { FOREVER_MS = 1000 * 3600 * 24 * 7 };

int partition_move(const struct args *args)
{
    int64_t timeout_ms, partition;
    int status;
    klient_error_t *error = NULL;
    const char *topic = args_operand(args, 0), *directory = args_value(args, "--dir");

    if (!args_number(args, "--partition", -1, 0, INT32_MAX, &partition))
        return EXIT_USAGE;
    if (partition < 0 || directory == NULL)
        return command_misuse(args, "--partition and --dir are needed");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    if (!args_has(args, "--timeout"))
        timeout_ms = FOREVER_MS;
    klient_code_t code = klient_admin_move_log(admin, topic, (int32_t)partition, directory,
                                               timeout_ms, &error);
    klient_admin_close(admin);
    if (code != KLIENT_OK)
        return connect_failed(args, error);
    if (args_json(args))
        json_line(json_pack("{s:s, s:i, s:s}", "topic", topic, "partition", (int)partition,
                            "directory", directory));
    else
        printf("moved %s-%d to %s\n", topic, (int)partition, directory);
    return EXIT_DONE;
}
