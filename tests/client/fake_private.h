/* fake_private.h - what the files of the fake broker share. Belongs to its loop. */
#ifndef TESTS_CLIENT_FAKE_PRIVATE_H
#define TESTS_CLIENT_FAKE_PRIVATE_H

#include "common/arena.h"
#include "common/chain.h"
#include "common/list.h"
#include "common/rand.h"
#include "common/uuid.h"
#include "net/conn.h"
#include "net/listener.h"
#include "net/loop.h"
#include "proto/batch.h"
#include "proto/frame.h"
#include "proto/head.h"
#include "tests/client/fake_broker.h"

struct fake_groups;
struct slab;

/* A message in the arena. */
#define NEW(arena, lower, Upper) ({                                     \
    Kairn__##Upper *made = arena_alloc(arena, sizeof *made);            \
    kairn__##lower##__init(made);                                       \
    made; })

enum {
    TOPICS_MAX = 16, PARTITIONS_MAX = 128, BODIES_MAX = 64,
    FAKE_PRODUCERS_MAX = 8,
    FAKE_RUNS = 5                   /* requests of a producer that are known again */
};

/* The batches of one request. */
struct fake_run {
    bool used;
    int32_t first, last;            /* sequences */
    int64_t offset;                 /* of the first record */
};

struct fake_producer {
    int64_t id;
    int epoch;
    int32_t next;                   /* sequence */
    unsigned newest;
    struct fake_run runs[FAKE_RUNS];
};

struct stored {
    struct slab *slab;
    size_t size;
};

struct fake_partition {
    struct stored *batches;
    size_t count, capacity;
    int64_t start, end;
    int leader, epoch;
    int lost_epoch;                 /* records of epochs below it end at lost_end; 0: none lost */
    int64_t lost_end;
    int64_t aborted_producer, aborted_offset;   /* -1: none */
    struct fake_producer producers[FAKE_PRODUCERS_MAX];
    int producer_count;
};

struct fake_topic {
    char name[64];
    struct uuid id;
    int partition_count;
    int asked;                      /* metadata requests that named it */
    struct fake_partition partitions[PARTITIONS_MAX];
};

struct fake_broker {
    struct fake *fake;
    int id;
    struct listener *listener;      /* NULL while it is away, */
    uint16_t port;                  /* which was this one */
    const char *rack;               /* borrowed; NULL: none */
    struct list conns;
};

struct fake_conn {
    struct list node;
    struct fake_broker *broker;
    struct conn *conn;
    int greeted, closed;
    int wanted_loop;                /* GREETING_ANY_LOOP: none */
    struct list sessions;           /* struct fake_session.node; owned */
    unsigned references;
};

/* A request that waits: for records, or for its late answer. */
struct waiting {
    struct list node;
    struct fake_conn *conn;
    struct timer *timer;
    uint8_t *request;               /* fetch: to be looked at again */
    size_t request_size;
    struct chain answer;            /* a late answer */
    int64_t until_ms;
};

struct fake {
    struct loop *loop;
    struct fake_broker brokers[FAKE_BROKERS_MAX];
    int broker_count;
    struct fake_topic *topics[TOPICS_MAX];
    struct fake_faults faults;
    struct list fetches, news, late;
    struct rand rand;
    int requests[BODIES_MAX];
    uint64_t sequence;
    char setting[128];              /* see fake_alter.c */
    int64_t producer_ids;           /* given out */
    int32_t reassigned_to;          /* broker id; 0: nothing is under way */
    char bootstrap[32];
    struct arena arena;
    struct fake_groups *groups;
    fake_mangle_fn mangle;          /* NULL: nobody */
    void *mangle_context;
};

/* --- fake_topics.c ---------------------------------------------------------------------------- */

/* 0, K_TOPIC_ALREADY_EXISTS or K_INVALID_REQUEST (no room). */
int fake_topic_add(struct fake *fake, const char *name, int partitions);
int fake_topic_remove(struct fake *fake, const char *name);
void fake_topic_free(struct fake_topic *topic);
struct fake_topic *fake_topic_by_name(struct fake *fake, const char *name);
struct fake_partition *fake_partition_by_id(struct fake *fake, ProtobufCBinaryData id,
                                            uint32_t partition);
void fake_move_leader(struct fake *fake, struct fake_partition *partition);
void fake_store(struct fake *fake, struct fake_partition *partition, const uint8_t *bytes,
                size_t size);

/* --- fake_hostile.c --------------------------------------------------------------------------- */

/* Spoil an answer. Returns 1 when it has been dealt with. */
int fake_spoil(struct fake_conn *conn, Kairn__ResponseHead *head, size_t *payload_size,
               int hostility);

/* Send what the mangler leaves of a frame; consumes it. True when it hung up. */
bool fake_mangle(struct fake_conn *conn, int body, struct chain *frame);

/* --- fake_sequences.c ------------------------------------------------------------------------- */

/* May batches back to back be stored? 0 with *stored -1: yes; with an offset: they are there. */
int fake_sequence_check(struct fake_partition *partition, const uint8_t *bytes, size_t size,
                        int64_t *stored);
/* They are stored now. */
void fake_sequence_note(struct fake_partition *partition, const uint8_t *bytes, size_t size,
                        int64_t offset);
/* Where each producer was is lost. */
void fake_sequence_forget(struct fake_partition *partition);

/* --- fake_broker.c ---------------------------------------------------------------------------- */

/* Run on the fake's loop, and wait for it. */
void fake_on_loop(struct fake *fake, void (*run)(struct fake *fake, void *context), void *context);

void fake_conn_unref(struct fake_conn *conn);
void fake_hang_up(struct fake_conn *conn);
void fake_send_bytes(struct fake_conn *conn, const void *bytes, size_t size);
void fake_waiting_free(struct waiting *waiting);
struct waiting *fake_waiting_new(struct fake_conn *conn, struct list *list, void (*fire)(void *),
                                 int64_t delay_ms);
void fake_late_fired(void *context);

/* --- fake_alter.c ----------------------------------------------------------------------------- */

/* Carry out a request that alters something or describes configurations, and fill in the answer;
 * false: it is another one. */
bool fake_alter(struct fake_broker *broker, const Kairn__RequestHead *request,
                Kairn__ResponseHead *head);

/* --- fake_describe.c -------------------------------------------------------------------------- */

/* The same for what describes logs and metrics. */
bool fake_describe(struct fake_broker *broker, const Kairn__RequestHead *request,
                   Kairn__ResponseHead *head);

/* --- fake_fetch.c ----------------------------------------------------------------------------- */

/* Answer a fetch, at once or later. */
void fake_fetch(struct fake_conn *conn, const Kairn__RequestHead *request,
                Kairn__ResponseHead *head, uint8_t *bytes, size_t size, int last_chance);

/* --- fake_sessions.c -------------------------------------------------------------------------- */

struct fake_session;

/* Is it the first of a session? */
bool fake_session_begins(const Kairn__FetchRequest *question);
/* What a request of a session asks is remembered; `again`: it was, the request waited. 0 and the
 * session (NULL: there are none here), or why not. */
int fake_session_take(struct fake_conn *conn, const Kairn__FetchRequest *question, bool again,
                      struct fake_session **out);
/* All that it asks for. */
size_t fake_session_rows(struct fake_session *session, struct arena *arena,
                         Kairn__FetchPartition ***out);
/* Is this to be answered, perhaps only for its marks? Then it counts as answered. */
bool fake_session_is_news(const Kairn__FetchPartition *asked, const Kairn__FetchResult *result,
                          bool marks);
uint64_t fake_session_id(const struct fake_session *session);
void fake_sessions_end(struct fake_conn *conn);

/* --- fake_groups.c ---------------------------------------------------------------------------- */

struct fake_groups *fake_groups_new(struct fake *fake);
void fake_groups_free(struct fake_groups *groups);

/* Serve a request of a group's member; false: it is another one. Answers at once or later. */
bool fake_group_serve(struct fake_conn *conn, const Kairn__RequestHead *request,
                      Kairn__ResponseHead *head);

/* --- fake_group_answers.c --------------------------------------------------------------------- */

struct groups_effect;

/* A copy; "" for NULL. */
char *fake_text(struct arena *arena, const char *from);

/* Fill in the body of head->body_case; `rows` are those of a commit, or members that left, of which
 * `codes` say what became of them. */
void fake_group_answer(struct fake *fake, const struct groups_effect *effect, size_t rows,
                       const int *codes, Kairn__ResponseHead *head);

/* Make nonsense of the right type of it, if that is asked for. */
void fake_group_spoil(struct fake *fake, Kairn__ResponseHead *head);

/* --- fake_group_admin.c ----------------------------------------------------------------------- */

struct groups;

/* Answer who only looks at groups; false: it is another request. `core` NULL: nothing is
 * coordinated here. */
bool fake_group_look(struct arena *arena, const struct groups *core, int broker,
                     const Kairn__RequestHead *request, Kairn__ResponseHead *head);

/* --- fake_answers.c --------------------------------------------------------------------------- */

/* Answer one whole frame; with `last_chance` a fetch is not parked again. */
void fake_serve(struct fake_conn *conn, uint8_t *bytes, size_t size, int last_chance);

/* Send an answer; consumes `payload` (NULL: none). */
void fake_answer(struct fake_conn *conn, Kairn__ResponseHead *head, struct chain *payload);

/* Serve the request of `bytes` when `list` is woken, or for the last time after wait_ms. */
void fake_park(struct fake_conn *conn, struct list *list, int64_t wait_ms, const uint8_t *bytes,
               size_t size);

/* Take one of a number of faults: were there any left? */
int fake_use_up(atomic_int *count);

/* How many loops the brokers have. */
int fake_loops(struct fake *fake);

/* Look at parked fetches again. */
void fake_wake_fetches(struct fake *fake);
/* And at questions for newer leaders. */
void fake_wake_news(struct fake *fake);

#endif
