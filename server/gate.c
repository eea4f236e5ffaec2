#include "server/gate.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/error.h"
#include "net/loop.h"
#include "server/connection.h"
#include "server/runtime/shard.h"

static void resume_connections(struct mail *mail)
{
    struct gate *gate = LIST_OWNER(mail, struct gate, resume_mail);

    atomic_store(&gate->resume_posted, false);
    while (!list_empty(&gate->paused) && !budget_exceeded(&gate->gates->budget))
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

void gate_accept(struct gate *gate, int fd, const char *listener)
{
    if (gate->closed)
        close(fd);
    else
        connection_open(gate, fd, listener, false, NULL, 0);
}

void gate_close(struct gate *gate)
{
    gate->closed = true;
    while (!list_empty(&gate->connections))
        connection_close(LIST_OWNER(list_first(&gate->connections), struct connection, node));
}

int gates_init(struct gates *gates, struct loop *const *loops, struct shards *shards)
{
    gates->count = shards_count(shards);
    gates->items = calloc((size_t)gates->count, sizeof *gates->items);
    if (gates->items == NULL)
        return K_NOMEM;

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
    for (int i = 0; i < gates->count && gates->items != NULL; i++)
        connection_free_spares(&gates->items[i]);
    free(gates->items);
    gates->items = NULL;
}
