/* log_dirs.c - kairn broker log-dirs: what lies in which directory.
 *
 * A log is described by the broker that leads it, which does not know in which directory others
 * keep their copies, nor how large they are: those are told with its own size. Directories without
 * a log that is led are known from the broker's log.dirs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/bytes.h"
#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/layout.h"
#include "tools/kairn/log_copies.h"
#include "tools/kairn/table.h"

struct row {
    int32_t broker;
    char *directory;                    /* owned */
    const char *topic;                  /* NULL: the directory itself */
    int32_t partition;
    int64_t bytes, start, end;
};

struct lost {
    int32_t broker, partition;
    const char *topic;
};

struct log_dirs {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms;
    struct layout layout;
    struct planner_replicas brokers;    /* that are asked for; none: all */
    int32_t *leaders;                   /* of the layout's partitions; owned, as the following */
    struct row *rows;                   /* by broker and directory */
    struct log_copies copies;
    struct lost *lost;                  /* copies on live brokers that are out of use */
    size_t row_count, row_room, lost_count, lost_room, silent;
};

static bool is_wanted(const struct log_dirs *dirs, int32_t broker)
{
    return dirs->brokers.count == 0 || planner_has(&dirs->brokers, broker);
}

static bool is_live(const struct log_dirs *dirs, int32_t broker)
{
    for (size_t i = 0; i < dirs->layout.broker_count; i++) {
        if (dirs->layout.brokers[i].id == broker)
            return true;
    }
    return false;
}

/* Room for one more; ends the process when there is none, as tables do. */
static void *grown(void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return items;
    *room = *room > 0 ? 2 * *room : 64;
    void *larger = realloc(items, *room * size);
    if (larger == NULL) {
        fputs("kairn: out of memory\n", stderr);
        exit(EXIT_FAILED);
    }
    return larger;
}

static void add_row(struct log_dirs *dirs, int32_t broker, const char *directory, size_t size,
                    struct row row)
{
    dirs->rows = grown(dirs->rows, dirs->row_count, &dirs->row_room, sizeof *dirs->rows);
    row.broker = broker;
    row.directory = strndup(directory, size);
    if (row.directory != NULL)
        dirs->rows[dirs->row_count++] = row;
}

/* --- asking ----------------------------------------------------------------------------------- */

static void note_lost(struct log_dirs *dirs, const char *topic,
                      const klient_partition_info_t *partition)
{
    for (size_t i = 0; i < partition->offline_count; i++) {
        int32_t broker = partition->offline[i];
        if (!is_wanted(dirs, broker) || !is_live(dirs, broker))
            continue;
        dirs->lost = grown(dirs->lost, dirs->lost_count, &dirs->lost_room, sizeof *dirs->lost);
        dirs->lost[dirs->lost_count++] = (struct lost){ broker, partition->partition, topic };
    }
}

/* Leaders and copies out of use, in the order of the layout. */
static bool read_partitions(struct log_dirs *dirs)
{
    const klient_metadata_t *metadata = dirs->layout.metadata;
    size_t i = 0;

    dirs->leaders = calloc(dirs->layout.partition_count + 1, sizeof *dirs->leaders);
    if (dirs->leaders == NULL)
        return false;
    for (size_t t = 0; t < klient_metadata_topic_count(metadata); t++) {
        klient_topic_info_t topic = topic_at(metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = partition_at(metadata, t, (size_t)p);
            dirs->leaders[i++] = partition.leader;
            note_lost(dirs, topic.name, &partition);
        }
    }
    return true;
}

static void note_copies(struct log_dirs *dirs, int32_t leader, const klient_logs_t *logs,
                        size_t index, const klient_log_info_t *info)
{
    if (!args_json(dirs->args) && args_has(dirs->args, "--summary"))
        return;
    for (size_t i = 0; i < info->follower_count; i++) {
        klient_follower_info_t follower = { .size = sizeof follower };
        klient_logs_follower(logs, index, i, &follower);
        if (is_wanted(dirs, follower.broker) && is_live(dirs, follower.broker))
            log_copies_note(&dirs->copies, args_json(dirs->args), leader, info, &follower);
    }
}

static void note_log(void *context, size_t at, const klient_logs_t *logs, size_t index)
{
    struct log_dirs *dirs = context;
    const struct planner_partition *partition = &dirs->layout.partitions[at];
    klient_log_info_t info = { .size = sizeof info };

    klient_logs_get(logs, index, &info);
    if (info.code == KLIENT_OK)
        note_copies(dirs, dirs->leaders[at], logs, index, &info);
    if (!is_wanted(dirs, dirs->leaders[at]))
        return;
    if (info.code != KLIENT_OK) {
        dirs->silent++;
        return;
    }
    add_row(dirs, dirs->leaders[at], info.directory, strlen(info.directory),
            (struct row){ .topic = partition->topic, .partition = partition->number,
                          .bytes = info.bytes, .start = info.start, .end = info.end });
}

static void note_directories(struct log_dirs *dirs, int32_t broker, const char *list)
{
    while (*(list += strspn(list, ", ")) != '\0') {
        size_t size = strcspn(list, ",");
        add_row(dirs, broker, list, size, (struct row){ .topic = NULL });
        list += size;
    }
}

/* All directories of a broker, as its own setting tells them. */
static klient_code_t ask_directories(struct log_dirs *dirs, int32_t broker,
                                     klient_error_t **error)
{
    klient_settings_t *settings = NULL;
    char name[16];

    snprintf(name, sizeof name, "%" PRId32, broker);
    klient_code_t code = klient_admin_describe_configs(dirs->admin, KLIENT_RESOURCE_BROKER, name,
                                                       dirs->timeout_ms, &settings, error);
    for (size_t i = 0; code == KLIENT_OK && i < klient_settings_count(settings); i++) {
        klient_setting_t setting = { .size = sizeof setting };
        klient_settings_get(settings, i, &setting);
        if (strcmp(setting.name, "log.dirs") == 0)
            note_directories(dirs, broker, setting.value);
    }
    klient_settings_free(settings);
    return code;
}

/* A directory comes before the logs in it. */
static int by_place(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    int order = (x->broker > y->broker) - (x->broker < y->broker);

    if (order == 0)
        order = strcmp(x->directory, y->directory);
    if (order == 0)
        order = strcmp(x->topic != NULL ? x->topic : "", y->topic != NULL ? y->topic : "");
    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

static int by_broker(const void *a, const void *b)
{
    const struct lost *x = a, *y = b;

    return (x->broker > y->broker) - (x->broker < y->broker);
}

static klient_code_t ask(struct log_dirs *dirs, klient_error_t **error)
{
    klient_code_t code = KLIENT_OK;

    for (size_t i = 0; code == KLIENT_OK && i < dirs->layout.broker_count; i++) {
        if (is_wanted(dirs, dirs->layout.brokers[i].id))
            code = ask_directories(dirs, dirs->layout.brokers[i].id, error);
    }
    if (code == KLIENT_OK)
        code = layout_each_log(&dirs->layout, dirs->admin, dirs->timeout_ms, note_log, dirs, error);
    if (dirs->row_count > 0)
        qsort(dirs->rows, dirs->row_count, sizeof *dirs->rows, by_place);
    if (dirs->lost_count > 0)
        qsort(dirs->lost, dirs->lost_count, sizeof *dirs->lost, by_broker);
    return code;
}

/* --- telling ---------------------------------------------------------------------------------- */

/* The first row that lies in another directory than the one at `first`. */
static size_t end_of_directory(const struct log_dirs *dirs, size_t first)
{
    const struct row *rows = dirs->rows;
    size_t end = first;

    while (end < dirs->row_count && rows[end].broker == rows[first].broker &&
           strcmp(rows[end].directory, rows[first].directory) == 0)
        end++;
    return end;
}

struct sum {
    size_t logs;
    int64_t bytes;
};

static struct sum sum_of(const struct log_dirs *dirs, size_t first, size_t end)
{
    struct sum sum = { 0 };

    for (size_t i = first; i < end; i++) {
        sum.logs += dirs->rows[i].topic != NULL;
        sum.bytes += dirs->rows[i].bytes;
    }
    return sum;
}

static void print_sums(const struct log_dirs *dirs)
{
    struct table *table = table_new(">BROKER DIRECTORY >LEADS >BYTES SIZE");
    char size[32];

    for (size_t first = 0, end; first < dirs->row_count; first = end) {
        end = end_of_directory(dirs, first);
        struct sum sum = sum_of(dirs, first, end);
        table_add(table, "%" PRId32, dirs->rows[first].broker);
        table_add(table, "%s", dirs->rows[first].directory);
        table_add(table, "%zu", sum.logs);
        table_add(table, "%" PRId64, sum.bytes);
        table_add(table, "%s", bytes_text(size, sizeof size, sum.bytes));
    }
    table_print(table);
}

static void print_logs(const struct log_dirs *dirs)
{
    struct table *table = table_new(">BROKER DIRECTORY PARTITION >BYTES >START >END");

    putchar('\n');
    for (size_t i = 0; i < dirs->row_count; i++) {
        const struct row *row = &dirs->rows[i];
        if (row->topic == NULL)
            continue;
        table_add(table, "%" PRId32, row->broker);
        table_add(table, "%s", row->directory);
        table_add(table, "%s-%" PRId32, row->topic, row->partition);
        table_add(table, "%" PRId64, row->bytes);
        table_add(table, "%" PRId64, row->start);
        table_add(table, "%" PRId64, row->end);
    }
    table_print(table);
}

static void print_lost(const struct log_dirs *dirs)
{
    for (size_t i = 0; i < dirs->lost_count; i++)
        printf("%sbroker %" PRId32 ": its copy of %s-%" PRId32 " is out of use\n",
               i == 0 ? "\n" : "", dirs->lost[i].broker, dirs->lost[i].topic,
               dirs->lost[i].partition);
}

static json_t *directory_json(const struct log_dirs *dirs, size_t first, size_t end)
{
    struct sum sum = sum_of(dirs, first, end);
    json_t *logs = json_array();

    for (size_t i = first; i < end; i++) {
        const struct row *row = &dirs->rows[i];
        if (row->topic != NULL)
            json_array_append_new(logs, json_pack("{s:s, s:i, s:I, s:I, s:I}", "topic", row->topic,
                                                  "partition", (int)row->partition, "bytes",
                                                  (json_int_t)row->bytes, "log_start",
                                                  (json_int_t)row->start, "log_end",
                                                  (json_int_t)row->end));
    }
    return json_pack("{s:s, s:i, s:I, s:o}", "directory", dirs->rows[first].directory, "leads",
                     (int)sum.logs, "bytes", (json_int_t)sum.bytes, "partitions", logs);
}

static json_t *lost_json(const struct log_dirs *dirs, int32_t broker)
{
    json_t *list = json_array();

    for (size_t i = 0; i < dirs->lost_count; i++) {
        if (dirs->lost[i].broker == broker)
            json_array_append_new(list,
                                  json_pack("{s:s, s:i}", "topic", dirs->lost[i].topic,
                                            "partition", (int)dirs->lost[i].partition));
    }
    return list;
}

static void print_json(const struct log_dirs *dirs)
{
    json_t *brokers = json_array();
    size_t first = 0;

    while (first < dirs->row_count) {
        int32_t broker = dirs->rows[first].broker;
        json_t *directories = json_array();
        while (first < dirs->row_count && dirs->rows[first].broker == broker) {
            size_t end = end_of_directory(dirs, first);
            json_array_append_new(directories, directory_json(dirs, first, end));
            first = end;
        }
        json_array_append_new(brokers, json_pack("{s:i, s:o, s:o, s:o}", "broker",
                                                 (int)broker, "directories", directories,
                                                 "follows", log_copies_json(&dirs->copies, broker),
                                                 "out_of_use", lost_json(dirs, broker)));
    }
    json_line(brokers);
}

static int tell(struct log_dirs *dirs)
{
    if (args_json(dirs->args)) {
        print_json(dirs);
    } else {
        print_sums(dirs);
        if (!args_has(dirs->args, "--summary"))
            print_logs(dirs);
        log_copies_print(&dirs->copies);
        print_lost(dirs);
    }
    if (dirs->silent > 0)
        return command_failed(dirs->args, "%zu logs are missing: their leaders did not answer, or "
                                          "there are none",
                              dirs->silent);
    return dirs->lost_count > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* False: said. */
static bool read_brokers(struct log_dirs *dirs)
{
    for (size_t i = 0; i < args_operand_count(dirs->args); i++) {
        struct planner_replicas one;
        const char *text = args_operand(dirs->args, i);
        if (!layout_ids(text, &one) || one.count != 1 ||
            dirs->brokers.count == PLANNER_REPLICAS_MAX)
            return command_misuse(dirs->args, "'%s' is no broker id, or one too many", text) ==
                   EXIT_DONE;
        dirs->brokers.ids[dirs->brokers.count++] = one.ids[0];
    }
    return true;
}

static int look(struct log_dirs *dirs)
{
    klient_error_t *error = NULL;

    for (int32_t i = 0; i < dirs->brokers.count; i++) {
        if (!is_live(dirs, dirs->brokers.ids[i]))
            return command_failed(dirs->args, "there is no live broker %" PRId32,
                                  dirs->brokers.ids[i]);
    }
    if (!read_partitions(dirs))
        return command_failed(dirs->args, "out of memory");
    if (ask(dirs, &error) != KLIENT_OK)
        return connect_failed(dirs->args, error);
    return tell(dirs);
}

int broker_log_dirs(const struct args *args)
{
    struct log_dirs dirs = { .args = args };
    int status = EXIT_FAILED;

    if (!read_brokers(&dirs))
        return EXIT_USAGE;
    dirs.admin = connect_admin(args, &dirs.timeout_ms, &status);
    if (dirs.admin == NULL)
        return status;
    status = EXIT_FAILED;
    if (layout_read(args, dirs.admin, dirs.timeout_ms, false, &dirs.layout)) {
        status = look(&dirs);
        layout_free(&dirs.layout);
    }
    for (size_t i = 0; i < dirs.row_count; i++)
        free(dirs.rows[i].directory);
    free(dirs.rows);
    log_copies_free(&dirs.copies);
    free(dirs.lost);
    free(dirs.leaders);
    klient_admin_close(dirs.admin);
    return status;
}
