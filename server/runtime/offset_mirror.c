/* offset_mirror.c - parcels of committed offsets become writes, a few at a time. While ZooKeeper is
 * away they wait; what it refuses for good is given up, said, and comes again with the next
 * commit. */
#include "server/runtime/offset_mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "server/runtime/control_internal.h"
#include "zk/znode.h"

enum {
    WRITES_MAX = 16,              /* in flight: elections do not wait behind more */
    CALLS_MAX = 20,               /* for one note: others may remove what we make */
    RETRY_MS = 500,
    SAY_MS = 60000
};

/* The nodes of a note, from the outside in. */
enum { LEVEL_GROUP, LEVEL_OFFSETS, LEVEL_TOPIC, LEVEL_PARTITION };

/* --- one note ---------------------------------------------------------------------------------
 *
 *   set --not there--> create its topic --not there--> create further out ... and back in again
 *   delete the partition's --then--> each node further out, while it has no other children */

static void go_on(struct control *control);

static char *path_of(struct arena *arena, const struct mirror_note *note)
{
    switch (note->level) {
    case LEVEL_GROUP:
        return znode_path(arena, ZNODE_CONSUMER, note->group);
    case LEVEL_OFFSETS:
        return znode_path(arena, ZNODE_CONSUMER_OFFSETS, note->group);
    case LEVEL_TOPIC:
        return znode_path(arena, ZNODE_CONSUMER_TOPIC, note->group, note->topic);
    default:
        return znode_path(arena, ZNODE_CONSUMER_OFFSET, note->group, note->topic,
                          note->partition);
    }
}

/* It is not in flight any more: it comes again when ZooKeeper is back, or is gone. */
static void finish(struct mirror_note *note, int code)
{
    struct mirror_parcel *parcel = note->parcel;
    struct control *control = parcel->control;

    parcel->in_flight--;
    control->mirror.in_flight--;
    if ((code == K_SESSION_LOST || code == K_NOMEM) && !control->closed) {
        list_prepend(&parcel->notes, &note->node);
        timer_after(control->mirror.retry, RETRY_MS);
        return;
    }
    if (code == 0)
        metric_add(control->options.metrics, METRIC_OFFSETS_MIRRORED, 1);
    else if (!control->closed && log_rarely("offset-not-mirrored", note->group, SAY_MS))
        LOG_WARN("offset-not-mirrored",
                 "group=\"%s\" topic=%s partition=%" PRId32
                 " error=%s action=\"the next commit tries again\"",
                 note->group, note->topic, note->partition, k_error_name(code));
    free(note);
}

static void set_answered(void *context, const struct zk_reply *reply);
static void created(void *context, const struct zk_reply *reply);
static void deleted(void *context, const struct zk_reply *reply);

static int call(struct mirror_note *note)
{
    struct zk_session *session = note->parcel->control->session;
    char memory[1024], text[24];
    struct arena arena;
    int size = snprintf(text, sizeof text, "%" PRId64, note->offset);
    int code;

    arena_init(&arena, memory, sizeof memory, 1 << 20);
    struct zk_op op = {.path = path_of(&arena, note), .version = -1};
    if (op.path == NULL) {
        code = K_NOMEM;
    } else if (note->offset < 0) {
        op.kind = ZK_OP_DELETE;
        code = zk_multi(session, &op, 1, deleted, note);
    } else if (note->creating) {
        op.kind = ZK_OP_CREATE;
        if (note->level == LEVEL_PARTITION) {
            op.data = text;
            op.size = (size_t)size;
        }
        code = zk_multi(session, &op, 1, created, note);
    } else {
        code = zk_set(session, op.path, text, (size_t)size, -1, set_answered, note);
    }
    arena_fini(&arena);
    return code;
}

/* Within an answer: the next call. */
static void proceed(struct mirror_note *note)
{
    struct control *control = note->parcel->control;
    int code = control->closed ? K_CLOSED : ++note->calls > CALLS_MAX ? K_BUSY : call(note);

    if (code == 0)
        return;
    finish(note, code);
    go_on(control);
}

static void answered(struct mirror_note *note, int code)
{
    struct control *control = note->parcel->control;

    finish(note, code);
    go_on(control);
}

static void set_answered(void *context, const struct zk_reply *reply)
{
    struct mirror_note *note = context;

    if (reply->code != K_NOT_FOUND) {
        answered(note, reply->code);
        return;
    }
    note->creating = true;
    note->level = LEVEL_TOPIC;
    proceed(note);
}

static void created(void *context, const struct zk_reply *reply)
{
    struct mirror_note *note = context;
    bool there = reply->code == 0 || reply->code == K_EXISTS;

    if (reply->code == 0 && note->level == LEVEL_PARTITION) {
        answered(note, 0);
    } else if (there && note->level == LEVEL_PARTITION) {
        note->creating = false;
        proceed(note);
    } else if (there) {
        note->level++;
        proceed(note);
    } else if (reply->code == K_NOT_FOUND && note->level > LEVEL_GROUP) {
        note->level--;
        proceed(note);
    } else {
        answered(note, reply->code);
    }
}

static void deleted(void *context, const struct zk_reply *reply)
{
    struct mirror_note *note = context;
    bool gone = reply->code == 0 || reply->code == K_NOT_FOUND;

    if (gone && note->level > LEVEL_GROUP) {
        note->level--;
        proceed(note);
    } else {
        answered(note, gone || reply->code == K_BUSY ? 0 : reply->code);
    }
}

/* --- all of them ------------------------------------------------------------------------------ */

/* Of the oldest parcel that has one; parcels that are through are let go on the way. */
static struct mirror_note *next_note(struct control *control)
{
    struct offset_mirror *mirror = &control->mirror;

    LIST_EACH_SAFE(&mirror->parcels, node, after)
    {
        struct mirror_parcel *parcel = LIST_OWNER(node, struct mirror_parcel, node);
        bool over = control->closed || list_empty(&parcel->notes) ||
                    atomic_load(&parcel->withdrawn);
#ifdef MUTANT_WITHDRAWN_MIRRORED
        over = control->closed || list_empty(&parcel->notes);
#endif
        if (!over)
            return LIST_OWNER(list_first(&parcel->notes), struct mirror_note, node);
        if (parcel->in_flight > 0)
            continue;
        list_remove(node);
        atomic_store(&parcel->done_ms, control_now_ms(control));
        mirror_parcel_unref(parcel);
    }
    return NULL;
}

static void go_on(struct control *control)
{
    struct offset_mirror *mirror = &control->mirror;
    struct mirror_note *note;

    while ((note = next_note(control)) != NULL && mirror->in_flight < WRITES_MAX &&
           !timer_pending(mirror->retry)) {
        list_remove(&note->node);
        note->parcel->in_flight++;
        mirror->in_flight++;
        note->level = LEVEL_PARTITION;
        note->creating = false;
        note->calls = 1;
        int code = control->session != NULL ? call(note) : K_SESSION_LOST;
        if (code != 0)
            finish(note, code);
    }
}

static void retry(void *context)
{
    go_on(context);
}

static void arrived(struct mail *mail)
{
    struct mirror_parcel *parcel = LIST_OWNER(mail, struct mirror_parcel, mail);
    struct control *control = parcel->control;

    LIST_EACH(&parcel->notes, node)
    LIST_OWNER(node, struct mirror_note, node)->parcel = parcel;
    list_append(&control->mirror.parcels, &parcel->node);
    go_on(control);
}

void control_mirror(struct control *control, struct mirror_parcel *parcel)
{
    atomic_fetch_add(&parcel->references, 1);
    parcel->control = control;
    parcel->mail.deliver = arrived;
    loop_post(control->options.loop, &parcel->mail);
}

int offset_mirror_init(struct control *control)
{
    list_init(&control->mirror.parcels);
    return timer_new(control->options.loop, retry, control, &control->mirror.retry);
}

void offset_mirror_stop(struct control *control)
{
    timer_stop(control->mirror.retry);
    go_on(control);
}

void offset_mirror_fini(struct control *control)
{
    timer_free(control->mirror.retry);
}
