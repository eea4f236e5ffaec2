/* fetch_start.c - where reading a partition begins: at an offset, an end, or as the policy says;
 * and that it has come to the end. */
#include <stdlib.h>

#include "client/committed.h"
#include "client/fetcher_private.h"
#include "client/group.h"
#include "client/standing.h"
#include "common/error.h"

/* A look-up of a start position: of the group's coordinator, or of the partition's leader. */
struct finder {
    struct list node;
    bool asks_group;
    struct committed_ask ask;
    struct lookup lookup;
    struct fetcher *fetcher;
    struct assigned *assigned;      /* referenced; NULL: nobody wants the answer any more */
    uint64_t generation;
};

static void finder_free(struct finder *finder)
{
    list_remove(&finder->node);
    if (finder->assigned != NULL) {
        finder->assigned->finder = NULL;
        assigned_unref(finder->assigned);
    }
    free(finder);
}

void fetcher_stick(struct fetcher *fetcher, struct assigned *assigned, int code)
{
    assigned->state = FETCH_STUCK;
    fetcher_tell(fetcher, assigned, code, -1);
    standing_fail(assigned, code);
}

static void go_on_at(struct fetcher *fetcher, struct assigned *assigned, int64_t offset)
{
    assigned->state = FETCH_READY;
    assigned->start = assigned->next_offset = offset;
    assigned->backoff_ms = 0;
    fetcher_tell(fetcher, assigned, 0, offset);
    standing_look(assigned);
    fetcher_pump_soon(fetcher);
}

static void found(struct lookup *lookup, int code)
{
    struct finder *finder = LIST_OWNER(lookup, struct finder, lookup);
    struct fetcher *fetcher = finder->fetcher;
    struct assigned *assigned = finder->assigned;

    if (assigned != NULL && !fetcher->stopping) {
        if (code == 0) {
            if (assigned->starts)
                group_starts(fetcher->consumer->group, assigned, lookup->offset);
            assigned->starts = false;
            go_on_at(fetcher, assigned, lookup->offset);
        } else if (code == K_UNKNOWN_TOPIC_OR_PARTITION || k_error_retriable(code)) {
            /* It may come (back): say so once, and keep looking. */
            if (!assigned->told_unknown && code == K_UNKNOWN_TOPIC_OR_PARTITION)
                fetcher_tell(fetcher, assigned, code, -1);
            assigned->told_unknown = true;
            assigned->next_offset = lookup->timestamp;
            fetcher_retry_later(fetcher, assigned);
            fetcher_pump_soon(fetcher);
        } else {
            fetcher_stick(fetcher, assigned, code);
        }
    }
    finder_free(finder);
}

/* The group has no offset of this partition. Of a topic that it knows nothing may be left out: the
 * partition was added. */
static void start_without(struct fetcher *fetcher, struct assigned *assigned, bool topic_known)
{
    bool none = assigned->values->offset_reset == RESET_NONE;

    assigned->starts = !none;
    fetch_start_at(fetcher, assigned,
                   topic_known && !none ? POSITION_BEGINNING : POSITION_BY_POLICY);
}

static void group_told(struct committed_ask *ask, int code)
{
    struct finder *finder = LIST_OWNER(ask, struct finder, ask);
    struct fetcher *fetcher = finder->fetcher;
    struct assigned *assigned = finder->assigned;
    int64_t offset = ask->offset;
    int32_t epoch = ask->epoch;
    bool topic_known = ask->topic_known;

    atomic_fetch_add(&assigned->references, 1);
    finder_free(finder);
    if (code == 0)
        group_note_committed(fetcher->consumer->group, assigned->topic, assigned->partition,
                             offset);
    if (code == 0 && offset >= 0) {
        assigned->last_epoch = epoch;
        assigned->last_id = assigned->held->id;
        assigned->committed = true;
        go_on_at(fetcher, assigned, offset);
    } else if (code == 0) {
        start_without(fetcher, assigned, topic_known);
    } else if (code != K_CLOSED) {
        fetcher_stick(fetcher, assigned, code);
    }
    assigned_unref(assigned);
}

static void ask_group(struct fetcher *fetcher, struct finder *finder)
{
    finder->asks_group = true;
    finder->ask = (struct committed_ask){ .topic = finder->assigned->topic,
                                          .partition = finder->assigned->partition,
                                          .deadline_ms = INT64_MAX,
                                          .done = group_told };
    list_init(&finder->ask.node);
    group_ask_committed(fetcher->consumer->group, &finder->ask);
}

void fetch_look_up(struct fetcher *fetcher, struct assigned *assigned, int64_t where)
{
    struct finder *finder = calloc(1, sizeof *finder);

    assigned->state = FETCH_LOOKING;
    assigned->next_offset = where;
    if (finder == NULL) {
        fetcher_retry_later(fetcher, assigned);
        return;
    }
    atomic_fetch_add(&assigned->references, 1);
    finder->fetcher = fetcher;
    finder->assigned = assigned;
    if (where == POSITION_COMMITTED) {
        list_append(&fetcher->finders, &finder->node);
        assigned->finder = finder;
        ask_group(fetcher, finder);
        return;
    }
    finder->lookup.timestamp = where;
    finder->lookup.isolation = fetcher_values(fetcher)->isolation;
    finder->lookup.found = found;
    list_append(&fetcher->finders, &finder->node);
    assigned->finder = finder;
    lookup_start(&finder->lookup, fetcher_klient(fetcher), assigned->topic, assigned->partition,
                 fetcher_now_ms(fetcher) + fetcher_values(fetcher)->request_timeout_ms);
}

void fetch_forget_look_up(struct assigned *assigned)
{
    struct finder *finder = assigned->finder;

    if (finder == NULL)
        return;
    if (finder->asks_group) {
        committed_cancel(&finder->ask);
        finder_free(finder);
        return;
    }
    assigned->finder = NULL;
    finder->assigned = NULL;
    assigned_unref(assigned);
    inquiry_end(&finder->lookup.inquiry, K_CLOSED, NULL);
}

void fetch_start_at(struct fetcher *fetcher, struct assigned *assigned, int64_t offset)
{
    static const int64_t by_policy[] = { [RESET_LATEST] = POSITION_END,
                                         [RESET_EARLIEST] = POSITION_BEGINNING };

    if (offset == POSITION_BY_POLICY && assigned->retries)
        offset = POSITION_BEGINNING;    /* no retry may be left out */
    fetch_forget_look_up(assigned);
    fetch_session_drop(assigned);
    assigned->fetch = NULL;         /* its answer is of an older generation */
    assigned->retry_at_ms = assigned->backoff_ms = 0;
    assigned->last_epoch = -1;
    assigned->committed = false;
    assigned->behind_since_ms = 0;
    assigned->told_end = false;
    if (offset >= 0) {
        assigned->state = FETCH_READY;
        assigned->start = assigned->next_offset = offset;
        standing_look(assigned);
    } else if (offset != POSITION_BY_POLICY) {
        fetch_look_up(fetcher, assigned, offset);
    } else if (assigned->values->offset_reset == RESET_NONE) {
        fetcher_stick(fetcher, assigned, K_OFFSET_OUT_OF_RANGE);
    } else {
        fetch_look_up(fetcher, assigned, by_policy[assigned->values->offset_reset]);
    }
    fetcher_pump_soon(fetcher);
}

bool fetch_leader_insists(struct fetcher *fetcher, struct assigned *assigned)
{
    int64_t now = fetcher_now_ms(fetcher);

    if (assigned->behind_since_ms == 0)
        assigned->behind_since_ms = now;
    return now - assigned->behind_since_ms >= fetcher_values(fetcher)->topic_propagation_max_ms;
}

bool fetch_leader_is_behind(struct fetcher *fetcher, struct assigned *assigned,
                            const Kairn__FetchResult *result)
{
    bool had = (assigned->committed || assigned->last_epoch >= 0) &&    /* or it was read */
               uuid_equal(&assigned->last_id, &assigned->held->id);

    if (!had || result == NULL || assigned->next_offset <= result->high_watermark)
        return false;
    return !fetch_leader_insists(fetcher, assigned);
}

void fetch_tell_end(struct fetcher *fetcher, struct assigned *assigned)
{
    if (!fetcher_values(fetcher)->partition_eof || assigned->told_end ||
        assigned->state != FETCH_READY || assigned->next_offset < atomic_load(&assigned->end))
        return;
    assigned->told_end = true;
    fetcher_tell(fetcher, assigned, K_END_OF_PARTITION, -1);
}

void fetch_forget_all(struct fetcher *fetcher)
{
    for (struct list *node; (node = list_first(&fetcher->finders)) != NULL;) {
        struct finder *finder = LIST_OWNER(node, struct finder, node);
        if (finder->asks_group)
            fetch_forget_look_up(finder->assigned);
        else
            inquiry_end(&finder->lookup.inquiry, K_CLOSED, NULL);
    }
}
