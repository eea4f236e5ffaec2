/* core/features.h - which feature levels the cluster uses. Pure: event in, effects out.
 *
 * The controller's broker decides; levels rise by themselves, as soon as every registered broker
 * can, and nobody who holds replicas is away: it would be shut out, with what it holds. So a
 * cluster is upgraded by restarting one broker after the other, and whoever wants a way back holds
 * one of them at the old level (feature.level.max) until all is well.
 *
 * What is stored is changed only where nothing else has changed: the write names the version of the
 * record, and how often anybody has registered. So between looking and writing no broker can join
 * that can not do what is written, and none can join afterwards, because a registration names the
 * record's version too (zk/register.h).
 *
 *   IDLE --SEEN, and a level can rise: DO_STORE--> STORING --STORED: DO_LOOK--> IDLE
 *   any --DEPOSED--> IDLE
 *
 * Invariants
 *   F1  a level that is stored is never lowered                                  feature-lowered
 *   F2  no level is stored that a registered broker can not do                   feature-beyond
 *       or one that is away, and holds replicas, may not be able to do           feature-alone
 *   F3  one store at a time, and none for a chair that was left                  (asserted)
 *
 * The step contract of HACKING.md holds. Speaks of versioned records, never of znodes. */
#ifndef CORE_FEATURES_H
#define CORE_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/feature.h"

enum features_event_type {
    FEATURES_SEEN,               /* we are the controller, and have read it all (again) */
    FEATURES_STORED,             /* a DO_STORE finished */
    FEATURES_DEPOSED             /* the chair is lost */
};

struct features_event {
    enum features_event_type type;
    union {
        struct {
            int32_t version;                     /* of the stored record; -1: there is none */
            struct feature_levels levels;        /* stored; 0: not agreed on yet */
            int32_t registrations;               /* counted before the brokers were read */
            const struct feature_ranges *brokers;   /* what each registered one can */
            size_t broker_count;
            bool complete;                       /* everybody who holds replicas is among them */
        } seen;
        struct { uint64_t round; int code; } stored;
    };
};

enum features_effect_type {
    FEATURES_DO_STORE,           /* fenced by the controller epoch; then STORED */
    FEATURES_DO_LOOK             /* read all of it again; then SEEN */
};

struct features_effect {
    enum features_effect_type type;
    uint64_t round;                              /* STORE: to be returned */
    int32_t version, registrations;              /* STORE: only if they are still these */
    struct feature_levels levels;                /* STORE */
};

struct features_effects { size_t count; const struct features_effect *items; };

struct features {
    bool storing;
    uint64_t round;                              /* of the last store */
    struct features_effect effect;
};

void features_init(struct features *features);
struct features_effects features_step(struct features *features,
                                      const struct features_event *event);

#endif
