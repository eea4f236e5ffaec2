/* topic_offsets.c - kairn topic offsets: where logs begin and end, and where a time is in them. */
#include <inttypes.h>
#include <stdlib.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"
#include "tools/kairn/json.h"
#include "tools/kairn/layout.h"
#include "tools/kairn/moment.h"
#include "tools/kairn/table.h"

/* An offset of each partition, and why there is none. */
struct answers {
    int64_t *offsets;
    klient_code_t *codes;
};

struct asking {
    const struct args *args;
    klient_admin_t *admin;
    int64_t timeout_ms, time_ms;            /* time -1: nobody asked for one */
    klient_topic_partition_t *partitions;   /* owned, as the following; names are the layout's */
    int64_t *times;
    size_t count;
    struct answers earliest, latest, at_time;
};

static bool answers_init(struct answers *answers, size_t count)
{
    answers->offsets = calloc(count + 1, sizeof *answers->offsets);
    answers->codes = calloc(count + 1, sizeof *answers->codes);
    return answers->offsets != NULL && answers->codes != NULL;
}

static void answers_fini(struct answers *answers)
{
    free(answers->offsets);
    free(answers->codes);
}

/* Without operands, all partitions of topics that are not the cluster's own. */
static void choose_all(const struct layout *layout, bool *chosen)
{
    size_t i = 0;

    for (size_t t = 0; t < klient_metadata_topic_count(layout->metadata); t++) {
        klient_topic_info_t topic = topic_at(layout->metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++)
            chosen[i++] = !topic.internal;
    }
}

/* False: said. */
static bool choose(struct asking *asking, const struct layout *layout)
{
    bool *chosen = layout_choose(asking->args, NULL, layout);
    if (chosen == NULL)
        return false;
    if (args_operand_count(asking->args) == 0)
        choose_all(layout, chosen);

    asking->partitions = calloc(layout->partition_count + 1, sizeof *asking->partitions);
    asking->times = calloc(layout->partition_count + 1, sizeof *asking->times);
    bool room = asking->partitions != NULL && asking->times != NULL &&
                answers_init(&asking->earliest, layout->partition_count) &&
                answers_init(&asking->latest, layout->partition_count) &&
                answers_init(&asking->at_time, layout->partition_count);
    for (size_t i = 0; room && i < layout->partition_count; i++) {
        if (chosen[i])
            asking->partitions[asking->count++] = (klient_topic_partition_t){
                .topic = layout->partitions[i].topic, .partition = layout->partitions[i].number
            };
    }
    free(chosen);
    if (!room)
        command_failed(asking->args, "out of memory");
    return room;
}

/* What fails is told with each partition. */
static void ask(struct asking *asking, int64_t time, struct answers *out)
{
    for (size_t i = 0; i < asking->count; i++) {
        asking->times[i] = time;
        out->codes[i] = KLIENT_REQUEST_TIMED_OUT;       /* of those without an answer */
    }
    klient_admin_list_offsets(asking->admin, asking->partitions, asking->times, asking->count,
                              asking->timeout_ms, out->offsets, out->codes, NULL);
}

static klient_code_t code_of(const struct asking *asking, size_t i)
{
    klient_code_t code = asking->earliest.codes[i];

    if (code == KLIENT_OK)
        code = asking->latest.codes[i];
    return code == KLIENT_OK && asking->time_ms >= 0 ? asking->at_time.codes[i] : code;
}

static void print_json(const struct asking *asking)
{
    json_t *list = json_array();

    for (size_t i = 0; i < asking->count; i++) {
        int64_t earliest = asking->earliest.offsets[i], latest = asking->latest.offsets[i];
        json_t *object = json_pack("{s:s, s:i}", "topic", asking->partitions[i].topic, "partition",
                                   (int)asking->partitions[i].partition);
        if (code_of(asking, i) != KLIENT_OK) {
            json_object_set_new(object, "error", json_string(klient_code_name(code_of(asking, i))));
        } else {
            json_object_set_new(object, "earliest", json_integer(earliest));
            json_object_set_new(object, "latest", json_integer(latest));
            json_object_set_new(object, "difference", json_integer(latest - earliest));
        }
        if (code_of(asking, i) == KLIENT_OK && asking->time_ms >= 0)
            json_object_set_new(object, "at_time",
                                asking->at_time.offsets[i] >= 0
                                    ? json_integer(asking->at_time.offsets[i])
                                    : json_null());
        json_array_append_new(list, object);
    }
    json_line(list);
}

static void print_table(const struct asking *asking)
{
    struct table *table =
        table_new(asking->time_ms >= 0 ? "TOPIC >PARTITION >EARLIEST >LATEST >DIFFERENCE >AT-TIME"
                                       : "TOPIC >PARTITION >EARLIEST >LATEST >DIFFERENCE");

    for (size_t i = 0; i < asking->count; i++) {
        int64_t earliest = asking->earliest.offsets[i], latest = asking->latest.offsets[i];
        if (code_of(asking, i) != KLIENT_OK)
            continue;
        table_add(table, "%s", asking->partitions[i].topic);
        table_add(table, "%" PRId32, asking->partitions[i].partition);
        table_add(table, "%" PRId64, earliest);
        table_add(table, "%" PRId64, latest);
        table_add(table, "%" PRId64, latest - earliest);
        if (asking->time_ms >= 0 && asking->at_time.offsets[i] >= 0)
            table_add(table, "%" PRId64, asking->at_time.offsets[i]);
        else if (asking->time_ms >= 0)
            table_add(table, "-");
    }
    table_print(table);
}

/* Exit status 1 when a partition did not answer, which is said. */
static int tell(const struct asking *asking)
{
    int status = EXIT_DONE;

    if (args_json(asking->args))
        print_json(asking);
    else
        print_table(asking);
    for (size_t i = 0; i < asking->count; i++) {
        if (code_of(asking, i) != KLIENT_OK)
            status = command_failed(asking->args, "%s-%" PRId32 ": %s: %s",
                                    asking->partitions[i].topic, asking->partitions[i].partition,
                                    klient_code_name(code_of(asking, i)),
                                    klient_code_text(code_of(asking, i)));
    }
    return status;
}

int topic_offsets(const struct args *args)
{
    struct asking asking = { .args = args, .time_ms = -1 };
    const char *time = args_value(args, "--time");
    struct layout layout;
    int status;

    if (time != NULL && !moment_read(time, &asking.time_ms))
        return command_misuse(args, "--time takes a time such as 2026-11-29T13:05 (UTC, or +01:00 "
                                    "behind it), or @ and ms since 1970, not '%s'",
                              time);
    asking.admin = connect_admin(args, &asking.timeout_ms, &status);
    if (asking.admin == NULL)
        return status;
    status = EXIT_FAILED;
    if (layout_read(args, asking.admin, asking.timeout_ms, false, &layout)) {
        if (choose(&asking, &layout)) {
            ask(&asking, KLIENT_OFFSETS_BEGINNING, &asking.earliest);
            ask(&asking, KLIENT_OFFSETS_END, &asking.latest);
            if (asking.time_ms >= 0)
                ask(&asking, asking.time_ms, &asking.at_time);
            status = tell(&asking);
        }
        layout_free(&layout);
    }
    answers_fini(&asking.earliest);
    answers_fini(&asking.latest);
    answers_fini(&asking.at_time);
    free(asking.partitions);
    free(asking.times);
    klient_admin_close(asking.admin);
    return status;
}
