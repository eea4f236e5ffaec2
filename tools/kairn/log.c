/* log.c - kairn log dump: look into the files of a log directory. */
#include <stdio.h>

#include "common/error.h"
#include "server/storage/dump.h"
#include "tools/kairn/command.h"

int log_dump_file(const struct args *args)
{
    struct log_dump_options options = {
        .records = args_has(args, "--records"),
        .summary_only = args_has(args, "--summary"),
        .json = args_json(args),
    };
    int status = EXIT_DONE;

    for (size_t i = 0; i < args_operand_count(args); i++) {
        struct k_reason reason = { "" };
        if (log_dump(args_operand(args, i), &options, stdout, &reason) != 0)
            status = command_failed(args, "%s", reason.text);
    }
    return status;
}
