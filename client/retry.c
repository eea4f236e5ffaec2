/* The rules of failures.
 *
 * R1  The bound of a lane is the lowest offset among its failures that are not settled.
 * R2  A failure is settled only by being processed, or by the acknowledgement of what was sent.
 * R3  WAITING and REFUSED are exactly the states of what is in the heap of deadlines.
 * R4  A dead letter has failed more often than it may be retried, or for good. */
#include "client/retry.h"

#include <assert.h>
#include <stdlib.h>

#include "common/error.h"

enum { RESEND_MS = 100, RESEND_MAX_MS = 10000 };

static struct retry_effect *order(struct retry *retry, enum retry_effect_type type)
{
    assert(retry->effect_count < RETRY_EFFECTS_MAX);
    struct retry_effect *effect = &retry->effects[retry->effect_count++];
    *effect = (struct retry_effect){ .type = type };
    return effect;
}

static void order_of(struct retry *retry, enum retry_effect_type type,
                     struct retry_failure *failure)
{
    order(retry, type)->failure = failure;
}

static void order_lane(struct retry *retry, enum retry_effect_type type, struct retry_lane *lane,
                       int64_t offset)
{
    struct retry_effect *effect = order(retry, type);

    effect->lane = lane;
    effect->offset = offset;
}

/* --- delays ----------------------------------------------------------------------------------- */

/* `first_ms`, doubled `count` times, never over `max_ms`. */
static int64_t doubled(int64_t first_ms, int64_t max_ms, int32_t count)
{
    int64_t delay_ms = first_ms;

    while (count-- > 0 && delay_ms < max_ms)
        delay_ms = delay_ms > max_ms / 2 ? max_ms : 2 * delay_ms;
    return delay_ms < max_ms ? delay_ms : max_ms;
}

static int64_t back_off(struct retry *retry, int32_t attempts)
{
    const struct retry_rules *rules = &retry->rules;
    int64_t delay_ms = doubled(rules->backoff_ms, rules->backoff_max_ms, attempts - 1);
    int64_t span_ms = (int64_t)((double)delay_ms * rules->jitter_percent / 100);

    return delay_ms - (int64_t)rand_below(&retry->rand, (uint64_t)span_ms + 1);
}

/* --- alerts ----------------------------------------------------------------------------------- */

/* Told once when so many lie within the window, and then not before as many more have come. */
static void count_for_alert(struct retry *retry, enum retry_alert alert, int64_t now_ms)
{
    struct retry_times *times = &retry->times[alert];

    if (times->size == 0)
        return;
    times->items[times->next] = now_ms;
    times->next = (times->next + 1) % times->size;
    times->count += times->count < times->size;
    /* The place to be filled next is that of the oldest. */
    if (times->count < times->size ||
        now_ms - times->items[times->next] > retry->rules.alert_window_ms)
        return;
    times->count = 0;
    struct retry_effect *effect = order(retry, RETRY_DO_ALERT);
    effect->alert = alert;
    effect->count = times->size;
}

/* --- states ----------------------------------------------------------------------------------- */

static void enter(struct retry *retry, struct retry_failure *failure, enum retry_state state)
{
    bool sent = failure->state == RETRY_SENDING || failure->state == RETRY_REFUSED;
    bool sends = state == RETRY_SENDING || state == RETRY_REFUSED;

    heap_remove(&retry->waiting, &failure->due);
    retry->sending = retry->sending + sends - sent;
    failure->state = state;
}

static void wait_until(struct retry *retry, struct retry_failure *failure, enum retry_state state,
                       int64_t due_ms)
{
    enter(retry, failure, state);
    int code = heap_push(&retry->waiting, &failure->due, due_ms);
    assert(code == 0);              /* there is room since it was admitted */
    (void)code;
}

static void send(struct retry *retry, struct retry_failure *failure)
{
    enter(retry, failure, RETRY_SENDING);
    order_of(retry, RETRY_DO_SEND, failure);
}

static void leave(struct retry *retry, struct retry_failure *failure)
{
    enter(retry, failure, RETRY_OVER);
    heap_remove(&failure->lane->unsettled, &failure->place);
    retry->failures--;
}

static void failed(struct retry *retry, struct retry_failure *failure,
                   const struct retry_event *event)
{
    assert(failure->state == RETRY_NEW || failure->state == RETRY_OUT);
    failure->attempts += failure->attempts < INT32_MAX;
    failure->refusals = 0;
    count_for_alert(retry, RETRY_MANY_FAILURES, event->now_ms);
    bool retries = !event->for_good && failure->attempts <= retry->rules.retries;
    failure->delay_ms = retries ? back_off(retry, failure->attempts) : 0;
    if (retries && retry->rules.mode != RETRY_BY_TOPIC) {
        wait_until(retry, failure, RETRY_WAITING, event->now_ms + failure->delay_ms);
        return;
    }
    failure->way = retries ? RETRY_TO_RETRY_TOPIC : RETRY_TO_DEAD_LETTERS;
    send(retry, failure);
}

static void settle(struct retry *retry, struct retry_failure *failure)
{
    leave(retry, failure);
    order_of(retry, RETRY_DO_SETTLE, failure);
}

static void refused(struct retry *retry, struct retry_failure *failure, int64_t now_ms)
{
    assert(failure->state == RETRY_SENDING);
    int32_t refusals = failure->refusals += failure->refusals < INT32_MAX;
    wait_until(retry, failure, RETRY_REFUSED,
               now_ms + doubled(RESEND_MS, RESEND_MAX_MS, refusals - 1));
    if ((refusals & (refusals - 1)) == 0)
        order_of(retry, RETRY_DO_TELL_REFUSED, failure);
}

/* Its retry would be refused for ever, and hold up the group. */
static void does_not_fit(struct retry *retry, struct retry_failure *failure, int64_t now_ms)
{
    assert(failure->state == RETRY_SENDING && failure->way == RETRY_TO_RETRY_TOPIC);
    failure->refusals += failure->refusals < INT32_MAX;
    failure->way = RETRY_TO_DEAD_LETTERS;
    order_of(retry, RETRY_DO_TELL_REFUSED, failure);
    count_for_alert(retry, RETRY_MANY_LETTERS, now_ms);
    send(retry, failure);
}

/* The failure that is due, or NULL. */
static struct retry_failure *tick(struct retry *retry, int64_t now_ms)
{
    struct heap_node *top = heap_top(&retry->waiting);

    if (top == NULL || top->key > now_ms)
        return NULL;
    struct retry_failure *failure =
        (struct retry_failure *)((char *)top - offsetof(struct retry_failure, due));
    if (failure->state == RETRY_REFUSED) {
        send(retry, failure);
    } else {
        enter(retry, failure, RETRY_OUT);
        order_of(retry, RETRY_DO_RETURN, failure);
    }
    return failure;
}

/* --- lanes ------------------------------------------------------------------------------------ */

static int64_t lowest(const struct retry_lane *lane)
{
    const struct heap_node *top = heap_top(&lane->unsettled);

    return top == NULL ? RETRY_NO_BOUND : top->key;
}

static void review(struct retry *retry, struct retry_lane *lane, int64_t offset)
{
    size_t most = retry->rules.mode == RETRY_IN_ORDER ? 1 : (size_t)retry->rules.held_max;
    bool holds = lane->unsettled.count >= most;
    int64_t bound = lowest(lane);

    if (!lane->known || bound != lane->bound)
        order_lane(retry, RETRY_DO_BOUND, lane, bound);
    if (holds != lane->held)
        order_lane(retry, holds ? RETRY_DO_HOLD : RETRY_DO_RELEASE, lane, offset);
    lane->bound = bound;
    lane->known = true;
    lane->held = holds;
}

/* --- the step --------------------------------------------------------------------------------- */

static void check(const struct retry_failure *failure)
{
    bool timed = failure->state == RETRY_WAITING || failure->state == RETRY_REFUSED;

    assert((failure->due.index != HEAP_OUT) == timed);                          /* R3 */
    assert((failure->place.index == HEAP_OUT) == (failure->state == RETRY_OVER));
    assert(failure->lane->bound == lowest(failure->lane));                      /* R1 */
}

struct retry_effects retry_step(struct retry *retry, const struct retry_event *event)
{
    struct retry_failure *failure = event->failure;

    retry->effect_count = 0;
    switch (event->type) {
    case RETRY_FAILED:
        failed(retry, failure, event);
        if (failure->state == RETRY_SENDING && failure->way == RETRY_TO_DEAD_LETTERS)
            count_for_alert(retry, RETRY_MANY_LETTERS, event->now_ms);
        break;
    case RETRY_ARRIVED:
        assert(failure->state == RETRY_NEW);
        wait_until(retry, failure, RETRY_WAITING,
                   event->now_ms + (event->delay_ms < retry->rules.backoff_max_ms
                                        ? event->delay_ms
                                        : retry->rules.backoff_max_ms));
        break;
    case RETRY_PROCESSED:
        assert(failure->state == RETRY_OUT);                                    /* R2 */
        settle(retry, failure);
        break;
    case RETRY_STORED:
        assert(failure->state == RETRY_SENDING);                                /* R2 */
        settle(retry, failure);
        break;
    case RETRY_REFUSED_BY_CLUSTER: refused(retry, failure, event->now_ms); break;
    case RETRY_DOES_NOT_FIT: does_not_fit(retry, failure, event->now_ms); break;
    case RETRY_GONE: leave(retry, failure); break;
    case RETRY_TICK: failure = tick(retry, event->now_ms); break;
    }
    if (failure != NULL) {
        review(retry, failure->lane, failure->place.key);
        check(failure);
    }
    return (struct retry_effects){ retry->effect_count, retry->effects };
}

int64_t retry_deadline_ms(const struct retry *retry)
{
    const struct heap_node *top = heap_top(&retry->waiting);

    return top == NULL ? INT64_MAX : top->key;
}

/* --- life ------------------------------------------------------------------------------------- */

int retry_admit(struct retry *retry, struct retry_lane *lane, struct retry_failure *failure,
                int64_t offset, int32_t attempts)
{
    *failure = (struct retry_failure){ .lane = lane, .attempts = attempts };
    heap_node_init(&failure->due);
    heap_node_init(&failure->place);
    int code = heap_reserve(&retry->waiting, retry->failures + 1);
    if (code == 0)
        code = heap_push(&lane->unsettled, &failure->place, offset);
    retry->failures += code == 0;
    return code;
}

int retry_init(struct retry *retry, const struct retry_rules *rules)
{
    const int32_t sizes[RETRY_ALERTS] = { [RETRY_MANY_FAILURES] = rules->alert_failures,
                                          [RETRY_MANY_LETTERS] = rules->alert_letters };
    int code = 0;

    *retry = (struct retry){ .rules = *rules };
    heap_init(&retry->waiting);
    rand_seed(&retry->rand, rules->seed);
    for (int i = 0; i < RETRY_ALERTS; i++) {
        struct retry_times *times = &retry->times[i];
        if (sizes[i] == 0)
            continue;
        times->items = calloc((size_t)sizes[i], sizeof *times->items);
        times->size = times->items == NULL ? 0 : sizes[i];
        code = times->items == NULL ? K_NOMEM : code;
    }
    if (code != 0)
        retry_fini(retry);
    return code;
}

void retry_fini(struct retry *retry)
{
    for (int i = 0; i < RETRY_ALERTS; i++)
        free(retry->times[i].items);
    heap_fini(&retry->waiting);
    *retry = (struct retry){ 0 };
}

void retry_lane_fini(struct retry_lane *lane)
{
    heap_fini(&lane->unsettled);
}
