/* fetch_session_part.c - the side of a session that owns the partitions: what has news, and
 * reading it. */
#include "server/runtime/fetch_session_private.h"
#include "server/runtime/shard_state.h"

/* Answers of all parts at once: their head has a limit. */
enum { ANSWERS_MAX = 8000 };

static struct session_part *own_part(struct scatter_part *part)
{
    struct fetch_session *session = LIST_OWNER(part->scatter, struct fetch_session, scatter);

    return &session->parts[part - part->scatter->parts];
}

/* --- news ------------------------------------------------------------------------------------- */

static void tell(struct session_part *part)
{
    if (part->told)
        return;
    part->told = true;
    part->told_mail.deliver = session_part_told;
    if (part->shard == part->session->home)
        session_part_told(&part->told_mail);
    else
        mail_post(shard_mail_target(part->session->home), &part->told_mail);
}

static void queue(struct list *list, struct session_question *question)
{
    list_remove(&question->queued);
    list_append(list, &question->queued);
}

/* Its bytes count each time, until it is answered. */
static void ready(struct session_question *question, size_t bytes)
{
    struct session_part *part = question->part;

    queue(&part->ready, question);
    part->seen = bytes >= part->wanted ? part->wanted : part->seen + bytes;
    if (part->seen >= part->wanted)
        tell(part);
}

/* Its marks are others, which is told when somebody looks. */
static void late(struct session_question *question)
{
    if (list_empty(&question->queued))
        queue(&question->part->late, question);
}

/* How many of the bytes count. SIZE_MAX: it has to read anew. */
static size_t counted(struct partition *partition, struct session_question *question, size_t bytes)
{
    if (bytes == SIZE_MAX || !question->part->session->committed)
        return bytes;
    return partition->state == PARTITION_OPEN
               ? fetch_committed_bytes(partition, &question->item, bytes)
               : SIZE_MAX;
}

void fetch_sessions_wake(struct partition *partition, size_t bytes)
{
    struct list readers;

    list_init(&readers);
    list_move(&readers, &partition->readers);
    while (!list_empty(&readers)) {
        struct session_question *question =
            LIST_OWNER(list_first(&readers), struct session_question, watching);
        list_remove(&question->watching);
        if (bytes != SIZE_MAX)
            list_append(&partition->readers, &question->watching);
        size_t more = counted(partition, question, bytes);
        if (more > 0)
            ready(question, more);
        else
            late(question);
    }
}

void fetch_sessions_trimmed(struct partition *partition)
{
    LIST_EACH(&partition->readers, node)
        late(LIST_OWNER(node, struct session_question, watching));
}

bool fetch_sessions_want_log(const struct partition *partition)
{
    LIST_EACH(&partition->readers, node)
        if (LIST_OWNER(node, struct session_question, watching)->item.opening)
            return true;
    return false;
}

/* --- visits ----------------------------------------------------------------------------------- */

static void open(struct session_part *part, struct session_question *question)
{
    if (list_empty(&question->open))
        list_append(&part->open, &question->open);
    list_remove(&question->watching);
    queue(&part->ready, question);
}

static void close(struct session_question *question)
{
    question->item.opening = false;
    list_remove(&question->open);
    list_remove(&question->watching);
    list_remove(&question->queued);
}

/* What the connection's shard brings. Those that are gone stay where it finds them. */
static void take_orders(struct session_part *part)
{
    LIST_EACH(&part->gone, node)
        close(LIST_OWNER(node, struct session_question, leaving));
    while (!list_empty(&part->returned))
        open(part, LIST_OWNER(list_first(&part->returned), struct session_question, queued));
    while (!list_empty(&part->asks)) {
        struct session_ask *ask = LIST_OWNER(list_first(&part->asks), struct session_ask, node);
        struct session_question *question = ask->question;
        list_remove(&ask->node);
        question->round = ask->round;
        question->refused = ask->refused;
        question->item.offset = ask->offset;
        question->item.bytes_max = ask->bytes_max;
        question->item.leader_epoch = ask->leader_epoch;
        question->item.last_epoch = ask->last_epoch;
        open(part, question);
    }
}

/* Whoever was cut off may have been replaced without hearing of it, and would wait for records that
 * another one is given. */
static void look_at_lease(struct session_part *part)
{
    const struct session_question *any =
        list_empty(&part->open)
            ? NULL
            : LIST_OWNER(list_first(&part->open), struct session_question, open);
    const struct partition *partition =
        any == NULL ? NULL : partition_find(part->shard, &any->item.key);

    if (partition == NULL || partition_lease_holds(partition))
        return;
    LIST_EACH(&part->open, node)
        queue(&part->ready, LIST_OWNER(node, struct session_question, open));
}

static bool has_other_marks(const struct session_question *question)
{
    const struct fetch_item *item = &question->item;

    return !item->opening && (item->high_watermark != question->told_watermark ||
                              item->last_stable != question->told_stable ||
                              item->log_start != question->told_start);
}

static bool has_news(const struct session_question *question)
{
    return question->item.outcome.code != 0 || question->item.diverged ||
           question->item.span.size > 0;
}

static void answer(struct session_part *part, struct session_question *question)
{
    close(question);
    list_append(&part->answers, &question->queued);
    part->answer_count++;
}

/* It has nothing to say, but perhaps marks. Where the partition is not, that was an error. */
static void watch(struct session_part *part, struct session_question *question)
{
    struct partition *partition = partition_find(part->shard, &question->item.key);

    list_remove(&question->queued);
    if (list_empty(&question->watching))
        list_append(&partition->readers, &question->watching);
    if (has_other_marks(question))
        late(question);
}

/* False: there is no room for it. */
static bool read_one(struct session_part *part, struct fetch_reader *reader, size_t room,
                     struct session_question *question)
{
    bool first = part->found == 0;

    if (question->refused != 0)
        question->item.outcome.code = question->refused;
    else if (!fetch_read(reader, &question->item, room, first))
        return false;
    if (has_news(question) || (part->session->all && has_other_marks(question))) {
        part->enough |= question->item.outcome.code != 0 || question->item.diverged ||
                        question->item.span.size == 0;
        part->found += question->item.span.size;
        answer(part, question);
    } else {
        watch(part, question);
    }
    return true;
}

static void read_ready(struct session_part *part, const struct session_fetch *fetch)
{
    size_t most = ANSWERS_MAX / (size_t)part->session->scatter.part_count;
    struct fetch_reader reader = {
        .shard = part->shard,
        .committed = part->session->committed,
        .aborted_room = FETCH_ABORTED_MAX / (size_t)part->session->scatter.part_count,
    };

    while (!list_empty(&part->ready)) {
        size_t room = part->found < fetch->bytes_max ? fetch->bytes_max - part->found : 0;
        struct session_question *question =
            LIST_OWNER(list_first(&part->ready), struct session_question, queued);
        part->left = part->answer_count == most || (room == 0 && part->found > 0) ||
                     !read_one(part, &reader, room, question);
        if (part->left)
            return;
    }
}

/* Too little to answer: it waits for more. What is held meanwhile would pin segments. */
static void keep(struct session_part *part)
{
    while (!list_empty(&part->answers)) {
        struct session_question *question =
            LIST_OWNER(list_first(&part->answers), struct session_question, queued);
        struct partition *partition = partition_find(part->shard, &question->item.key);
        fetch_drop(&question->item);
        open(part, question);
        list_append(&partition->readers, &question->watching);
    }
    part->answer_count = 0;
    part->seen = part->found;
    part->kept = true;
}

void session_part_visit(struct scatter_part *visit)
{
    struct session_part *part = own_part(visit);
    struct fetch_session *session = part->session;
    const struct session_fetch *fetch = session->current;

    take_orders(part);
    if (part->heard)
        part->told = false;
    part->wanted = session->share;
    part->seen = part->found = 0;
    part->enough = part->left = part->kept = false;
    if (session->all) {
        look_at_lease(part);
        list_move(&part->ready, &part->late);
    }
    read_ready(part, fetch);
    part->enough |= part->found >= (part->heard ? part->wanted : fetch->bytes_min) || part->left ||
                    session->last;
    if (!part->enough && part->answer_count > 0)
        keep(part);
    scatter_part_done(visit);
}

void session_part_leave(struct scatter_part *visit)
{
    struct session_part *part = own_part(visit);

    while (!list_empty(&part->open))
        close(LIST_OWNER(list_first(&part->open), struct session_question, open));
    scatter_part_done(visit);
}
