/* crew.h - control planes of several brokers in one process: each on a loop of its own, with a real
 * session in ZooKeeper and a listener that serves what brokers ask of each other.
 *
 * Everything asserts by Check: a helper that returns has succeeded. The functions belong to the
 * test's own thread. */
#ifndef TESTS_SERVER_LIB_CREW_H
#define TESTS_SERVER_LIB_CREW_H

#include <check.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/uuid.h"
#include "server/runtime/control.h"

enum { CREW_MAX = 4, CREW_WAIT_MS = 30 * 1000 };

struct crew;
struct crew_server;
struct listener;

struct crew_broker {
    struct crew *crew;
    int32_t id;
    bool running;
    struct loop *loop;
    struct control *control;
    struct metadata_cell *cell;
    struct metrics *metrics;
    struct feature_cell levels;
    struct crew_server *server;             /* the loop's: see crew_server.h */
    struct metadata_endpoint endpoint;
    struct uuid incarnation, previous;
    /* told by the control plane, under the crew's mutex */
    int refused;
    bool stopped;
};

struct crew {
    char connect[128];                      /* with the chroot */
    int32_t session_timeout_ms;
    const struct clock *clock;              /* of the loops; NULL: the machine's */
    struct resolver *resolver;
    pthread_mutex_t mutex;
    pthread_cond_t happened;                /* something that a condition may depend on */
    struct crew_broker brokers[CREW_MAX + 1];   /* by id, from 1 */
};

/* `chroot` keeps tests apart from each other: "/name". */
void crew_init(struct crew *crew, const char *chroot);
void crew_fini(struct crew *crew);          /* stops whoever runs */

/* Make broker `id` (1 to CREW_MAX) and start its control plane; `connect` NULL: the crew's. */
struct crew_broker *crew_start(struct crew *crew, int32_t id, const char *connect);
/* Ask it to stop, wait until it has, free it. */
void crew_stop(struct crew_broker *broker);
/* Run on the broker's loop. */
void crew_on(struct crew_broker *broker, void (*run)(void *context), void *context);

/* Wait until `condition` holds, looked at whenever something happened to a broker. */
#define CREW_UNTIL(crew, condition)                                                                \
    do {                                                                                           \
        int64_t crew_deadline_ms = crew_deadline();                                                \
        while (!(condition))                                                                       \
            ck_assert_msg(crew_wait((crew), crew_deadline_ms), "never: %s", #condition);           \
    } while (0)
int64_t crew_deadline(void);
bool crew_wait(struct crew *crew, int64_t deadline_ms);

/* --- what brokers see ------------------------------------------------------------------------- */

/* All that run have the same picture, of `brokers` live ones and one controller among them. */
bool crew_agrees(struct crew *crew, size_t brokers);
/* The controller according to the picture of whoever runs; waits until crew_agrees(). */
struct crew_broker *crew_controller(struct crew *crew, size_t brokers);
/* One that runs and is not the controller. */
struct crew_broker *crew_other(struct crew *crew, const struct crew_broker *controller);
/* Partitions of a topic that have a leader, in the broker's picture; -1: it knows no such topic. */
int32_t crew_led(const struct crew_broker *broker, const char *topic);
/* The same number in the pictures of all that run. */
bool crew_all_led(struct crew *crew, const char *topic, int32_t partitions);
/* Everybody's picture tells this value (NULL: none) of a topic, or of a broker's settings. */
bool crew_topic_told(struct crew *crew, const char *topic, const char *name, const char *value);
bool crew_broker_told(struct crew *crew, const char *of_broker, const char *name,
                      const char *value);
struct uuid crew_topic_id(const struct crew_broker *broker, const char *topic);
int32_t crew_epoch(const struct crew_broker *broker, const char *topic, int32_t partition);

/* --- what is asked of the controller ---------------------------------------------------------- */

/* One request for one topic, by way of `broker`. */
struct crew_request {
    struct control_request request;
    struct crew_broker *broker;
    Kairn__RequestHead head;
    Kairn__ResponseHead response;
    Kairn__CreateTopicsRequest create;
    Kairn__DeleteTopicsRequest remove;
    Kairn__CreatePartitionsRequest add;
    Kairn__MorePartitions more, *mores[1];
    Kairn__AlterConfigsRequest alter;
    Kairn__AlteredResource altered, *altereds[1];
    Kairn__ConfigResource resource;
    Kairn__ConfigAlteration alteration, *alterations[1];
    Kairn__NewTopic topic, *topics[1];
    char *names[1];
    struct arena arena;
    bool answered;                          /* under the crew's mutex */
};
/* `relay` as control_relay(), else as control_ask(). The name is borrowed until it is freed. */
struct crew_request *crew_create(struct crew_broker *broker, bool relay, const char *topic,
                                 int32_t partitions, int32_t replicas);
struct crew_request *crew_delete(struct crew_broker *broker, bool relay, const char *topic);
struct crew_request *crew_add_partitions(struct crew_broker *broker, bool relay, const char *topic,
                                         int32_t partitions);
/* Set one value, or unset it (NULL), of a topic or of a broker (NULL: of all). */
struct crew_request *crew_alter(struct crew_broker *broker, const char *topic,
                                const char *of_broker, const char *name, const char *value);
bool crew_answered(const struct crew_request *request);
/* Wait for the answer, free the request; the error of the request or of its topic. */
int crew_result(struct crew_request *request);

#endif
