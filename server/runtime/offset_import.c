/* offset_import.c - topics, then the partitions of each, then their offsets: one call at a time,
 * as nobody is in a hurry. */
#include "server/runtime/offset_import.h"

#include <string.h>

#include "common/arena.h"
#include "common/error.h"
#include "server/runtime/control_internal.h"
#include "zk/znode.h"

enum { ROWS_MAX = 100000, PATH_MAX_BYTES = 64 << 10 };

static void answer_delivered(struct mail *mail)
{
    struct offset_import_ask *ask = LIST_OWNER(mail, struct offset_import_ask, mail);

    ask->answered(ask);
}

static void answer(struct offset_import_ask *ask, int code)
{
    ask->code = code;
    ask->mail.deliver = answer_delivered;
    mail_post(ask->answer_to, &ask->mail);
}

/* --- what was read ---------------------------------------------------------------------------- */

static bool grow(struct offset_import_ask *ask, size_t count)
{
    if (count <= ask->capacity)
        return true;
    struct import_row *rows = arena_calloc(ask->arena, 2 * count, sizeof *rows);
    if (rows == NULL)
        return false;
    if (ask->count > 0)
        memcpy(rows, ask->rows, ask->count * sizeof *rows);
    ask->rows = rows;
    ask->capacity = 2 * count;
    return true;
}

static int take_topics(struct offset_import_ask *ask, const struct zk_reply *reply)
{
    ask->topics = arena_calloc(ask->arena, reply->child_count + 1, sizeof *ask->topics);
    if (ask->topics == NULL)
        return K_NOMEM;
    for (size_t i = 0; i < reply->child_count; i++)
        if ((ask->topics[i] = arena_strdup(ask->arena, reply->children[i])) == NULL)
            return K_NOMEM;
    ask->topic_count = reply->child_count;
    return 0;
}

static int take_partitions(struct offset_import_ask *ask, const struct zk_reply *reply)
{
    struct k_reason reason = { "" };

    if (ask->count + reply->child_count > ROWS_MAX)
        return K_INVALID_REQUEST;
    if (!grow(ask, ask->count + reply->child_count))
        return K_NOMEM;
    for (size_t i = 0; i < reply->child_count; i++) {
        struct import_row *row = &ask->rows[ask->count++];
        row->topic = ask->topics[ask->next_topic];
        row->name = arena_strdup(ask->arena, reply->children[i]);
        if (row->name == NULL)
            return K_NOMEM;
        if (znode_decode_partition(row->name, &row->partition, &reason) != 0 &&
            (row->problem = arena_strdup(ask->arena, reason.text)) == NULL)
            return K_NOMEM;
    }
    return 0;
}

static int take_offset(struct offset_import_ask *ask, const struct zk_reply *reply)
{
    struct import_row *row = &ask->rows[ask->next_row];
    struct k_reason reason = { "" };

    if (reply->code == K_NOT_FOUND)
        row->problem = "it went while it was read";
    else if (znode_decode_offset(reply->data, reply->size, &row->offset, &reason) != 0 &&
             (row->problem = arena_strdup(ask->arena, reason.text)) == NULL)
        return K_NOMEM;
    return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

static int read_next(struct offset_import_ask *ask);

/* 0: go on; else it is over. What is missing is no failure but for the group itself. */
static int judge(const struct offset_import_ask *ask, const struct zk_reply *reply)
{
    if (ask->control->closed)
        return K_CLOSED;
    if (control_now_ms(ask->control) >= ask->deadline_ms)
        return K_REQUEST_TIMED_OUT;
    return reply->code == K_NOT_FOUND ? 0 : reply->code;
}

static void go_on(struct offset_import_ask *ask, int code)
{
    if (code == 0)
        code = read_next(ask);
    if (code != 0)
        answer(ask, code);
}

static void topics_read(void *context, const struct zk_reply *reply)
{
    struct offset_import_ask *ask = context;
    int code = judge(ask, reply);

    if (code == 0 && reply->code == K_NOT_FOUND)
        code = K_GROUP_ID_NOT_FOUND;
    go_on(ask, code == 0 ? take_topics(ask, reply) : code);
}

static void partitions_read(void *context, const struct zk_reply *reply)
{
    struct offset_import_ask *ask = context;
    int code = judge(ask, reply);

    if (code == 0 && reply->code == 0)
        code = take_partitions(ask, reply);
    ask->next_topic++;
    go_on(ask, code);
}

static void offset_read(void *context, const struct zk_reply *reply)
{
    struct offset_import_ask *ask = context;
    int code = judge(ask, reply);

    if (code == 0)
        code = take_offset(ask, reply);
    ask->next_row++;
    go_on(ask, code);
}

static int read_topic(struct offset_import_ask *ask, struct arena *arena)
{
    char *path =
        znode_path(arena, ZNODE_CONSUMER_TOPIC, ask->group, ask->topics[ask->next_topic]);

    return path == NULL ? K_NOMEM
                        : zk_children(ask->control->session, path, NULL, partitions_read, ask);
}

static int read_offset(struct offset_import_ask *ask, struct arena *arena)
{
    const struct import_row *row = &ask->rows[ask->next_row];
    char *path =
        znode_path(arena, ZNODE_CONSUMER_OFFSET, ask->group, row->topic, row->partition);

    return path == NULL ? K_NOMEM
                        : zk_get(ask->control->session, path, NULL, offset_read, ask);
}

static int read_next(struct offset_import_ask *ask)
{
    char memory[1024];
    struct arena arena;
    int code = 0;

    while (ask->next_row < ask->count && ask->rows[ask->next_row].problem != NULL)
        ask->next_row++;
    arena_init(&arena, memory, sizeof memory, PATH_MAX_BYTES);
    if (ask->next_topic < ask->topic_count)
        code = read_topic(ask, &arena);
    else if (ask->next_row < ask->count)
        code = read_offset(ask, &arena);
    else
        answer(ask, 0);
    arena_fini(&arena);
    return code;
}

static void arrived(struct mail *mail)
{
    struct offset_import_ask *ask = LIST_OWNER(mail, struct offset_import_ask, mail);
    struct control *control = ask->control;
    char memory[1024];
    struct arena arena;
    int code = control->closed             ? K_CLOSED
               : control->session == NULL  ? K_SESSION_LOST
               : !znode_name_fits(ask->group) ? K_GROUP_ID_NOT_FOUND
                                           : 0;

    arena_init(&arena, memory, sizeof memory, PATH_MAX_BYTES);
    char *path = znode_path(&arena, ZNODE_CONSUMER_OFFSETS, ask->group);
    if (code == 0)
        code = path == NULL ? K_NOMEM
                            : zk_children(control->session, path, NULL, topics_read, ask);
    arena_fini(&arena);
    if (code != 0)
        answer(ask, code);
}

void control_ask_import(struct control *control, struct offset_import_ask *ask)
{
    ask->control = control;
    ask->mail.deliver = arrived;
    loop_post(control->options.loop, &ask->mail);
}
