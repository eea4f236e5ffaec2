/* group_import.c - kairn group import: offsets that stand in ZooKeeper are committed. */
#include <inttypes.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/json.h"
#include "tools/kairn/table.h"

static klient_offset_t row_of(const klient_offsets_t *offsets, size_t index)
{
    klient_offset_t row = { .size = sizeof row };

    klient_offsets_get(offsets, index, &row);
    return row;
}

static void print_json(const klient_offsets_t *offsets)
{
    json_t *list = json_array();

    for (size_t i = 0; i < klient_offsets_count(offsets); i++) {
        const klient_offset_t row = row_of(offsets, i);
        json_t *object = json_pack("{s:s}", "topic", row.topic);
        if (row.partition >= 0)
            json_object_set_new(object, "partition", json_integer(row.partition));
        if (row.code == KLIENT_OK) {
            json_object_set_new(object, "offset", json_integer(row.offset));
        } else {
            json_object_set_new(object, "error", json_string(klient_code_name(row.code)));
            json_object_set_new(object, "reason", json_string(row.metadata));
        }
        json_array_append_new(list, object);
    }
    json_line(list);
}

static void print_table(const klient_offsets_t *offsets)
{
    struct table *table = table_new("TOPIC >PARTITION >OFFSET LEFT-OUT");

    for (size_t i = 0; i < klient_offsets_count(offsets); i++) {
        const klient_offset_t row = row_of(offsets, i);
        table_add(table, "%s", row.topic);
        if (row.partition >= 0)
            table_add(table, "%" PRId32, row.partition);
        else
            table_add(table, "-");
        if (row.code == KLIENT_OK)
            table_add(table, "%" PRId64, row.offset);
        else
            table_add(table, "-");
        table_add(table, "%s", row.metadata);
    }
    table_print(table);
}

static bool is_whole(const klient_offsets_t *offsets)
{
    for (size_t i = 0; i < klient_offsets_count(offsets); i++)
        if (row_of(offsets, i).code != KLIENT_OK)
            return false;
    return true;
}

int group_import(const struct args *args)
{
    klient_offsets_t *offsets = NULL;
    klient_error_t *error = NULL;
    int64_t timeout_ms;
    int status;

    if (!args_has(args, "--from-zookeeper"))
        return command_misuse(args, "--from-zookeeper is needed: nothing else can be read");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    klient_code_t code = klient_admin_import_group_offsets(admin, args_operand(args, 0),
                                                           timeout_ms, &offsets, &error);
    klient_admin_close(admin);
    if (code != KLIENT_OK)
        return connect_failed(args, error);
    if (args_json(args))
        print_json(offsets);
    else
        print_table(offsets);
    status = is_whole(offsets) ? EXIT_DONE : EXIT_FAILED;
    klient_offsets_free(offsets);
    return status;
}
