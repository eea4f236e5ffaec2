/* fetch_start.c - where reading a partition begins: at an offset, an end, or as the policy says. */
#include <stdlib.h>

#include "client/fetcher_private.h"
#include "common/error.h"

/* A look-up of a start position. */
struct finder {
    struct list node;
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

static void found(struct lookup *lookup, int code)
{
    struct finder *finder = LIST_OWNER(lookup, struct finder, lookup);
    struct fetcher *fetcher = finder->fetcher;
    struct assigned *assigned = finder->assigned;

    if (assigned != NULL && !fetcher->stopping) {
        if (code == 0) {
            assigned->state = FETCH_READY;
            assigned->next_offset = lookup->offset;
            assigned->backoff_ms = 0;
            fetcher_tell(fetcher, assigned, 0, lookup->offset);
            fetcher_pump_soon(fetcher);
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
    assigned->finder = NULL;
    finder->assigned = NULL;
    assigned_unref(assigned);
    inquiry_end(&finder->lookup.inquiry, K_CLOSED, NULL);
}

void fetch_start_at(struct fetcher *fetcher, struct assigned *assigned, int64_t offset)
{
    static const int64_t by_policy[] = { [RESET_LATEST] = POSITION_END,
                                         [RESET_EARLIEST] = POSITION_BEGINNING };

    fetch_forget_look_up(assigned);
    assigned->fetch = NULL;         /* its answer is of an older generation */
    assigned->retry_at_ms = assigned->backoff_ms = 0;
    if (offset >= 0) {
        assigned->state = FETCH_READY;
        assigned->next_offset = offset;
    } else if (offset != POSITION_BY_POLICY) {
        fetch_look_up(fetcher, assigned, offset);
    } else if (fetcher_values(fetcher)->offset_reset == RESET_NONE) {
        fetcher_stick(fetcher, assigned, K_OFFSET_OUT_OF_RANGE);
    } else {
        fetch_look_up(fetcher, assigned, by_policy[fetcher_values(fetcher)->offset_reset]);
    }
    fetcher_pump_soon(fetcher);
}

void fetch_forget_all(struct fetcher *fetcher)
{
    while (!list_empty(&fetcher->finders))
        inquiry_end(&LIST_OWNER(list_first(&fetcher->finders), struct finder, node)->lookup.inquiry,
                    K_CLOSED, NULL);
}
