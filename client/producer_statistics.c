/* producer_statistics.c - what a producer has sent, and what it still has. Belongs to the loop. */
#include "client/sender_private.h"

struct backlog { int64_t records, batches, in_flight; };

static void count(const struct batch *batch, struct backlog *backlog)
{
    for (; batch != NULL; batch = batch->next) {
        backlog->records += batch->builder.count;
        backlog->batches++;
    }
}

static void count_accumulator(struct accumulator *accumulator, struct backlog *backlog)
{
    struct backlog flying = { 0 };

    spin_lock(&accumulator->spin);
    count(accumulator->closed.first, backlog);
    count(accumulator->open, backlog);
    spin_unlock(&accumulator->spin);
    count(accumulator->again.first, backlog);
    LIST_EACH(&accumulator->cargos, node)
        count(LIST_OWNER(node, struct cargo, node)->batches.first, &flying);
    backlog->in_flight += flying.records;
}

static void write(struct statistics_source *source, struct json_text *json, int64_t window_ms)
{
    struct sender *sender = LIST_OWNER(source, struct sender, source);
    const struct sender_counts *counts = &sender->counts;
    struct backlog backlog = { 0 };
    int64_t requests = 0;

    (void)window_ms;
    LIST_EACH(&sender->accumulators, node)
        count_accumulator(LIST_OWNER(node, struct accumulator, every), &backlog);
    LIST_EACH(&sender->lanes, node)
        requests += LIST_OWNER(node, struct lane, node)->in_flight;
    json_text_open(json, NULL, '{');
    json_text_number(json, "records_queued", backlog.records);
    json_text_number(json, "batches_queued", backlog.batches);
    json_text_number(json, "records_in_flight", backlog.in_flight);
    json_text_number(json, "requests_in_flight", requests);
    json_text_number(json, "buffer_bytes", atomic_load(&sender->producer->used_bytes));
    json_text_number(json, "records_sent", counts->records);
    json_text_number(json, "bytes_sent", counts->bytes);
    json_text_number(json, "batches_sent", counts->batches);
    json_text_number(json, "records_failed", counts->records_failed);
    json_text_number(json, "batches_retried", counts->batches_retried);
    json_text_number(json, "requests", counts->requests);
    json_text_number(json, "requests_failed", counts->requests_failed);
    statistics_write_latency(json, "request_latency_us", &sender->latency);
    json_text_close(json, '}');
}

static void restart(struct statistics_source *source)
{
    LIST_OWNER(source, struct sender, source)->latency = (struct latency){ .count = 0 };
}

void sender_count(struct sender *sender)
{
    sender->source.write = write;
    sender->source.restart = restart;
    statistics_add_producer(sender->producer->klient, &sender->source);
}
