/* log.c - kairn log dump: look into the files of a log directory. */
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "server/storage/dump.h"
#include "tools/kairn/command.h"
#include "tools/kairn/json.h"
#include "tools/kairn/log_value.h"

/* Whose lines follow. */
static void name_file(const char *path, bool json)
{
    if (!json) {
        printf("file %s\n", path);
        return;
    }
    json_t *object = json_object();
    json_set_bytes(object, "file", path, strlen(path));
    json_line(object);
}

/* The printer that --key or --value names; false: said, wrong usage. */
static bool find_printer(const struct args *args, const char *flag, log_dump_value **out)
{
    const char *name = args_value(args, flag);

    *out = name == NULL ? NULL : log_value_find(name);
    if (name != NULL && *out == NULL) {
        command_misuse(args, "%s takes %s, not \"%s\"", flag, LOG_VALUE_NAMES, name);
        return false;
    }
    return true;
}

int log_dump_file(const struct args *args)
{
    struct log_dump_options options = {
        .records = args_has(args, "--records"),
        .summary_only = args_has(args, "--summary"),
        .json = args_json(args),
    };
    if (!find_printer(args, "--key", &options.key) ||
        !find_printer(args, "--value", &options.value) ||
        !args_number(args, "--from", 0, 0, INT64_MAX, &options.from) ||
        !args_number(args, "--to", INT64_MAX - 1, 0, INT64_MAX - 1, &options.end))
        return EXIT_USAGE;
    if (options.end++ < options.from)
        return command_misuse(args, "--to comes before --from");
    int status = EXIT_DONE;
    bool several = args_operand_count(args) > 1;

    for (size_t i = 0; i < args_operand_count(args); i++) {
        struct k_reason reason = { "" };
        if (several)
            name_file(args_operand(args, i), options.json);
        if (log_dump(args_operand(args, i), &options, stdout, &reason) != 0)
            status = command_failed(args, "%s", reason.text);
    }
    return status;
}
