#include "tests/server/core/groups_log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const char *copy_text(const char *text)
{
    return text == NULL ? NULL : strdup(text);
}

static struct groups_span copy_span(struct groups_span span)
{
    void *data = malloc(span.size + 1);
    if (span.size > 0)
        memcpy(data, span.data, span.size);
    return (struct groups_span){data, span.size};
}

static struct groups_record copy_record(const struct groups_record *record)
{
    struct groups_record copy = *record;

    copy.group = copy_text(record->group);
    if (record->type == GROUPS_RECORD_OFFSET) {
        copy.offset.topic = copy_text(record->offset.topic);
        copy.offset.metadata = copy_text(record->offset.metadata);
        return copy;
    }
    copy.state.protocol_type = copy_text(record->state.protocol_type);
    copy.state.protocol = copy_text(record->state.protocol);
    copy.state.leader = copy_text(record->state.leader);
    struct groups_member *members = calloc(record->state.member_count + 1, sizeof *members);
    for (size_t i = 0; i < record->state.member_count; i++) {
        const struct groups_member *member = &record->state.members[i];
        members[i] = *member;
        members[i].id = copy_text(member->id);
        members[i].client_id = copy_text(member->client_id);
        members[i].client_host = copy_text(member->client_host);
        members[i].instance = copy_text(member->instance);
        members[i].metadata = copy_span(member->metadata);
        members[i].assignment = copy_span(member->assignment);
    }
    copy.state.members = members;
    return copy;
}

static void free_record(struct groups_record *record)
{
    free((void *)record->group);
    if (record->type == GROUPS_RECORD_OFFSET) {
        free((void *)record->offset.topic);
        free((void *)record->offset.metadata);
        return;
    }
    free((void *)record->state.protocol_type);
    free((void *)record->state.protocol);
    free((void *)record->state.leader);
    for (size_t i = 0; i < record->state.member_count; i++) {
        const struct groups_member *member = &record->state.members[i];
        free((void *)member->id);
        free((void *)member->client_id);
        free((void *)member->client_host);
        free((void *)member->instance);
        free((void *)member->metadata.data);
        free((void *)member->assignment.data);
    }
    free((void *)record->state.members);
}

static void free_order(struct groups_log_order *order)
{
    for (size_t i = 0; i < order->count; i++)
        free_record(&order->records[i]);
    free(order->records);
}

void groups_log_append(struct groups_log *log, const struct groups_effect *store)
{
    if (log->count == log->capacity) {
        log->capacity = log->capacity == 0 ? 64 : log->capacity * 2;
        log->orders = realloc(log->orders, log->capacity * sizeof *log->orders);
    }
    struct groups_log_order *order = &log->orders[log->count++];
    *order = (struct groups_log_order){.token = store->store.token,
                                       .records = calloc(store->store.count + 1,
                                                         sizeof *order->records),
                                       .count = store->store.count};
    for (size_t i = 0; i < order->count; i++)
        order->records[i] = copy_record(&store->store.records[i]);
}

void groups_log_remove(struct groups_log *log, size_t index)
{
    assert(index >= log->committed && index < log->count);
    free_order(&log->orders[index]);
    log->count--;
    memmove(&log->orders[index], &log->orders[index + 1],
            (log->count - index) * sizeof *log->orders);
}

void groups_log_cut(struct groups_log *log, size_t count)
{
    assert(count >= log->committed);
    while (log->count > count)
        free_order(&log->orders[--log->count]);
}

void groups_log_replay(const struct groups_log *log, size_t from, size_t to,
                       struct groups *groups)
{
    for (size_t i = from; i < to; i++)
        for (size_t r = 0; r < log->orders[i].count; r++)
            if (groups_replay(groups, &log->orders[i].records[r]) != 0)
                abort();
}

static bool same_key(const struct groups_record *a, const struct groups_record *b)
{
    return a->type == b->type && strcmp(a->group, b->group) == 0 &&
           (a->type == GROUPS_RECORD_GROUP || (a->offset.partition == b->offset.partition &&
                                               strcmp(a->offset.topic, b->offset.topic) == 0));
}

/* Is there a later record of the key in the first `end` orders? */
static bool is_superseded(const struct groups_log *log, size_t end, size_t order, size_t index)
{
    const struct groups_record *record = &log->orders[order].records[index];

    for (size_t i = order; i < end; i++)
        for (size_t r = i == order ? index + 1 : 0; r < log->orders[i].count; r++)
            if (same_key(record, &log->orders[i].records[r]))
                return true;
    return false;
}

struct groups_log_removed groups_log_compact(struct groups_log *log, size_t end, bool tombstones)
{
    struct groups_log_removed removed = {0};

    assert(end <= log->committed);
    for (size_t i = 0; i < end; i++) {
        struct groups_log_order *order = &log->orders[i];
        size_t kept = 0;
        for (size_t r = 0; r < order->count; r++) {
            bool superseded = is_superseded(log, end, i, r);
            bool buried = !superseded && tombstones && order->records[r].tombstone;
            removed.superseded += superseded;
            removed.tombstones += buried;
            if (superseded || buried)
                free_record(&order->records[r]);
            else
                order->records[kept++] = order->records[r];
        }
        order->count = kept;
    }
    return removed;
}

void groups_log_fini(struct groups_log *log)
{
    log->committed = 0;
    groups_log_cut(log, 0);
    free(log->orders);
    *log = (struct groups_log){0};
}
