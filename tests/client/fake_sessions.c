/* fake_sessions.c - fetch sessions of a fake broker: what a connection asked for, remembered. */
#include <assert.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/client/fake_private.h"

struct fake_session {
    struct list node;               /* in conn->sessions */
    uint64_t id;
    uint32_t epoch;                 /* of the last request */
    struct list rows;
};

/* A partition that is asked for, or was. */
struct row {
    struct list node;
    struct uuid id;
    Kairn__FetchPartition asked;
    bool open;
    int64_t told_end, told_start;   /* -1: nothing */
};

static struct row *find_row(struct fake_session *session, ProtobufCBinaryData topic_id,
                            uint32_t partition)
{
    struct uuid id;

    assert(head_uuid(topic_id, &id) == 0);
    LIST_EACH(&session->rows, node) {
        struct row *row = LIST_OWNER(node, struct row, node);
        if (uuid_equal(&row->id, &id) && row->asked.partition == partition)
            return row;
    }
    return NULL;
}

static void free_row(struct row *row)
{
    list_remove(&row->node);
    free(row);
}

static void take_row(struct fake_session *session, const Kairn__FetchPartition *asked)
{
    struct row *row = find_row(session, asked->topic_id, asked->partition);

    if (row == NULL) {
        row = calloc(1, sizeof *row);
        row->told_end = row->told_start = -1;
        list_append(&session->rows, &row->node);
    }
    head_uuid(asked->topic_id, &row->id);
    row->asked = *asked;
    row->asked.topic_id = head_bytes_of_uuid(&row->id);
    row->open = true;
}

static void end_session(struct fake_session *session)
{
    while (!list_empty(&session->rows))
        free_row(LIST_OWNER(list_first(&session->rows), struct row, node));
    list_remove(&session->node);
    free(session);
}

void fake_sessions_end(struct fake_conn *conn)
{
    while (!list_empty(&conn->sessions))
        end_session(LIST_OWNER(list_first(&conn->sessions), struct fake_session, node));
}

static struct fake_session *find_session(struct fake_conn *conn, uint64_t id)
{
    LIST_EACH(&conn->sessions, node) {
        struct fake_session *session = LIST_OWNER(node, struct fake_session, node);
        if (session->id == id)
            return session;
    }
    return NULL;
}

static struct fake_session *begin(struct fake_conn *conn)
{
    struct fake_session *session = calloc(1, sizeof *session);

    list_init(&session->node);
    list_init(&session->rows);
    atomic_fetch_add(&conn->broker->fake->faults.sessions_begun, 1);
    session->id = rand_u64(&conn->broker->fake->rand) | 1;
    list_append(&conn->sessions, &session->node);
    return session;
}

bool fake_session_begins(const Kairn__FetchRequest *question)
{
    return question->session == 0 && question->session_epoch == 1;
}

int fake_session_take(struct fake_conn *conn, const Kairn__FetchRequest *question, bool again,
                      struct fake_session **out)
{
    struct fake_faults *faults = &conn->broker->fake->faults;
    struct fake_session *session;

    *out = NULL;
    if (fake_session_begins(question) && atomic_load(&faults->no_sessions))
        return 0;
    session = fake_session_begins(question) ? begin(conn) : find_session(conn, question->session);
    if (session == NULL)
        return K_FETCH_SESSION_ID_NOT_FOUND;
    *out = session;
    if (again)
        return 0;
    int code = question->session_epoch != session->epoch + 1 ? K_INVALID_FETCH_SESSION_EPOCH
               : fake_use_up(&faults->session_refuse_count)
                   ? atomic_load(&faults->session_refuse_code)
                   : 0;
    if (code != 0) {
        end_session(session);
        return code;
    }
    session->epoch++;
    for (size_t i = 0; i < question->n_forgotten; i++) {
        struct row *row = find_row(session, question->forgotten[i]->topic_id,
                                   question->forgotten[i]->partition);
        if (row != NULL)
            free_row(row);
    }
    for (size_t i = 0; i < question->n_partitions; i++)
        take_row(session, question->partitions[i]);
    fake_wake_fetches(conn->broker->fake);      /* the requests before it are to be answered */
    return 0;
}

size_t fake_session_rows(struct fake_session *session, struct arena *arena,
                         Kairn__FetchPartition ***out)
{
    size_t count = 0, at = 0;

    LIST_EACH(&session->rows, node)
        count += LIST_OWNER(node, struct row, node)->open;
    *out = arena_calloc(arena, count + 1, sizeof **out);
    LIST_EACH(&session->rows, node) {
        struct row *row = LIST_OWNER(node, struct row, node);
        if (row->open)
            (*out)[at++] = &row->asked;
    }
    return count;
}

bool fake_session_is_news(const Kairn__FetchPartition *asked, const Kairn__FetchResult *result,
                          bool marks)
{
    struct row *row = LIST_OWNER(asked, struct row, asked);
    bool news = result->error != NULL || result->diverged != NULL || result->size > 0;
    bool other = result->high_watermark != row->told_end || result->log_start != row->told_start;

    if (!news && !(marks && other))
        return false;
    row->open = !news;
    row->told_end = result->high_watermark;
    row->told_start = result->log_start;
    return true;
}

static void number_sessions(struct fake *fake, void *context)
{
    for (int i = 0; i < fake->broker_count; i++)
        LIST_EACH(&fake->brokers[i].conns, node) {
            struct fake_conn *conn = LIST_OWNER(node, struct fake_conn, node);
            LIST_EACH(&conn->sessions, at)
                LIST_OWNER(at, struct fake_session, node)->epoch = *(const uint32_t *)context;
        }
}

void fake_number_sessions(struct fake *fake, uint32_t last)
{
    fake_on_loop(fake, number_sessions, &last);
}

uint64_t fake_session_id(const struct fake_session *session)
{
    return session->id;
}
