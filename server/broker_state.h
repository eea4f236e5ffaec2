/* broker_state.h - what a broker is made of; for broker*.c only. */
#ifndef SERVER_BROKER_STATE_H
#define SERVER_BROKER_STATE_H

#include <semaphore.h>

#include "common/feature.h"
#include "common/log.h"
#include "common/uuid.h"
#include "server/api/api.h"
#include "server/broker.h"
#include "server/config.h"
#include "server/endpoints.h"
#include "server/gate.h"
#include "server/runtime/metadata.h"
#include "server/runtime/cleaner.h"
#include "server/runtime/topic_config.h"
#include "server/storage/io_budget.h"
#include "server/storage/logdir.h"

struct control;
struct control_self;
struct dirs;
struct io_pool;
struct listener;
struct logdir;
struct loop;
struct metadata_cell;
struct metrics;
struct resolver;
struct shards;
struct timer;

/* What accepting needs to know. */
struct entrance {
    struct gate *gate;
    const char *name;
    bool privileged;                            /* brokers alone use it: see admission.h */
    struct listener *listener;                  /* owned */
};

enum { LOG_DIRS_MAX = 64 };

struct broker {
    struct config config;
    struct broker_events events;
    struct endpoints endpoints;
    struct metrics *metrics;
    struct resolver *resolver;
    struct io_pool *pool;
    struct metadata_cell *cell;
    struct loop *control_loop;
    struct control *control;
    struct timer *tick;                         /* of the control loop */
    struct feature_ranges features;             /* levels that we can */
    struct feature_cell levels;                 /* those that the cluster has finalised */
    sem_t control_stopped, drained;

    struct io_budget files;                 /* of the logs */
    size_t directory_count;
    bool incomplete;                        /* some data may lie where we can not look */
    bool unclaimed;                         /* a directory is new beside others that are not */
    size_t offline_directories;             /* of log.dirs, that could not be opened */
    int offline_code;                       /* why the last of them could not */
    struct logdir *directories[LOG_DIRS_MAX];
    struct uuid directory_ids[LOG_DIRS_MAX];

    /* The data plane, made when the identity is known (on the control loop); loops NULL before. */
    int loop_count;
    int loops_started;
    struct loop **loops;
    struct dirs *dirs;
    struct shards *shards;
    struct gates gates;
    struct api api;
    struct entrance entrances[ENDPOINTS_MAX];
    struct metadata_endpoint advertised[ENDPOINTS_MAX];

    int32_t id;
    char cluster_id[25];
    struct uuid incarnation, previous;
    struct uuid known[LOGDIR_INCARNATIONS + 1];     /* see logdir_known_incarnations() */
    size_t known_count;
    enum log_level log_level;                   /* as told to the log; control loop */
    struct topic_config topic_defaults;         /* as told to the shards; control loop */
    struct cleaner_options cleaner_options;     /* the same */
    bool serving;                               /* the data plane's threads run */
    bool clean;                                 /* all logs were closed cleanly */
    bool ready, swept, stopping;                /* control loop */
    bool configure_again;                       /* there was no memory for it */
};

/* --- broker_data.c: the data plane; on the control loop or with its thread ended -------------- */

/* Claim the directories, open the listeners, start the loops. 0, or an error with a reason. */
int broker_data_start(struct broker *broker, struct k_reason *reason);

/* The cluster has told what it knew of us. */
struct control_registered;
void broker_data_registered(struct broker *broker, const struct control_registered *registered);

/* Stop taking work, finish what is under way, close the logs. True when all were closed cleanly.
 * The loops keep running, for answers that the control plane still owes; the directories stay
 * locked, because it may still describe them. Called by broker_stop(). */
bool broker_data_stop(struct broker *broker);

/* The picture may say how this broker is to be configured from now on. */
/* 0, or what was logged: the configuration stays as it was. */
int broker_data_configure(struct broker *broker, const struct metadata *picture);

/* End the loops and free; also after a start that failed half-way. */
void broker_data_free(struct broker *broker);

#endif
