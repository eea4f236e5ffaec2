/* partition_reassign.c - kairn partition reassign: other brokers for the replicas of partitions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/moves.h"
#include "tools/kairn/plans.h"
#include "tools/kairn/table.h"

/* --- what is under way ------------------------------------------------------------------------ */

static void list_row(struct table *table, json_t *list, const klient_reassignment_t *row)
{
    char text[256];

    if (list != NULL) {
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:o, s:o, s:o}", "topic", row->topic,
                                        "partition", (int)row->partition, "replicas",
                                        json_ids(row->replicas, row->replica_count), "adding",
                                        json_ids(row->adding, row->adding_count), "removing",
                                        json_ids(row->removing, row->removing_count)));
        return;
    }
    table_add(table, "%s", row->topic);
    table_add(table, "%d", (int)row->partition);
    table_add(table, "%s", health_ids(text, sizeof text, row->replicas, row->replica_count));
    table_add(table, "%s", health_ids(text, sizeof text, row->adding, row->adding_count));
    table_add(table, "%s", health_ids(text, sizeof text, row->removing, row->removing_count));
}

static int show_list(const struct args *args, const klient_reassignments_t *reassignments)
{
    size_t count = klient_reassignments_count(reassignments);
    json_t *list = args_json(args) ? json_array() : NULL;
    struct table *table =
        list == NULL && count > 0 ? table_new("TOPIC >PARTITION REPLICAS ADDING REMOVING") : NULL;

    for (size_t i = 0; i < count; i++) {
        klient_reassignment_t row = { .size = sizeof row };
        klient_reassignments_get(reassignments, i, &row);
        list_row(table, list, &row);
    }
    if (list != NULL)
        json_line(list);
    else if (table != NULL)
        table_print(table);
    else
        printf("no reassignment is under way\n");
    return EXIT_DONE;
}

/* `chosen`: of the layout; NULL: all. */
static int cancel(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                  const klient_reassignments_t *reassignments, const struct layout *layout,
                  const bool *chosen)
{
    size_t all = klient_reassignments_count(reassignments), count = 0;
    klient_reassignment_t *rows = calloc(all + 1, sizeof *rows);
    const klient_reassignment_t **wishes = calloc(all + 1, sizeof *wishes);
    klient_error_t *error = NULL;
    int status = EXIT_DONE;

    for (size_t i = 0; rows != NULL && wishes != NULL && i < all; i++) {
        klient_reassignment_t row = { .size = sizeof row };
        klient_reassignments_get(reassignments, i, &row);
        int64_t at = layout_find(layout, row.topic, row.partition);
        if (chosen != NULL && (at < 0 || !chosen[at]))
            continue;
        rows[count] = (klient_reassignment_t){ .size = sizeof row, .topic = row.topic,
                                               .partition = row.partition };
        wishes[count] = &rows[count];
        count++;
    }
    if (rows == NULL || wishes == NULL)
        status = command_failed(args, "out of memory");
    else if (count > 0 && klient_admin_alter_reassignments(admin, wishes, count, timeout_ms, NULL,
                                                           &error) != KLIENT_OK)
        status = connect_failed(args, error);
    if (status == EXIT_DONE && args_json(args))
        json_line(json_pack("{s:i}", "cancelled", (int)count));
    else if (status == EXIT_DONE)
        printf("cancelled %zu reassignments\n", count);
    free(wishes);
    free(rows);
    return status;
}

static int list_or_cancel(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                          const struct layout *layout)
{
    klient_reassignments_t *reassignments = NULL;
    klient_error_t *error = NULL;
    bool *chosen = NULL;
    int status = EXIT_FAILED;

    if (klient_admin_list_reassignments(admin, timeout_ms, &reassignments, &error) != KLIENT_OK)
        return connect_failed(args, error);
    if (args_has(args, "--list"))
        status = show_list(args, reassignments);
    else if (args_operand_count(args) == 0)
        status = cancel(args, admin, timeout_ms, reassignments, layout, NULL);
    else if ((chosen = layout_choose(args, NULL, layout)) != NULL)
        status = cancel(args, admin, timeout_ms, reassignments, layout, chosen);
    free(chosen);
    klient_reassignments_free(reassignments);
    return status;
}

/* --- what is wanted --------------------------------------------------------------------------- */

/* Change one partition's replicas as the flags say. False: said. */
static bool edit(const struct args *args, const struct planner_replicas *to,
                 const struct planner_replicas *add, const struct planner_replicas *remove,
                 struct planner_replicas *set)
{
    struct planner_replicas out = { 0 };

    if (to->count > 0)
        *set = *to;
    for (int32_t i = 0; i < set->count; i++)
        if (!planner_has(remove, set->ids[i]))
            out.ids[out.count++] = set->ids[i];
    for (int32_t i = 0; i < add->count; i++) {
        if (planner_has(&out, add->ids[i]))
            continue;
        if (out.count == PLANNER_REPLICAS_MAX) {
            command_failed(args, "a partition has at most %d replicas", PLANNER_REPLICAS_MAX);
            return false;
        }
        out.ids[out.count++] = add->ids[i];
    }
    if (out.count == 0) {
        command_failed(args, "a partition needs at least one replica");
        return false;
    }
    *set = out;
    return true;
}

/* --to, --add and --remove for what is chosen. */
static bool edit_chosen(const struct args *args, const struct layout *layout, const bool *chosen,
                        struct planner_replicas *wanted)
{
    static const char *const flags[] = { "--to", "--add", "--remove" };
    struct planner_replicas ids[3] = { 0 };

    for (int i = 0; i < 3; i++) {
        const char *text = args_value(args, flags[i]);
        if (text == NULL || layout_ids(text, &ids[i]))
            continue;
        command_misuse(args, "%s takes broker ids as 1,2,3, each once, not '%s'", flags[i], text);
        return false;
    }
    for (size_t p = 0; p < layout->partition_count; p++)
        if (chosen[p] && !edit(args, &ids[0], &ids[1], &ids[2], &wanted[p]))
            return false;
    return true;
}

/* One element of Kafka's file. False: said. */
static bool take_entry(const struct args *args, const struct layout *layout, json_t *entry,
                       size_t index, bool *chosen, struct planner_replicas *wanted)
{
    const char *topic = json_string_value(json_object_get(entry, "topic"));
    json_t *number = json_object_get(entry, "partition"), *ids = json_object_get(entry, "replicas");
    struct planner_replicas set = { 0 };
    json_t *value;
    size_t i;

    int64_t at = topic != NULL && json_is_integer(number)
                     ? layout_find(layout, topic, json_integer_value(number))
                     : -1;
    json_array_foreach(ids, i, value)
    {
        json_int_t id = json_is_integer(value) ? json_integer_value(value) : -1;
        if (id < 0 || id > INT32_MAX || set.count == PLANNER_REPLICAS_MAX) {
            set.count = 0;
            break;
        }
        set.ids[set.count++] = (int32_t)id;
    }
    json_array_foreach(json_object_get(entry, "log_dirs"), i, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), "any") == 0)
            continue;
        command_failed(args, "entry %zu: log directories are chosen by kairn partition move",
                       index);
        return false;
    }
    if (at < 0 || set.count == 0) {
        command_failed(args, "entry %zu: %s", index,
                       at < 0 ? "topic and partition name none that there is"
                              : "replicas is not a list of 1 to 16 broker ids");
        return false;
    }
    chosen[at] = true;
    wanted[at] = set;
    return true;
}

/* {"version":1,"partitions":[{"topic":"t","partition":0,"replicas":[1,2,3]}]} */
static bool read_file(const struct args *args, const struct layout *layout, bool *chosen,
                      struct planner_replicas *wanted)
{
    const char *path = args_value(args, "--file");
    json_error_t why;
    json_t *root = strcmp(path, "-") == 0 ? json_loadf(stdin, 0, &why)
                                          : json_load_file(path, 0, &why);
    json_t *list = json_object_get(root, "partitions"), *entry;
    size_t index;
    bool read = json_is_array(list);

    if (root == NULL)
        command_failed(args, "%s: line %d: %s", path, why.line, why.text);
    else if (!read)
        command_failed(args, "%s: has no list \"partitions\"", path);
    json_array_foreach(list, index, entry)
    {
        if (!take_entry(args, layout, entry, index, chosen, wanted)) {
            read = false;
            break;
        }
    }
    json_decref(root);
    return read;
}

static int reassign(const struct args *args, klient_admin_t *admin, int64_t timeout_ms,
                    struct layout *layout)
{
    int64_t factor;
    bool *chosen = layout_choose(args, NULL, layout);
    struct planner_replicas *wanted = calloc(layout->partition_count + 1, sizeof *wanted);
    int status = EXIT_FAILED;

    if (wanted == NULL)
        status = command_failed(args, "out of memory");
    for (size_t p = 0; wanted != NULL && p < layout->partition_count; p++)
        wanted[p] = layout->partitions[p].replicas;
    if (chosen == NULL || wanted == NULL) {
        /* said */
    } else if (!args_number(args, "--replication-factor", 0, 1, PLANNER_REPLICAS_MAX, &factor)) {
        status = EXIT_USAGE;
    } else if (factor > 0) {
        for (size_t p = 0; p < layout->partition_count; p++)
            layout->partitions[p].factor = chosen[p] ? (int32_t)factor : 0;
        status = plans_run(args, admin, timeout_ms, layout, &(struct planner_task){ 0 });
    } else if (args_has(args, "--file") ? read_file(args, layout, chosen, wanted)
                                        : edit_chosen(args, layout, chosen, wanted)) {
        status = plans_run(args, admin, timeout_ms, layout,
                           &(struct planner_task){ .wanted = wanted });
    }
    free(wanted);
    free(chosen);
    return status;
}

int partition_reassign(const struct args *args)
{
    int64_t timeout_ms;
    int status;
    struct layout layout;
    bool edits =
        args_has(args, "--to") || args_has(args, "--add") || args_has(args, "--remove");
    int modes = args_has(args, "--list") + args_has(args, "--cancel") + args_has(args, "--file") +
                args_has(args, "--replication-factor") + edits;

    if (modes != 1)
        return command_misuse(args, "one of --to, --add and --remove, --replication-factor, "
                                    "--file, --list or --cancel is needed");
    bool names = edits || args_has(args, "--replication-factor");
    if (names != (args_operand_count(args) > 0) && !args_has(args, "--cancel"))
        return command_misuse(args, names ? "name partitions: TOPIC or TOPIC:P,P..."
                                          : "takes no partitions beside --file or --list");
    klient_admin_t *admin = connect_admin(args, &timeout_ms, &status);
    if (admin == NULL)
        return status;
    bool asks = args_has(args, "--list") || args_has(args, "--cancel");
    status = EXIT_FAILED;
    if (layout_read(args, admin, timeout_ms, !asks, &layout)) {
        status = asks ? list_or_cancel(args, admin, timeout_ms, &layout)
                      : reassign(args, admin, timeout_ms, &layout);
        layout_free(&layout);
    }
    klient_admin_close(admin);
    return status;
}
