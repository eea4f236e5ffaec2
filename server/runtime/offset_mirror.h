/* runtime/offset_mirror.h - committed offsets, copied to where Kafka 0.8 kept them in ZooKeeper:
 * /consumers/GROUP/offsets/TOPIC/PARTITION. For people and old tools; nobody here reads them back,
 * and no commit ever waits for one.
 *
 * A coordinator gathers what was committed and hands it to the control plane, one parcel at a time.
 * Both hold a reference, and the last one frees it: so neither waits for the other, whoever ends
 * first. Notes and parcels are made by mirror_parcel.c, written by offset_mirror.c. */
#ifndef RUNTIME_OFFSET_MIRROR_H
#define RUNTIME_OFFSET_MIRROR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/list.h"
#include "common/mail.h"

struct control;
struct mirror_parcel;

/* Of one partition: the newest that is known. */
struct mirror_note {
    struct list node;
    int64_t offset;                 /* -1: nothing is committed any more */
    const char *group, *topic;      /* within the key */
    int32_t partition;
    size_t key_size;                /* of what tells it from others */

    /* the control plane's own */
    struct mirror_parcel *parcel;
    bool creating;
    int level, calls;
    char key[];
};

/* A note in memory of its own, freed by free(). NULL: out of memory, or no node can have the name
 * of the group. */
struct mirror_note *mirror_note_new(const char *group, const char *topic, int32_t partition,
                                    int64_t offset);

struct mirror_parcel {
    struct list notes;              /* struct mirror_note.node; the control plane's once sent */
    _Atomic bool withdrawn;         /* the sender coordinates no longer: nothing more is written */
    _Atomic int64_t done_ms;        /* monotonic: all is written, or given up; 0: not yet */
    atomic_int references;

    /* the control plane's own */
    struct mail mail;
    struct control *control;
    struct list node;
    size_t in_flight;
};

struct mirror_parcel *mirror_parcel_new(void);          /* one reference; NULL: out of memory */
void mirror_parcel_unref(struct mirror_parcel *parcel); /* any thread; NULL is allowed */

/* Write it as soon as ZooKeeper takes it. Takes a reference of its own. Any thread. */
void control_mirror(struct control *control, struct mirror_parcel *parcel);

#endif
