/* fixture.h - a log in a directory of its own, a model of what it must hold, and files that fail.
 *
 * Everything asserts by Check: a helper that returns has succeeded. */
#ifndef TESTS_SERVER_STORAGE_FIXTURE_H
#define TESTS_SERVER_STORAGE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/storage/io.h"
#include "server/storage/log.h"
#include "server/storage/logdir.h"

/* io_system with a fault at one call, or from it on. */
struct fault {
    struct io io;               /* first: pass &fault.io */
    int calls;                  /* so far */
    int fail_at;                /* 0: never; counted from 1 */
    bool lasting;               /* all later calls fail too */
    int code;                   /* errno; 0: transfers are cut short instead; EMFILE: only calls
                                   count that take a descriptor; ENOSPC, EDQUOT: what needs
                                   no space goes well */
    bool opening;               /* it is one of those */
    int fired;
    const char *life;           /* what the machine's life is said to be; NULL: the truth */
    int ended;                  /* how often it was ended for the directory */
    bool forgetful;             /* that is not remembered */
};
void fault_init(struct fault *fault);
void fault_arm(struct fault *fault, int fail_at, int code, bool lasting);

/* What the log must hold: its batches, in order. */
struct model {
    uint8_t *bytes;
    size_t size, capacity;
    struct { int64_t base, last, max_timestamp; size_t position, size; } *batches;
    size_t count, batch_capacity;
};
int64_t model_end(const struct model *model);
/* Forget the batches that hold `offset` or more. */
void model_cut(struct model *model, int64_t offset);

struct fixture {
    char path[64];
    struct fault fault;
    const struct io *io;        /* under the logs; NULL: fault.io */
    struct logdir *directory;
    struct log *log;
    struct log_config config;
    struct model model;
    int64_t wall_ms;
};

void fixture_init(struct fixture *fixture);        /* directory and log are open */
/* The same in a directory of the caller's, through an io table of his; `fixture` is zeroed. */
void fixture_init_on(struct fixture *fixture, const char *path, const struct io *io);
void fixture_fini(struct fixture *fixture);        /* and the files are gone */
int fixture_try_open(struct fixture *fixture);
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture, bool clean);
/* As after a power cut: marks of our own do not speak for the files any more. */
void fixture_forget_machine(struct fixture *fixture);

/* Build a batch of `records` records with values of `value_size` bytes, timestamps from
 * `timestamp` on. Returns its size. */
size_t make_batch(uint8_t *to, size_t room, int records, size_t value_size, int64_t timestamp);

/* Append these bytes, one batch; the model follows when it succeeds. */
int fixture_append_batch(struct fixture *fixture, uint8_t *bytes, size_t size);
/* Append one batch; the model follows when it succeeds. */
int fixture_append(struct fixture *fixture, int records, size_t value_size, int64_t timestamp);

/* A batch of a producer with an id, part of a transaction or not. */
int fixture_produce(struct fixture *fixture, int64_t id, int16_t epoch, int32_t sequence,
                    int records, bool transactional);
/* The end of a transaction, as its coordinator writes it. */
int fixture_end_txn(struct fixture *fixture, int64_t id, int16_t epoch, bool abort,
                    int32_t coordinator_epoch);

/* Append these batches as a follower does; the model follows when it succeeds. */
int fixture_copy(struct fixture *fixture, const uint8_t *bytes, size_t size, int32_t leader_epoch);

/* What a log of the model's batches must know of producers: all noted from the first one on, into a
 * new state and a new index of aborted transactions. */
struct index;
struct producer_state;
void fixture_replay(const struct fixture *fixture, struct producer_state *state,
                    struct index *aborted);

/* Read everything from the log start on and compare with the model. */
void fixture_verify(struct fixture *fixture);

/* Path of a file of the partition, for damaging it; malloc'ed. */
char *fixture_file(const struct fixture *fixture, const char *name);
void damage_byte(const char *path, int64_t position, uint8_t mask);
int64_t file_size(const char *path);

#endif
