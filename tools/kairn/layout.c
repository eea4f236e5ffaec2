#include "tools/kairn/layout.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/kairn/connect.h"
#include "tools/kairn/health.h"

enum { LOGS_AT_ONCE = 500, LOGS_WAIT_MS = 5000 };

void layout_free(struct layout *layout)
{
    klient_metadata_free(layout->metadata);
    free(layout->brokers);
    free(layout->partitions);
    *layout = (struct layout){ 0 };
}

static struct planner_replicas ids_of(const int32_t *ids, size_t count)
{
    struct planner_replicas set = { 0 };

    for (; (size_t)set.count < count && set.count < PLANNER_REPLICAS_MAX; set.count++)
        set.ids[set.count] = ids[set.count];
    return set;
}

static bool fill(struct layout *layout)
{
    size_t topics = klient_metadata_topic_count(layout->metadata), count = 0;

    for (size_t t = 0; t < topics; t++)
        count += (size_t)topic_at(layout->metadata, t).partition_count;
    layout->broker_count = klient_metadata_broker_count(layout->metadata);
    layout->brokers = calloc(layout->broker_count + 1, sizeof *layout->brokers);
    layout->partitions = calloc(count + 1, sizeof *layout->partitions);
    if (layout->brokers == NULL || layout->partitions == NULL)
        return false;
    for (size_t b = 0; b < layout->broker_count; b++) {
        klient_broker_info_t broker = { .size = sizeof broker };
        klient_metadata_broker(layout->metadata, b, &broker);
        layout->brokers[b] = (struct planner_broker){ broker.id, broker.rack };
    }
    for (size_t t = 0; t < topics; t++) {
        klient_topic_info_t topic = topic_at(layout->metadata, t);
        for (int32_t p = 0; p < topic.partition_count; p++) {
            klient_partition_info_t partition = partition_at(layout->metadata, t, (size_t)p);
            layout->partitions[layout->partition_count++] = (struct planner_partition){
                .topic = topic.name, .number = p,
                .replicas = ids_of(partition.replicas, partition.replica_count),
                .isr = ids_of(partition.isr, partition.isr_count),
            };
        }
    }
    return true;
}

klient_code_t layout_each_log(const struct layout *layout, klient_admin_t *admin,
                              int64_t timeout_ms, layout_log *use, void *context,
                              klient_error_t **error)
{
    klient_topic_partition_t asked[LOGS_AT_ONCE];
    int64_t wait_ms = timeout_ms < LOGS_WAIT_MS ? timeout_ms : LOGS_WAIT_MS;
    klient_code_t code = KLIENT_OK;

    for (size_t first = 0; code == KLIENT_OK && first < layout->partition_count;
         first += LOGS_AT_ONCE) {
        size_t count = layout->partition_count - first;
        klient_logs_t *logs = NULL;

        count = count < LOGS_AT_ONCE ? count : LOGS_AT_ONCE;
        for (size_t i = 0; i < count; i++)
            asked[i] = (klient_topic_partition_t){ layout->partitions[first + i].topic,
                                                   layout->partitions[first + i].number };
        code = klient_admin_describe_logs(admin, asked, count, wait_ms, &logs, error);
        for (size_t i = 0; code == KLIENT_OK && i < count; i++)
            use(context, first + i, logs, i);
        klient_logs_free(logs);
    }
    return code;
}

/* Who does not answer leaves a size of 0. */
static void note_size(void *context, size_t partition, const klient_logs_t *logs, size_t index)
{
    struct layout *layout = context;
    klient_log_info_t info = { .size = sizeof info };

    klient_logs_get(logs, index, &info);
    layout->partitions[partition].bytes = info.code == KLIENT_OK ? info.bytes : 0;
}

bool layout_read(const struct args *args, klient_admin_t *admin, int64_t timeout_ms, bool sizes,
                 struct layout *out)
{
    klient_error_t *error = NULL;

    *out = (struct layout){ 0 };
    klient_code_t code = klient_admin_list_topics(admin, timeout_ms, &out->metadata, &error);
    if (code == KLIENT_OK && !fill(out)) {
        command_failed(args, "out of memory");
        layout_free(out);
        return false;
    }
    if (code == KLIENT_OK && sizes)
        code = layout_each_log(out, admin, timeout_ms, note_size, out, &error);
    if (code == KLIENT_OK)
        return true;
    connect_failed(args, error);
    layout_free(out);
    return false;
}

bool layout_of_group(const struct args *args, const klient_offsets_t *offsets, struct layout *out)
{
    size_t count = klient_offsets_count(offsets);

    *out = (struct layout){ .of_group = true,
                            .partitions = calloc(count + 1, sizeof *out->partitions) };
    if (out->partitions == NULL)
        return command_failed(args, "out of memory") == EXIT_DONE;
    for (; out->partition_count < count; out->partition_count++) {
        klient_offset_t offset = { .size = sizeof offset };
        klient_offsets_get(offsets, out->partition_count, &offset);
        out->partitions[out->partition_count] =
            (struct planner_partition){ .topic = offset.topic, .number = offset.partition };
    }
    return true;
}

static int by_name(const void *a, const void *b)
{
    const struct planner_partition *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);

    return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

int64_t layout_find(const struct layout *layout, const char *topic, int64_t partition)
{
    const struct planner_partition key = { .topic = topic, .number = (int32_t)partition };
    const struct planner_partition *found =
        layout->partition_count == 0 || partition > INT32_MAX
            ? NULL
            : bsearch(&key, layout->partitions, layout->partition_count, sizeof key, by_name);

    return found != NULL ? found - layout->partitions : -1;
}

/* --- what operands name ----------------------------------------------------------------------- */

/* A number of a list, up to `stop` or the end. False: it is none. */
static bool take_number(const char **text, int32_t *out)
{
    char *end;

    errno = 0;
    long number = strtol(*text, &end, 10);
    if (end == *text || **text < '0' || **text > '9' || errno != 0 || number > INT32_MAX ||
        (*end != ',' && *end != '\0'))
        return false;
    *text = *end == ',' ? end + 1 : end;
    *out = (int32_t)number;
    return *end != ',' || **text != '\0';
}

bool layout_ids(const char *text, struct planner_replicas *out)
{
    *out = (struct planner_replicas){ 0 };
    do {
        int32_t id;
        if (!take_number(&text, &id) || planner_has(out, id) || out->count == PLANNER_REPLICAS_MAX)
            return false;
        out->ids[out->count++] = id;
    } while (*text != '\0');
    return true;
}

static bool choose_one(const struct args *args, const struct layout *layout, const char *operand,
                       bool *chosen)
{
    char topic[256];
    const char *colon = strchr(operand, ':');
    size_t size = colon != NULL ? (size_t)(colon - operand) : strlen(operand);
    int32_t number;

    if (size == 0 || size >= sizeof topic)
        return command_misuse(args, "'%s' names no topic", operand) == EXIT_DONE;
    memcpy(topic, operand, size);
    topic[size] = '\0';
    bool known = false;
    for (size_t i = 0; i < layout->partition_count; i++) {
        if (strcmp(layout->partitions[i].topic, topic) != 0)
            continue;
        known = true;
        chosen[i] |= colon == NULL;
    }
    if (!known)
        return command_failed(args, layout->of_group ? "the group has committed nothing of topic %s"
                                                     : "there is no topic %s",
                              topic) == EXIT_DONE;
    for (const char *text = colon != NULL ? colon + 1 : ""; colon != NULL;) {
        if (!take_number(&text, &number))
            return command_misuse(args, "'%s' is not TOPIC or TOPIC:P,P...", operand) == EXIT_DONE;
        int64_t at = layout_find(layout, topic, number);
        if (at < 0)
            return command_failed(args, layout->of_group
                                            ? "the group has committed nothing of %s-%d"
                                            : "%s has no partition %d",
                                  topic, (int)number) == EXIT_DONE;
        chosen[at] = true;
        if (*text == '\0')
            break;
    }
    return true;
}

bool *layout_choose(const struct args *args, const char *flag, const struct layout *layout)
{
    size_t count = flag != NULL ? args_count(args, flag) : args_operand_count(args);
    bool *chosen = calloc(layout->partition_count + 1, sizeof *chosen);

    if (chosen == NULL)
        command_failed(args, "out of memory");
    for (size_t i = 0; chosen != NULL && i < count; i++) {
        const char *word = flag != NULL ? args_nth(args, flag, i) : args_operand(args, i);
        if (choose_one(args, layout, word, chosen))
            continue;
        free(chosen);
        chosen = NULL;
    }
    return chosen;
}
