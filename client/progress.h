/* progress.h - how far the application is done with a partition's records, for auto commit.
 *
 * What a poll returned of a partition is a handout; it is done with when its klient_records_t was
 * freed, which any thread may do, in any order. Only what precedes the first handout that is not
 * done with may be committed, and nothing at or beyond the bound: a record there failed (retry.h).
 *
 * A struct progress belongs to whoever holds the consumer's spin; no function here blocks. */
#ifndef CLIENT_PROGRESS_H
#define CLIENT_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct handout {
    struct handout *next;           /* of the partition */
    struct handout *sibling;        /* of the same records */
    atomic_uint references;         /* the partition's, and the records' */
    atomic_bool done;
    int64_t end;                    /* offset after its last record */
    int32_t epoch;                  /* of that record */
};

struct progress {
    struct handout *first, **last;
    int64_t done;                   /* everything before this offset is done with; -1: nothing is */
    int32_t epoch;                  /* of the record before it */
    int64_t asked;                  /* that a commit was last asked for; -1: none */
    bool blocked;                   /* a handout could not be noted: nothing after it is known */
    int64_t bound;                  /* of what may be committed; INT64_MAX: none */
};

void progress_init(struct progress *progress);

/* Forget the handouts: reading goes on elsewhere. */
void progress_restart(struct progress *progress);

/* NULL when out of memory. */
struct handout *handout_new(int64_t end, int32_t epoch);

/* It was returned. The progress takes one reference, the caller keeps the other. */
void progress_hand_out(struct progress *progress, struct handout *handout);

/* Something was returned that there is no handout of: it is taken for never done with. */
void progress_block(struct progress *progress);

/* The records are freed: give up their reference. Any thread, without the spin. */
void handout_done(struct handout *handout);

/* Are they? For who keeps the other reference without a progress; and give that one up. Any
 * thread. */
bool handout_is_done(struct handout *handout);
void handout_unref(struct handout *handout);

/* What was handed out from `end` on will be handed out anew. */
void progress_cut(struct progress *progress, int64_t end);

/* Nothing at or beyond `bound` may be committed from now on. INT64_MAX: everything may. */
void progress_set_bound(struct progress *progress, int64_t bound);

/* `offset`, or the bound when that comes first; then *epoch is not known. */
int64_t progress_bounded(const struct progress *progress, int64_t offset, int32_t *epoch);

/* The offset that may be committed now and was not asked for yet, or -1; *epoch goes with it. It
 * counts as asked for. */
int64_t progress_take(struct progress *progress, int32_t *epoch);

/* The application says by itself that it is done with everything before `offset`. */
void progress_store(struct progress *progress, int64_t offset);

/* The application, or we, asked to commit this offset. */
void progress_asked(struct progress *progress, int64_t offset);

#endif
