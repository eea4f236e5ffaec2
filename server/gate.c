#include "server/gate.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "common/metric.h"
#include "net/loop.h"
#include "server/connection.h"
#include "server/runtime/shard.h"

enum { REFUSED_SAY_MS = 10 * 1000 };

static void resume_connections(struct mail *mail)
{
    struct gate *gate = LIST_OWNER(mail, struct gate, resume_mail);

    atomic_store(&gate->resume_posted, false);
    while (!list_empty(&gate->paused) &&
           connection_take_turn(LIST_OWNER(list_first(&gate->paused), struct connection, paused)))
        connection_resume(LIST_OWNER(list_first(&gate->paused), struct connection, paused));
}

void gates_resume(struct gates *gates)
{
    for (int i = 0; i < gates->count; i++) {
        struct gate *gate = &gates->items[i];
        if (!atomic_exchange(&gate->resume_posted, true))
            loop_post(gate->loop, &gate->resume_mail);
    }
}

static void refuse(struct gate *gate, int fd)
{
    metric_add(gate->gates->metrics, METRIC_CONNECTIONS_REFUSED, 1);
    if (log_rarely("connection-refused", "address", REFUSED_SAY_MS))
        LOG_WARN("connection-refused",
                 "loop=%d reason=\"its address has as many connections as "
                 "max.connections.per.ip allows, or there is no memory to count it\"",
                 gate->index);
    close(fd);
}

void gate_accept(struct gate *gate, int fd, const char *listener)
{
    struct address_key from = address_of_peer(fd);

    if (gate->closed)
        close(fd);
    else if (!admission_enter(&gate->gates->admission, &from, loop_now_ms(gate->loop)))
        refuse(gate, fd);
    else
        connection_open(gate, fd, listener, &from, false, NULL, 0);
}

void gate_close(struct gate *gate)
{
    gate->closed = true;
    while (!list_empty(&gate->connections))
        connection_close(LIST_OWNER(list_first(&gate->connections), struct connection, node));
}

int gates_init(struct gates *gates, struct loop *const *loops, struct shards *shards,
               const struct admission_limits *limits)
{
    gates->count = shards_count(shards);
    gates->items = calloc((size_t)gates->count, sizeof *gates->items);
    if (gates->items == NULL)
        return K_NOMEM;

    admission_init(&gates->admission, limits);
    for (int i = 0; i < gates->count; i++) {
        struct gate *gate = &gates->items[i];
        gate->gates = gates;
        gate->loop = loops[i];
        gate->shard = shards_at(shards, i);
        gate->index = i;
        list_init(&gate->connections);
        list_init(&gate->paused);
        list_init(&gate->spare);
        gate->resume_mail.deliver = resume_connections;
    }
    return 0;
}

void gates_fini(struct gates *gates)
{
    if (gates->items == NULL)
        return;
    for (int i = 0; i < gates->count; i++)
        connection_free_spares(&gates->items[i]);
    admission_fini(&gates->admission);
    free(gates->items);
    gates->items = NULL;
}
