/* group_reset.c - kairn group reset: a group goes on reading elsewhere. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/group_reset.h"
#include "tools/kairn/group_view.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

/* --- what is asked for ------------------------------------------------------------------------ */

static bool read_shift(const struct args *args, int64_t *out)
{
    const char *text = args_value(args, "--shift");
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out != INT64_MIN;
}

static int read_file(struct reset *reset)
{
    const char *path = args_value(reset->args, "--file"), *why;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (in == NULL)
        return command_failed(reset->args, "%s: %s", path, strerror(errno));
    size_t wrong = offsets_file_read(in, reset->group, &reset->file, &why);
    if (in != stdin)
        fclose(in);
    if (wrong > 0)
        return command_failed(reset->args, "%s, line %zu: %s", path, wrong, why);
    return reset->file.count > 0
               ? EXIT_DONE
               : command_failed(reset->args, "%s has no line for group %s", path, reset->group);
}

static int read_wish(struct reset *reset)
{
    const struct args *args = reset->args;
    const char *to = args_value(args, "--to"), *ago = args_value(args, "--ago");
    int64_t ms;

    if (args_has(args, "--to") + args_has(args, "--ago") + args_has(args, "--shift") +
            args_has(args, "--file") != 1)
        return command_misuse(args, "where to? One of --to, --ago, --shift and --file says it");
    if (args_has(args, "--file") && args_has(args, "--topic"))
        return command_misuse(args, "--file names the partitions: --topic does not go with it");
    if (args_has(args, "--export") && args_json(args))
        return command_misuse(args, "--export and --json are two ways to print: choose one");
    if (to != NULL && !place_read(to, true, &reset->place))
        return command_misuse(args, "--to takes current, " PLACE_HELP "; not '%s'", to);
    if (ago != NULL && !moment_read_duration(ago, &ms))
        return command_misuse(args, "--ago takes a duration such as 90s, 2h30m or 1d, not '%s'",
                              ago);
    if (ago != NULL) {
        int64_t now_ms = clock_wall_ms(&clock_system);
        reset->place = (struct place){ PLACE_TIME, now_ms > ms ? now_ms - ms : 0 };
    }
    if (args_has(args, "--shift")) {
        reset->kind = RESET_SHIFT;
        if (!read_shift(args, &reset->shift))
            return command_misuse(args, "--shift takes a number of records, such as 100 or -100");
    }
    if (!args_has(args, "--file"))
        return EXIT_DONE;
    reset->kind = RESET_FILE;
    return read_file(reset);
}

/* --- doing it --------------------------------------------------------------------------------- */

/* A member would go on where it is, and commit that. False: said. */
static bool check_members(const struct reset *reset)
{
    klient_groups_t *groups = NULL;
    klient_error_t *error = NULL;

    if (klient_admin_describe_groups(reset->admin, &reset->group, 1, reset->timeout_ms, &groups,
                                     &error) != KLIENT_OK)
        return connect_failed(reset->args, error) == EXIT_DONE;
    klient_group_info_t group = group_at(groups, 0);
    bool known = group.code == KLIENT_OK || group.code == KLIENT_GROUP_ID_NOT_FOUND;
    bool dry = args_has(reset->args, "--dry-run");
    if (!known) {
        command_failed(reset->args, "%s: %s: %s", reset->group, klient_code_name(group.code),
                       group.reason);
        connect_advise(reset->args, group.code);
    } else if (group.member_count > 0 && dry) {
        fprintf(stderr, "group %s is %s and has members: it could not be reset now\n",
                reset->group, klient_group_state_name(group.state));
    } else if (group.member_count > 0) {
        command_failed(reset->args, "%s: NON_EMPTY_GROUP: the group is %s, with %zu member%s",
                       reset->group, klient_group_state_name(group.state), group.member_count,
                       group.member_count == 1 ? "" : "s");
        connect_advise(reset->args, KLIENT_NON_EMPTY_GROUP);
    }
    bool may = known && (group.member_count == 0 || dry);
    klient_groups_free(groups);
    return may;
}

static int alter(struct reset *reset)
{
    size_t count = reset->rows.count;
    klient_offset_t *offsets = calloc(count + 1, sizeof *offsets);
    const klient_offset_t **pointers = calloc(count + 1, sizeof *pointers);
    klient_error_t *error = NULL;
    klient_code_t code = KLIENT_NOMEM;

    for (size_t i = 0; offsets != NULL && pointers != NULL && i < count; i++) {
        klient_offset_init(&offsets[i]);
        offsets[i].topic = reset->rows.items[i].topic;
        offsets[i].partition = reset->rows.items[i].partition;
        offsets[i].offset = reset->targets[i];
        pointers[i] = &offsets[i];
        reset->codes[i] = KLIENT_REQUEST_TIMED_OUT;         /* of those without an answer */
    }
    if (offsets != NULL && pointers != NULL)
        code = klient_admin_alter_group_offsets(reset->admin, reset->group, pointers, count,
                                                reset->timeout_ms, reset->codes, &error);
    free(offsets);
    free(pointers);
    if (code == KLIENT_OK)
        return EXIT_DONE;
    return error != NULL ? connect_failed(reset->args, error)
                         : command_failed(reset->args, "%s", klient_code_text(code));
}

static void print_json(const struct reset *reset)
{
    json_t *list = json_array();

    for (size_t i = 0; i < reset->rows.count; i++) {
        const struct group_row *row = &reset->rows.items[i];
        json_t *object = json_pack("{s:s, s:s, s:i, s:o, s:I, s:b}", "group", reset->group,
                                   "topic", row->topic, "partition", (int)row->partition, "from",
                                   row->committed >= 0 ? json_integer(row->committed)
                                                       : json_null(),
                                   "to", (json_int_t)reset->targets[i], "done",
                                   reset->codes[i] == KLIENT_OK &&
                                       !args_has(reset->args, "--dry-run"));
        if (reset->codes[i] != KLIENT_OK)
            json_object_set_new(object, "error", json_string(klient_code_name(reset->codes[i])));
        json_array_append_new(list, object);
    }
    json_line(list);
}

static void print_table(const struct reset *reset)
{
    struct table *table = table_new("TOPIC >PARTITION >FROM >TO >BY");

    for (size_t i = 0; i < reset->rows.count; i++) {
        const struct group_row *row = &reset->rows.items[i];
        table_add(table, "%s", row->topic);
        table_add(table, "%d", (int)row->partition);
        if (row->committed >= 0)
            table_add(table, "%" PRId64, row->committed);
        else
            table_add(table, "-");
        if (reset->codes[i] == KLIENT_OK)
            table_add(table, "%" PRId64, reset->targets[i]);
        else
            table_add(table, "%s", klient_code_name(reset->codes[i]));
        if (reset->codes[i] == KLIENT_OK && row->committed >= 0)
            table_add(table, "%+" PRId64, reset->targets[i] - row->committed);
        else
            table_add(table, "%s", "");
    }
    table_print(table);
}

static void print(const struct reset *reset)
{
    if (args_json(reset->args)) {
        print_json(reset);
    } else if (args_has(reset->args, "--export")) {
        for (size_t i = 0; i < reset->rows.count; i++)
            if (reset->codes[i] == KLIENT_OK)
                offsets_file_print(stdout, reset->rows.items[i].topic,
                                   reset->rows.items[i].partition, reset->targets[i]);
    } else {
        print_table(reset);
        if (args_has(reset->args, "--dry-run"))
            printf("nothing is changed: --dry-run\n");
    }
}

static int run(struct reset *reset)
{
    int status = EXIT_DONE;

    if (!check_members(reset) || !group_reset_plan(reset))
        return EXIT_FAILED;
    if (!args_has(reset->args, "--dry-run") && reset->rows.count > 0)
        status = alter(reset);
    print(reset);
    return status;
}

int group_reset(const struct args *args)
{
    struct reset reset = { .args = args, .group = args_operand(args, 0) };
    int status = read_wish(&reset);

    if (status == EXIT_DONE)
        reset.admin = connect_admin(args, &reset.timeout_ms, &status);
    if (reset.admin != NULL)
        status = run(&reset);
    offsets_file_free(&reset.file);
    klient_offsets_free(reset.offsets);
    layout_free(&reset.layout);
    free(reset.rows.items);
    free(reset.targets);
    free(reset.codes);
    klient_admin_close(reset.admin);
    return status;
}
