/* life.h - a broker's data plane with its connections, two clients of it, and what it has promised
 * them. One at a time. */
#ifndef TESTS_FUZZ_BROKER_LIFE_H
#define TESTS_FUZZ_BROKER_LIFE_H

#include "tests/fuzz/broker/client.h"

struct io;

struct life {
    struct model model;
    struct client clients[2];       /* one per loop */
    void (*pause)(bool paused);     /* told before and after a restart; NULL: nobody is */
};

/* Start, over files of `io` (borrowed), and lead a topic of two partitions and all groups. */
void life_begin(struct life *life, const struct io *io);

/* What the controller says next. */
struct life_news {
    bool led, coordinated;          /* the topic, the groups: by us, or by nobody */
    const char *config_name, *config_value;     /* of the topic; NULL: as it is by default */
};
void life_hear(struct life *life, const struct life_news *news);

/* From now on the broker may answer with any error, and hang up: it lacks what it needs. What it
 * acknowledges, it has to have. */
void life_be_lenient(struct life *life);

/* What it lacked is there again: wait until both partitions take records and the coordinator a
 * commit. Aborts when that takes too long. */
void life_expect_service(struct life *life);

/* Stop and start again. Who is connected, is no more. */
void life_restart(struct life *life);

/* Stop, after all that was promised was found: aborts where it was not. */
void life_end(struct life *life);

#endif
