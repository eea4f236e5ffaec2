/* consumer_statistics.c - how a consumer stands in its partitions. Belongs to the loop. */
#include "client/fetcher_private.h"
#include "client/group.h"

static int64_t per_second(int64_t amount, int64_t window_ms)
{
    return window_ms > 0 ? amount * 1000 / window_ms : 0;
}

/* Where the application is; where it is going to begin, while it has read nothing. */
static int64_t position_of(struct assigned *assigned)
{
    int64_t position = atomic_load(&assigned->position);

    return position < 0 && assigned->state == FETCH_READY ? assigned->start : position;
}

/* -1: not known. */
static int64_t lag_of(struct assigned *assigned)
{
    int64_t position = position_of(assigned), end = atomic_load(&assigned->end);

    if (position < 0 || end < 0)
        return -1;
    return end > position ? end - position : 0;
}

static void write_partition(const struct fetcher *fetcher, struct assigned *assigned,
                            struct json_text *json, int64_t window_ms)
{
    const struct group *group = fetcher->consumer->group;

    json_text_open(json, NULL, '{');
    json_text_string(json, "topic", assigned->topic);
    json_text_number(json, "partition", assigned->partition);
    json_text_number(json, "position", position_of(assigned));
    json_text_number(json, "committed",
                     group == NULL ? -1
                                   : group_committed(group, assigned->topic, assigned->partition));
    json_text_number(json, "end", atomic_load(&assigned->end));
    json_text_number(json, "lag", lag_of(assigned));
    json_text_number(json, "bytes_fetched", assigned->fetched_bytes);
    json_text_number(json, "bytes_per_second",
                     per_second(assigned->fetched_bytes - assigned->fetched_before, window_ms));
    json_text_close(json, '}');
}

static void write(struct statistics_source *source, struct json_text *json, int64_t window_ms)
{
    struct fetcher *fetcher = LIST_OWNER(source, struct fetcher, source);
    struct klient_consumer *consumer = fetcher->consumer;
    int64_t lag = 0;

    LIST_EACH(&fetcher->partitions, node) {
        int64_t own = lag_of(LIST_OWNER(node, struct assigned, node));
        lag += own > 0 ? own : 0;
    }
    json_text_open(json, NULL, '{');
    json_text_string(json, "group", fetcher_values(fetcher)->group_id);
    json_text_number(json, "buffer_bytes", atomic_load(&consumer->budget->held));
    json_text_number(json, "fetches", fetcher->counts.fetches);
    json_text_number(json, "fetches_failed", fetcher->counts.failed);
    json_text_number(json, "bytes_fetched", fetcher->counts.bytes);
    json_text_number(json, "bytes_per_second",
                     per_second(fetcher->counts.bytes - fetcher->counts.bytes_before, window_ms));
    json_text_number(json, "lag", lag);
    json_text_open(json, "partitions", '[');
    LIST_EACH(&fetcher->partitions, node)
        write_partition(fetcher, LIST_OWNER(node, struct assigned, node), json, window_ms);
    json_text_close(json, ']');
    json_text_close(json, '}');
}

static void restart(struct statistics_source *source)
{
    struct fetcher *fetcher = LIST_OWNER(source, struct fetcher, source);

    fetcher->counts.bytes_before = fetcher->counts.bytes;
    LIST_EACH(&fetcher->partitions, node) {
        struct assigned *assigned = LIST_OWNER(node, struct assigned, node);
        assigned->fetched_before = assigned->fetched_bytes;
    }
}

void fetcher_count(struct fetcher *fetcher)
{
    fetcher->source.write = write;
    fetcher->source.restart = restart;
    statistics_add_consumer(fetcher_klient(fetcher), &fetcher->source);
}
