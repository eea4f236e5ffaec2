/* client.h - a connection to the broker that knows which answers it has to expect. */
#ifndef TESTS_FUZZ_BROKER_CLIENT_H
#define TESTS_FUZZ_BROKER_CLIENT_H

#include "tests/fuzz/broker/model.h"

enum { CLIENT_PENDING_MAX = 64, CLIENT_PARTS_MAX = 4 };

struct client {
    int fd;                         /* -1: not connected */
    uint16_t loop;
    bool may_close;                 /* the broker may hang up: acks=0 was asked */
    bool lenient;                   /* it always may: it lacks memory, or more */
    struct model *model;            /* borrowed */
    size_t count;
    struct pending {
        uint64_t correlation;
        uint32_t body;
        bool required;              /* it is answered soon, whatever others do */
        struct pending_part {
            int partition;          /* -1: none of ours */
            int64_t records, end;   /* asked to append; the end as it was known then */
            bool plain;             /* of nobody who numbers his batches */
            uint8_t *batch;         /* what is kept when it is acknowledged; owned, or NULL */
            size_t size;
        } parts[CLIENT_PARTS_MAX];
        size_t part_count;
    } pending[CLIENT_PENDING_MAX];
};

void client_init(struct client *client, uint16_t loop, struct model *model);
/* Send a frame; `known`: exactly as we made it. What the broker has to say to it is expected from
 * now on. A frame that is none is the last one of its connection. */
void client_send(struct client *client, const uint8_t *bytes, size_t size, bool known);
/* Wait until all is answered that has to be. */
void client_settle(struct client *client);
void client_close(struct client *client);

#endif
