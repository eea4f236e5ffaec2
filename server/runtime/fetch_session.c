/* fetch_session.c - the side of a session that its connection belongs to: requests in their order,
 * and which questions there are. */
#include "server/runtime/fetch_session.h"

#include <stdlib.h>

#include "common/error.h"
#include "server/runtime/fetch_session_private.h"
#include "server/runtime/shard_state.h"

enum {
    LOOK_MS = 500,                      /* at all parts, however much there is to do for some */
    IDLE_MS = 60 * 1000                 /* no request for so long: it may make room for another */
};

static void go_on(struct fetch_session *session);

/* --- life ------------------------------------------------------------------------------------- */

static void free_question(struct session_question *question)
{
    fetch_drop(&question->item);
    question->part->session->home->consumer_questions--;
    free(question);
}

static void free_leaving(struct list *list)
{
    while (!list_empty(list)) {
        struct session_question *question =
            LIST_OWNER(list_first(list), struct session_question, leaving);
        list_remove(&question->leaving);
        free_question(question);
    }
}

/* No part has a hand in it any more. */
static void free_session(struct fetch_session *session)
{
    size_t position = 0;
    void *value;

    while (map_next(&session->questions, &position, NULL, NULL, &value))
        free_question(value);
    map_fini(&session->questions);
    free_leaving(&session->dead);
    for (int i = 0; i < session->scatter.part_count; i++)
        free_leaving(&session->parts[i].gone);
    turn_hook_cancel(&session->hook);
    list_remove(&session->node);
    arena_fini(&session->arena);
    free(session);
}

static void left(struct scatter *scatter)
{
    free_session(LIST_OWNER(scatter, struct fetch_session, scatter));
}

static void choose(struct fetch_session *session, struct session_part *part)
{
    part->used = true;
    list_append(&session->scatter.parts[part - session->parts].entries, &part->chosen);
}

static void unchoose_all(struct fetch_session *session)
{
    for (int i = 0; i < session->scatter.part_count; i++)
        list_remove(&session->parts[i].chosen);
}

/* What parts have told before they let go comes before their answer to this. */
static void leave(struct fetch_session *session)
{
    unchoose_all(session);
    for (int i = 0; i < session->scatter.part_count; i++)
        if (session->parts[i].used)
            choose(session, &session->parts[i]);
    session->scatter.run = session_part_leave;
    session->scatter.done = left;
    scatter_ask(&session->scatter);
}

static void fail(struct session_fetch *fetch, int code)
{
    list_move(&fetch->session->dead, &fetch->gone);
    fetch->code = code;
    fetch->done(fetch);
}

static void fail_current(struct fetch_session *session)
{
    struct session_fetch *fetch = session->current;

    session->current = NULL;
    if (fetch != NULL)
        fail(fetch, K_FETCH_SESSION_ID_NOT_FOUND);
}

void fetch_session_end(struct fetch_session *session)
{
    struct fetch_session **link = session->owner;

    while (*link != session)
        link = &(*link)->next;
    *link = session->next;
    bool busy = session->busy;          /* who is told may come back with more */
    session->busy = session->ending = true;
    shard_deadline_clear(session->home, &session->deadline);
    while (!list_empty(&session->waiting)) {
        struct session_fetch *fetch =
            LIST_OWNER(list_first(&session->waiting), struct session_fetch, node);
        list_remove(&fetch->node);
        fail(fetch, K_FETCH_SESSION_ID_NOT_FOUND);
    }
    session->busy = busy;
    go_on(session);
}

void fetch_sessions_end(struct fetch_session **sessions)
{
    while (*sessions != NULL)
        fetch_session_end(*sessions);
}

static void deadline_came(struct shard_deadline *deadline)
{
    struct fetch_session *session = LIST_OWNER(deadline, struct fetch_session, deadline);

    session->over = session->look = true;
    go_on(session);
}

static void turn_ended(struct turn_hook *hook)
{
    go_on(LIST_OWNER(hook, struct fetch_session, hook));
}

static void init_part(struct session_part *part, struct fetch_session *session, int index)
{
    part->session = session;
    part->shard = session->scatter.parts[index].shard;
    list_init(&part->chosen);
    list_init(&part->asks);
    list_init(&part->returned);
    list_init(&part->gone);
    list_init(&part->answers);
    list_init(&part->open);
    list_init(&part->ready);
    list_init(&part->late);
}

static int new_session(struct fetch_session **sessions, struct shard *home, bool committed,
                       struct fetch_session **out)
{
    size_t count = (size_t)shards_count(shard_owner(home));
    struct fetch_session *session = calloc(1, sizeof *session + count * sizeof session->parts[0]);

    if (session == NULL)
        return K_NOMEM;
    arena_init(&session->arena, NULL, 0, SIZE_MAX);
    if (scatter_init(&session->scatter, home, &session->arena) != 0) {
        arena_fini(&session->arena);
        free(session);
        return K_NOMEM;
    }
    session->home = home;
    session->committed = committed;
    session->id = rand_u64(&home->rand) | 1;    /* not one of before, nor 0 */
    session->epoch = 2;                         /* it began with the first */
    session->looked_ms = session->used_ms = shard_now_ms(home);
    map_init(&session->questions);
    list_init(&session->waiting);
    list_init(&session->dead);
    shard_deadline_init(&session->deadline, deadline_came);
    turn_hook_init(&session->hook, turn_ended);
    for (size_t i = 0; i < count; i++)
        init_part(&session->parts[i], session, (int)i);
    list_append(&home->consumer_sessions, &session->node);
    session->owner = sessions;
    session->next = *sessions;
    *sessions = session;
    *out = session;
    return 0;
}

/* False: there is none on this connection. */
static bool make_room(struct fetch_session **sessions, int64_t now_ms)
{
    struct fetch_session *idle = NULL;
    int count = 0;

    for (struct fetch_session *session = *sessions; session != NULL; session = session->next) {
        count++;
        if (now_ms - session->used_ms >= IDLE_MS &&
            (idle == NULL || session->used_ms < idle->used_ms))
            idle = session;
    }
    if (count < FETCH_SESSIONS_MAX)
        return true;
    if (idle != NULL)
        fetch_session_end(idle);
    return idle != NULL;
}

int fetch_session_begin(struct fetch_session **sessions, struct shard *home, bool committed,
                        size_t questions, struct fetch_session **out)
{
    if (questions > FETCH_SESSION_QUESTIONS_MAX ||
        home->consumer_questions + questions > FETCH_SESSION_LOOP_MAX ||
        !make_room(sessions, shard_now_ms(home)))
        return K_BUSY;
    return new_session(sessions, home, committed, out);
}

int fetch_session_find(struct fetch_session **sessions, uint64_t id, uint32_t epoch,
                       struct fetch_session **out)
{
    struct fetch_session *session = *sessions;

    while (session != NULL && session->id != id)
        session = session->next;
    if (session == NULL)
        return K_FETCH_SESSION_ID_NOT_FOUND;
    if (session->epoch != epoch) {
        fetch_session_end(session);
        return K_INVALID_FETCH_SESSION_EPOCH;
    }
    session->epoch++;
    session->used_ms = shard_now_ms(session->home);
    *out = session;
    return 0;
}

uint64_t fetch_session_id(const struct fetch_session *session)
{
    return session->id;
}

/* --- questions -------------------------------------------------------------------------------- */

static struct session_part *part_of(struct fetch_session *session, const struct partition_key *key)
{
    return &session->parts[metadata_loop_of(&key->topic_id, key->index,
                                            session->scatter.part_count)];
}

static int find_question(struct fetch_session *session, const struct partition_key *key,
                         struct session_question **out)
{
    struct session_question *question = map_get(&session->questions, key, sizeof *key);

    *out = question;
    if (question != NULL)
        return 0;
    if (session->questions.count >= FETCH_SESSION_QUESTIONS_MAX ||
        session->home->consumer_questions >= FETCH_SESSION_LOOP_MAX)
        return K_FETCH_SESSION_ID_NOT_FOUND;    /* it has become too large: no more of it */
    question = calloc(1, sizeof *question);
    if (question == NULL ||
        map_put(&session->questions, key, sizeof *key, question, NULL) != 0) {
        free(question);
        return K_NOMEM;
    }
    question->part = part_of(session, key);
    question->item.key = *key;
    fetch_item_init(&question->item);
    question->told_watermark = question->told_stable = question->told_start = -1;
    list_init(&question->open);
    list_init(&question->queued);
    list_init(&question->watching);
    list_init(&question->leaving);
    session->home->consumer_questions++;
    *out = question;
    return 0;
}

static int take_questions(struct fetch_session *session, struct session_fetch *fetch)
{
    int code = 0;

    for (size_t i = 0; i < fetch->forgotten_count; i++) {
        const struct partition_key *key = &fetch->forgotten[i];
        struct session_question *question = map_remove(&session->questions, key, sizeof *key);
        if (question != NULL)
            list_append(&fetch->gone, &question->leaving);
    }
    for (size_t i = 0; code == 0 && i < fetch->ask_count; i++)
        code = find_question(session, &fetch->asks[i].key, &fetch->asks[i].question);
    return code;
}

/* To the parts, which nobody visits now. */
static void hand_out(struct fetch_session *session, struct session_fetch *fetch)
{
    size_t used = 0;

    while (!list_empty(&fetch->gone)) {
        struct session_question *question =
            LIST_OWNER(list_first(&fetch->gone), struct session_question, leaving);
        list_remove(&question->leaving);
        list_append(&question->part->gone, &question->leaving);
    }
    for (size_t i = 0; i < fetch->ask_count; i++)
        list_append(&fetch->asks[i].question->part->asks, &fetch->asks[i].node);
    for (int i = 0; i < session->scatter.part_count; i++)
        used += session->parts[i].used || !list_empty(&session->parts[i].asks);
    session->share = used == 0 ? 0 : fetch->bytes_min / used;
    if (session->share == 0)
        session->share = 1;
}

/* --- requests --------------------------------------------------------------------------------- */

static void start_next(struct fetch_session *session)
{
    struct session_fetch *fetch =
        LIST_OWNER(list_first(&session->waiting), struct session_fetch, node);
    int64_t now_ms = shard_now_ms(session->home);

    list_remove(&fetch->node);
    session->current = fetch;
    session->fresh = true;
    session->over = fetch->deadline_ms <= now_ms || !list_empty(&session->waiting) ||
                    session->home->closed;
    session->look = now_ms - session->looked_ms >= LOOK_MS;
    hand_out(session, fetch);
}

/* How many parts there are to be visited. */
static int choose_parts(struct fetch_session *session)
{
    int chosen = 0;

    unchoose_all(session);
    session->all = session->look;
    session->last = session->over;
    session->look = false;
    for (int i = 0; i < session->scatter.part_count; i++) {
        struct session_part *part = &session->parts[i];
        bool orders = !list_empty(&part->asks) || !list_empty(&part->returned) ||
                      !list_empty(&part->gone);
        if (!orders && !part->news && !part->left && !(session->all && part->used) &&
            !(part->kept && (session->fresh || session->over)))
            continue;
        part->heard = part->news;
        part->news = false;
        choose(session, part);
        chosen++;
    }
    if (session->all)
        session->looked_ms = shard_now_ms(session->home);
    session->fresh = false;
    return chosen;
}

/* The asker may go away meanwhile, and end the session. */
static void answer(struct fetch_session *session)
{
    struct session_fetch *fetch = session->current;

    for (int i = 0; i < session->scatter.part_count; i++) {
        struct session_part *part = &session->parts[i];
        fetch->answer_count += part->answer_count;
        part->answer_count = 0;
        list_move(&fetch->answers, &part->answers);
    }
    shard_deadline_clear(session->home, &session->deadline);
    session->current = NULL;
    session->busy = true;
    fetch->done(fetch);
    session->busy = false;
}

static void visited(struct scatter *scatter)
{
    struct fetch_session *session = LIST_OWNER(scatter, struct fetch_session, scatter);
    size_t found = 0;
    bool enough = false;

    session->busy = false;
    for (int i = 0; i < scatter->part_count; i++) {
        struct session_part *part = &session->parts[i];
        free_leaving(&part->gone);
        enough |= part->enough && part->answer_count > 0;
        if (part->kept || part->answer_count > 0)
            found += part->found;
    }
    if (found > 0 && session->current != NULL && found >= session->current->bytes_min)
        session->over = true;               /* together they have enough */
    if (enough && !session->ending)
        answer(session);
    go_on(session);
}

/* False: it waits. */
static bool park(struct fetch_session *session)
{
    if (shard_deadline_set(session->home, &session->deadline, session->current->deadline_ms) == 0)
        return false;
    session->over = true;
    return true;
}

/* False: there is nothing to do at the moment. */
static bool step(struct fetch_session *session)
{
    if (session->busy || session->ending)
        return false;
    if (session->current == NULL && list_empty(&session->waiting))
        return false;
    if (session->current == NULL)
        start_next(session);
    if (choose_parts(session) > 0) {
        session->busy = true;
        session->scatter.run = session_part_visit;
        session->scatter.done = visited;
        scatter_ask(&session->scatter);
        return true;
    }
    if (session->over) {
        answer(session);
        return true;
    }
    return park(session);
}

/* Requests may be answered in the same call, any number of them: one after the other, and not each
 * inside of the one before. */
static void go_on(struct fetch_session *session)
{
    if (session->stepping)
        return;
    session->stepping = true;
    while (step(session)) {
    }
    session->stepping = false;
    if (session->busy || !session->ending)
        return;
    session->busy = true;
    fail_current(session);
    leave(session);
}

void session_part_told(struct mail *mail)
{
    struct session_part *part = LIST_OWNER(mail, struct session_part, told_mail);
    struct fetch_session *session = part->session;

    part->news = true;
    if (session->current != NULL)
        loop_at_turn_end(session->home->loop, &session->hook);
}

void fetch_session_ask(struct fetch_session *session, struct session_fetch *fetch)
{
    fetch->session = session;
    fetch->code = 0;
    fetch->answer_count = 0;
    list_init(&fetch->node);
    list_init(&fetch->answers);
    list_init(&fetch->gone);
    for (size_t i = 0; i < fetch->ask_count; i++)
        list_init(&fetch->asks[i].node);
    int code = take_questions(session, fetch);
    if (code != 0) {
        list_move(&session->dead, &fetch->gone);
        fetch_session_end(session);
        fetch->code = code;
        fetch->done(fetch);
        return;
    }
    list_append(&session->waiting, &fetch->node);
    session->over = true;                   /* who waits has waited long enough */
    go_on(session);
}

void session_fetch_hurry(struct session_fetch *fetch)
{
    struct fetch_session *session = fetch->session;

    session->over = true;
    if (session->current == fetch)
        go_on(session);
}

/* --- answers ---------------------------------------------------------------------------------- */

struct fetch_item *session_fetch_next(struct session_fetch *fetch, uint64_t *round)
{
    if (list_empty(&fetch->answers))
        return NULL;
    struct session_question *question =
        LIST_OWNER(list_first(&fetch->answers), struct session_question, queued);
    struct fetch_item *item = &question->item;
    bool stays = item->outcome.code == 0 && !item->diverged && item->span.size == 0;

    list_remove(&question->queued);
    question->told_watermark = item->high_watermark;
    question->told_stable = item->last_stable;
    question->told_start = item->log_start;
    if (stays)
        list_append(&question->part->returned, &question->queued);
    *round = question->round;
    return item;
}

void session_fetch_put_back(struct fetch_item *item)
{
    struct session_question *question = LIST_OWNER(item, struct session_question, item);

    fetch_drop(item);
    question->told_watermark = -1;
    list_remove(&question->queued);
    list_append(&question->part->returned, &question->queued);
}

/* --- of a shard ------------------------------------------------------------------------------- */

void fetch_sessions_init(struct shard *shard)
{
    list_init(&shard->consumer_sessions);
    shard->consumer_questions = 0;
}

void fetch_sessions_fini(struct shard *shard)
{
    while (!list_empty(&shard->consumer_sessions))
        free_session(LIST_OWNER(list_first(&shard->consumer_sessions), struct fetch_session, node));
}
