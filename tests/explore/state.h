/* state.h - a small cluster as a few hundred bytes, so that millions of them can be looked at.
 *
 * Three replicas of one partition made of the real core/replica, with logs of a few records, the
 * messages between them, and a controller reduced to what it decides (core/election). Time does not
 * pass: what a deadline brings about can happen at any moment, or never. Rounds are not numbers but
 * "the open one" or "an older one". Everything that no future can depend on is zero.
 *
 * Replica ids are not sorted away: the order of replicas decides elections. */
#ifndef TESTS_EXPLORE_STATE_H
#define TESTS_EXPLORE_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { NODES = 3, RECORDS_MAX = 3, SLOTS = 2, ACTION_ARGUMENTS = 8 };

/* How far exploring goes. */
struct bounds { int records, epochs, versions, crashes, min_insync; };

struct known { int8_t leader, epoch, version; uint8_t isr, eligible; };
struct seen { int8_t end; uint8_t incarnation, proposed, at_end, applies; };

struct node {
    uint8_t up, incarnation, crashes, lossy;
    uint8_t end, ids[RECORDS_MAX], epochs[RECORDS_MAX];
    /* of the core */
    uint8_t role, assigned, watermark;
    struct known known;
    int8_t watermark_epoch, epoch_start, leader_watermark;
    struct seen seen[NODES];            /* leading: of the others */
    uint8_t doubt, proposing, waiting;  /* waiting: a proposal's time will come */
    uint8_t asking, retrying;
};

struct question { uint8_t there, open, to, incarnation; int8_t epoch, offset, last_epoch; };
struct answer {
    uint8_t there, open, refused, diverged, count, watermark;
    int8_t diverged_epoch, diverged_end, first;
    uint8_t ids[RECORDS_MAX], epochs[RECORDS_MAX];
};
struct proposal {
    uint8_t there, open, incarnation, set, incarnations[NODES];
    int8_t epoch, version;
};
struct verdict { uint8_t there, open; int8_t code; };

struct state {
    struct node nodes[NODES];
    struct question questions[NODES][SLOTS];    /* by follower, the newest first */
    struct answer answers[NODES][SLOTS];
    struct proposal proposals[NODES];
    struct verdict verdicts[NODES];
    struct known stored;
    uint8_t registered[NODES];                  /* incarnation, 0: none */
    uint8_t leader_incarnation;                 /* to which the stored epoch was given */
    uint8_t impaired;                           /* lost records, and are or may come into the set */
    uint8_t lost;                               /* lost records since the set was whole */
    uint8_t committed, ids[RECORDS_MAX];
    uint8_t next_id;
};

enum verdict_code { VERDICT_OK, VERDICT_REFUSED, VERDICT_OLD };

enum action_kind {
    ACTION_TELL,        /* a: the stored state reaches it */
    ACTION_PRODUCE,     /* a: a client's record, if it leads */
    ACTION_ASK,         /* a: question b arrives; and stays, to arrive again */
    ACTION_ANSWER,      /* a: answer b arrives; and stays */
    ACTION_TIMEOUT,     /* a: its question has no answer */
    ACTION_RETRY,       /* a: it asks again after an error */
    ACTION_LAG,         /* a: a follower b has been behind for too long */
    ACTION_PROPOSE,     /* a: it proposes again */
    ACTION_PROPOSAL,    /* a: its proposal reaches the controller; and stays */
    ACTION_VERDICT,     /* a: the controller's word reaches it */
    ACTION_CRASH,       /* a: the process dies */
    ACTION_POWER,       /* a: the machine too; records from b on are gone */
    ACTION_START,       /* a: with the watermark (b 1) or without (b 0) */
    ACTION_EXPIRE,      /* a: the dead process's session */
    ACTION_DECIDE,      /* the controller does what is due */
    ACTION_MOVE,        /* a: is made the leader, being in sync */
    ACTION_CLEAR,       /* a: is not lossy any more */
    ACTION_KINDS
};

void state_init(struct state *state, const struct bounds *bounds);

/* Do it. False: it can not happen in this state. *why is set when a rule is broken. */
bool state_act(struct state *state, const struct bounds *bounds, enum action_kind kind, int a,
               int b, const char **why);

/* What leaders have committed is so from now on. NULL, or which rule is broken. */
const char *state_commit(struct state *state);
/* What must hold in every state; NULL, or what does not. */
const char *state_check(const struct state *state);

/* Let everything work from here on: does it become whole? NULL, or why not. */
const char *state_settle(const struct state *from, const struct bounds *bounds);

void state_say(const struct state *state, FILE *file);
void action_say(enum action_kind kind, int a, int b, FILE *file);

#endif
