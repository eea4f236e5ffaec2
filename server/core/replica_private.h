/* core/replica_private.h - what the files of the replica share. Not for others.
 *
 *   replica.c          the step, facts about our log, questions   (start here: the invariants)
 *   replica_lead.c     followers' progress, the watermark, answers to fetches
 *   replica_isr.c      who should be in sync: proposals and doubt
 *   replica_follow.c   asking the leader, divergence, truncation */
#ifndef CORE_REPLICA_PRIVATE_H
#define CORE_REPLICA_PRIVATE_H

#include <assert.h>
#include <string.h>

#include "server/core/replica.h"

enum {
    PROPOSE_WAIT_MIN_MS = 500,  /* a proposal without a final answer is repeated; without any, ever
                                   later: only the last one's counts, a controller can be slow */
    PROPOSE_WAIT_MAX_MS = 8000,
    REFUSED_WAIT_MS = 1000,  /* before what was refused is proposed again */
    FETCH_WAIT_MIN_MS = 10,  /* after an error; doubled with each in a row */
    FETCH_WAIT_MAX_MS = 1000
};

static inline struct replica_effect *replica_order(struct replica_effects *effects,
                                                   enum replica_effect_type type)
{
    assert(effects->count < REPLICA_EFFECTS_MAX);
    struct replica_effect *effect = &effects->items[effects->count++];
    memset(effect, 0, sizeof *effect);
    effect->type = type;
    return effect;
}

/* A DO_APPEND, DO_TRUNCATE or DO_RESET is under way: our end is not known. */
static inline bool replica_log_busy(const struct replica *replica)
{
    return replica->appending || replica->truncating;
}

/* Must what is committed be on disks? As long as anybody may rely on the stored flag, too. */
static inline bool replica_needs_flush(const struct replica *replica)
{
    return replica->flush_on_ack || replica->state.flush_on_ack ||
           (replica->doubt.count > 0 && replica->doubt_flush);
}

/* How much of our log is on the disk; a flush can be known before the append that it covers. */
static inline int64_t replica_flushed(const struct replica *replica)
{
    return replica->flushed < replica->end ? replica->flushed : replica->end;
}

/* --- replica.c -------------------------------------------------------------------------------- */

/* Offline for good. `reason` is a literal. */
void replica_fail(struct replica *replica, int code, const char *reason,
                  struct replica_effects *effects);
void replica_answer_produces(struct replica_effects *effects, int64_t end, int code);
void replica_publish(struct replica_effects *effects, int64_t watermark);

/* --- replica_lead.c --------------------------------------------------------------------------- */

/* A new epoch that we lead begins. 0 or K_NOMEM. */
int lead_start(struct replica *replica, int64_t now_ms);
/* Another state of the same epoch. 0 or K_NOMEM. */
int lead_adapt(struct replica *replica, int64_t now_ms);
/* Our state has become a newer one of the same epoch; `before`: the set of the former. Of who is
 * new in it nothing counts but what the proposed process said. Before lead_adapt(). */
void lead_admit(struct replica *replica, const struct replica_set *before);
void lead_stop(struct replica *replica);
/* From now on what is not on a disk counts too: of followers, once they have said so again. */
void lead_count_flushed(struct replica *replica);
void lead_on_appended(struct replica *replica, int64_t now_ms);
void lead_on_fetch(struct replica *replica, const struct replica_event *event,
                   struct replica_effects *effects);
/* How far the watermark may be: never below where it is. */
int64_t lead_committed(const struct replica *replica);
/* Raise it so far; answer who waited for that. */
void lead_advance(struct replica *replica, struct replica_effects *effects);
/* Is the stored set too small to commit anything? Then nobody waits for it. */
bool lead_is_short(const struct replica *replica);
/* Have all members that can be stored fetched in this epoch? None has another leader then, or it
 * will never have what we append from now on. */
bool lead_is_followed_by_all(const struct replica *replica);
int32_t lead_sure_members(const struct replica *replica);
struct replica_progress *lead_progress(const struct replica *replica, int32_t id);
/* How much of our log it has for certain, in the sense that counts; -1: unknown. */
int64_t lead_position(const struct replica *replica, int32_t id);

/* --- replica_isr.c ---------------------------------------------------------------------------- */

/* Propose another set when there is reason, or the open proposal again. */
void isr_review(struct replica *replica, int64_t now_ms, struct replica_effects *effects);
void isr_on_answered(struct replica *replica, const struct replica_event *event);
void isr_forget_doubt(struct replica *replica);
/* What is in doubt is proposed again, to be known: another controller reigns, or we lead again in
 * the epoch in which we did. After that, who is new in it is named without an incarnation: if that
 * is not stored, it is refused. */
void isr_resume(struct replica *replica, int64_t now_ms);
int64_t isr_deadline_ms(const struct replica *replica);

/* --- replica_follow.c ------------------------------------------------------------------------- */

void follow_start(struct replica *replica, struct replica_effects *effects);
void follow_stop(struct replica *replica);
/* Ask from where our log ends; nothing else may be under way. */
void follow_ask(struct replica *replica, struct replica_effects *effects);
void follow_retry_later(struct replica *replica, int64_t now_ms);
void follow_on_fetched(struct replica *replica, const struct replica_event *event,
                       struct replica_effects *effects);
/* Take over what the leader said of its watermark, as far as our log goes. */
void follow_advance(struct replica *replica, struct replica_effects *effects);

#endif
