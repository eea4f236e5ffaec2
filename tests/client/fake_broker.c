#include "tests/client/fake_broker.h"

#include <assert.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mail.h"
#include "common/slab.h"
#include "proto/greeting.h"
#include "tests/client/fake_private.h"

enum { FRAME_MAX = 64 << 20 };

/* --- calls from the test ---------------------------------------------------------------------- */

struct call {
    struct mail mail;
    sem_t done;
    void (*run)(struct fake *fake, void *context);
    struct fake *fake;
    void *context;
};

static void call_deliver(struct mail *mail)
{
    struct call *call = (struct call *)mail;

    call->run(call->fake, call->context);
    sem_post(&call->done);
}

void fake_on_loop(struct fake *fake, void (*run)(struct fake *, void *), void *context)
{
    struct call call = { .mail = { .deliver = call_deliver }, .run = run, .fake = fake,
                         .context = context };

    sem_init(&call.done, 0, 0);
    loop_post(fake->loop, &call.mail);
    while (sem_wait(&call.done) != 0)
        ;
    sem_destroy(&call.done);
}

/* --- connections ------------------------------------------------------------------------------ */

void fake_conn_unref(struct fake_conn *conn)
{
    if (--conn->references > 0)
        return;
    fake_sessions_end(conn);
    free(conn);
}

void fake_hang_up(struct fake_conn *conn)
{
    if (conn->closed)
        return;
    conn->closed = 1;
    list_remove(&conn->node);
    /* Answers of this very turn go out first: what they tell was stored, and closing drops them. */
    conn_flush(conn->conn);
    conn_close(conn->conn);
    fake_conn_unref(conn);
}

void fake_waiting_free(struct waiting *waiting)
{
    list_remove(&waiting->node);
    timer_free(waiting->timer);
    chain_fini(&waiting->answer);
    fake_conn_unref(waiting->conn);
    free(waiting->request);
    free(waiting);
}

struct waiting *fake_waiting_new(struct fake_conn *conn, struct list *list,
                                   void (*fire)(void *), int64_t delay_ms)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);

    waiting->conn = conn;
    conn->references++;
    chain_init(&waiting->answer);
    list_append(list, &waiting->node);
    timer_new(conn->broker->fake->loop, fire, waiting, &waiting->timer);
    waiting->until_ms = loop_now_ms(conn->broker->fake->loop) + delay_ms;
    timer_after(waiting->timer, delay_ms);
    return waiting;
}

void fake_late_fired(void *context)
{
    struct waiting *waiting = context;

    if (!waiting->conn->closed)
        conn_send(waiting->conn->conn, &waiting->answer);
    fake_waiting_free(waiting);
}

void fake_send_bytes(struct fake_conn *conn, const void *bytes, size_t size)
{
    struct chain chain;

    chain_init(&chain);
    chain_copy(&chain, bytes, size);
    conn_send(conn->conn, &chain);
}

static ssize_t cut(struct conn *conn, const uint8_t *bytes, size_t size)
{
    struct fake_conn *self = conn_owner(conn);
    struct greeting_client greeting;

    return self->greeted ? frame_cut(bytes, size, FRAME_MAX)
                         : greeting_client_read(bytes, size, &greeting);
}

static void frame_arrived(struct conn *conn, struct slab *slab, uint8_t *bytes, size_t size)
{
    struct fake_conn *self = conn_owner(conn);

    (void)slab;
    if (self->greeted) {
        fake_serve(self, bytes, size, 0);
        return;
    }
    struct greeting_client wish;
    greeting_client_read(bytes, size, &wish);
    self->wanted_loop = wish.loop;
    int loops = fake_loops(self->broker->fake);
    struct greeting_broker greeting = { .lowest = PROTOCOL_LOWEST, .highest = PROTOCOL_HIGHEST,
                                        .broker_id = self->broker->id + 1,
                                        .loops = (uint16_t)loops,
                                        .loop = wish.loop < loops ? wish.loop : 0,
                                        .cluster_id = "fake-cluster" };
    uint8_t out[GREETING_BROKER_SIZE];
    if (atomic_load(&self->broker->fake->faults.other_cluster))
        snprintf(greeting.cluster_id, sizeof greeting.cluster_id, "other-cluster");
    greeting_broker_write(&greeting, out);
    self->greeted = 1;
    struct chain chain;
    chain_init(&chain);
    chain_copy(&chain, out, sizeof out);
    if (self->broker->fake->mangle == NULL || !fake_mangle(self, 0, &chain))
        conn_send(self->conn, &chain);
}

static void over(struct conn *conn, int code)
{
    (void)code;
    fake_hang_up(conn_owner(conn));
}

static const struct conn_handler handler = { .cut = cut, .frame = frame_arrived, .over = over };

static void accepted(void *context, int fd)
{
    struct fake_broker *broker = context;
    struct fake_conn *conn = calloc(1, sizeof *conn);

    conn->broker = broker;
    list_init(&conn->sessions);
    conn->references = 1;
    list_append(&broker->conns, &conn->node);
    struct conn_options options = { .handler = &handler, .owner = conn,
                                    .send_queue_max = SIZE_MAX };
    if (conn_new(broker->fake->loop, fd, &options, &conn->conn) != 0)
        abort();
}

/* --- the interface ---------------------------------------------------------------------------- */

struct fake *fake_new(int brokers)
{
    struct fake *fake = calloc(1, sizeof *fake);
    struct loop_options options = { .name = "fake", .cpu = -1 };

    fake->broker_count = brokers;
    list_init(&fake->fetches);
    list_init(&fake->news);
    list_init(&fake->late);
    rand_seed(&fake->rand, 42);
    arena_init(&fake->arena, NULL, 0, SIZE_MAX);
    if (loop_new(&options, &fake->loop) != 0)
        abort();
    for (int i = 0; i < brokers; i++) {
        fake->brokers[i] = (struct fake_broker){ .fake = fake, .id = i };
        list_init(&fake->brokers[i].conns);
        if (listener_new(fake->loop, "127.0.0.1", 0, accepted, &fake->brokers[i],
                         &fake->brokers[i].listener, NULL) != 0)
            abort();
    }
    snprintf(fake->bootstrap, sizeof fake->bootstrap, "127.0.0.1:%u",
             listener_port(fake->brokers[0].listener));
    fake->groups = fake_groups_new(fake);
    loop_start(fake->loop);
    return fake;
}

static void disconnect(struct fake *fake, void *context)
{
    (void)context;
    for (int i = 0; i < fake->broker_count; i++)
        LIST_EACH_SAFE(&fake->brokers[i].conns, node, after)
            fake_hang_up(LIST_OWNER(node, struct fake_conn, node));
}

static void shut_down(struct fake *fake, void *context)
{
    disconnect(fake, context);
    for (int i = 0; i < fake->broker_count; i++)
        listener_free(fake->brokers[i].listener);
    fake_groups_free(fake->groups);
    while (!list_empty(&fake->fetches))
        fake_waiting_free(LIST_OWNER(list_first(&fake->fetches), struct waiting, node));
    while (!list_empty(&fake->news))
        fake_waiting_free(LIST_OWNER(list_first(&fake->news), struct waiting, node));
    while (!list_empty(&fake->late))
        fake_waiting_free(LIST_OWNER(list_first(&fake->late), struct waiting, node));
}

void fake_free(struct fake *fake)
{
    fake_on_loop(fake, shut_down, NULL);
    loop_stop(fake->loop);
    loop_join(fake->loop);
    loop_free(fake->loop);
    for (int i = 0; i < TOPICS_MAX; i++)
        if (fake->topics[i] != NULL)
            fake_topic_free(fake->topics[i]);
    arena_fini(&fake->arena);
    free(fake);
}

struct fake_faults *fake_faults(struct fake *fake)
{
    return &fake->faults;
}

void fake_set_mangler(struct fake *fake, fake_mangle_fn mangle, void *context)
{
    fake->mangle_context = context;
    fake->mangle = mangle;
}

const char *fake_bootstrap(const struct fake *fake)
{
    return fake->bootstrap;
}

void fake_disconnect(struct fake *fake)
{
    fake_on_loop(fake, disconnect, NULL);
}

static void go_away(struct fake *fake, void *context)
{
    disconnect(fake, context);
    for (int i = 0; i < fake->broker_count; i++) {
        struct fake_broker *broker = &fake->brokers[i];
        broker->port = listener_port(broker->listener);
        listener_free(broker->listener);
        broker->listener = NULL;
    }
}

static void come_back(struct fake *fake, void *context)
{
    (void)context;
    for (int i = 0; i < fake->broker_count; i++) {
        struct fake_broker *broker = &fake->brokers[i];
        if (listener_new(fake->loop, "127.0.0.1", broker->port, accepted, broker,
                         &broker->listener, NULL) != 0)
            abort();
    }
}

void fake_go_away(struct fake *fake)
{
    fake_on_loop(fake, go_away, NULL);
}

void fake_come_back(struct fake *fake)
{
    fake_on_loop(fake, come_back, NULL);
}

struct arguments {
    const char *topic;
    int partition;
    int64_t number;
    int64_t offset;
    const void *bytes;
    size_t size;
    uint8_t *result;
};

static struct fake_partition *partition_of(struct fake *fake, const struct arguments *arguments)
{
    struct fake_topic *topic = fake_topic_by_name(fake, arguments->topic);

    assert(topic != NULL);
    return &topic->partitions[arguments->partition];
}

static void do_add(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    fake_topic_add(fake, arguments->topic, (int)arguments->number);
}

void fake_add_topic(struct fake *fake, const char *name, int partitions)
{
    fake_on_loop(fake, do_add, &(struct arguments){ .topic = name, .number = partitions });
}

static void do_remove(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    fake_topic_remove(fake, arguments->topic);
}

void fake_remove_topic(struct fake *fake, const char *name)
{
    fake_on_loop(fake, do_remove, &(struct arguments){ .topic = name });
}

static void do_grow(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    struct fake_topic *topic = fake_topic_by_name(fake, arguments->topic);

    for (int p = topic->partition_count; p < (int)arguments->number; p++) {
        topic->partitions[p].leader = p % fake->broker_count;
        topic->partitions[p].aborted_offset = -1;
    }
    topic->partition_count = (int)arguments->number;
    fake->sequence++;
}

void fake_add_partitions(struct fake *fake, const char *topic, int partitions)
{
    fake_on_loop(fake, do_grow, &(struct arguments){ .topic = topic, .number = partitions });
}

static void do_lead(struct fake *fake, void *context)
{
    struct fake_partition *partition = partition_of(fake, context);
    partition->leader = (int)((struct arguments *)context)->number;
    partition->epoch++;
    fake->sequence++;
    fake_wake_fetches(fake);
    fake_wake_news(fake);
}

void fake_set_leader(struct fake *fake, const char *topic, int partition, int broker)
{
    fake_on_loop(fake, do_lead,
            &(struct arguments){ .topic = topic, .partition = partition, .number = broker });
}

static void do_place(struct fake *fake, void *context)
{
    const struct arguments *arguments = context;

    fake->brokers[arguments->number].rack = arguments->topic;
}

void fake_set_rack(struct fake *fake, int broker, const char *rack)
{
    fake_on_loop(fake, do_place, &(struct arguments){ .number = broker, .topic = rack });
}

static void do_append(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    fake_store(fake, partition_of(fake, arguments), arguments->bytes, arguments->size);
    fake_wake_fetches(fake);
}

void fake_append(struct fake *fake, const char *topic, int partition, const void *batch,
                 size_t size)
{
    fake_on_loop(fake, do_append,
            &(struct arguments){ .topic = topic, .partition = partition, .bytes = batch,
                                 .size = size });
}

static void do_lose(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    struct fake_partition *partition = partition_of(fake, arguments);

    while (partition->count > 0) {
        struct stored *last = &partition->batches[partition->count - 1];
        if (batch_base_offset(last->slab->bytes) < arguments->offset)
            break;
        partition->end = batch_base_offset(last->slab->bytes);
        slab_unref(last->slab);
        partition->count--;
    }
    partition->lost_epoch = ++partition->epoch;
    partition->lost_end = partition->end;
    fake->sequence++;
    fake_wake_fetches(fake);
}

void fake_lose(struct fake *fake, const char *topic, int partition, int64_t offset)
{
    fake_on_loop(fake, do_lose,
            &(struct arguments){ .topic = topic, .partition = partition, .offset = offset });
}

static void do_trim(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    partition_of(fake, arguments)->start = arguments->offset;
    fake_wake_fetches(fake);
}

void fake_trim(struct fake *fake, const char *topic, int partition, int64_t offset)
{
    fake_on_loop(fake, do_trim,
            &(struct arguments){ .topic = topic, .partition = partition, .offset = offset });
}

static void do_read(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    struct fake_partition *partition = partition_of(fake, arguments);

    arguments->size = 0;
    for (size_t i = 0; i < partition->count; i++)
        arguments->size += partition->batches[i].size;
    uint8_t *at = arguments->result = malloc(arguments->size + 1);
    for (size_t i = 0; i < partition->count; i++) {
        memcpy(at, partition->batches[i].slab->bytes, partition->batches[i].size);
        at += partition->batches[i].size;
    }
}

uint8_t *fake_read(struct fake *fake, const char *topic, int partition, size_t *size)
{
    struct arguments arguments = { .topic = topic, .partition = partition };

    fake_on_loop(fake, do_read, &arguments);
    *size = arguments.size;
    return arguments.result;
}

static void do_count(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    arguments->number = fake->requests[arguments->partition];
}

int fake_requests(struct fake *fake, int body)
{
    struct arguments arguments = { .partition = body };

    fake_on_loop(fake, do_count, &arguments);
    return (int)arguments.number;
}

static void do_count_asked(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    arguments->number = fake_topic_by_name(fake, arguments->topic)->asked;
}

int fake_asked(struct fake *fake, const char *topic)
{
    struct arguments arguments = { .topic = topic };

    fake_on_loop(fake, do_count_asked, &arguments);
    return (int)arguments.number;
}

static void do_abort(struct fake *fake, void *context)
{
    struct arguments *arguments = context;
    struct fake_partition *partition = partition_of(fake, arguments);
    partition->aborted_producer = arguments->number;
    partition->aborted_offset = arguments->offset;
}

void fake_abort(struct fake *fake, const char *topic, int partition, int64_t producer_id,
                int64_t offset)
{
    fake_on_loop(fake, do_abort,
            &(struct arguments){ .topic = topic, .partition = partition, .number = producer_id,
                                 .offset = offset });
}
