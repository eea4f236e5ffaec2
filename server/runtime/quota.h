/* runtime/quota.h - bytes a second that may be copied, of all loops together. Pure: the time is
 * given, and never asked for.
 *
 * Who copies looks whether the quota is open, copies, and says afterwards how much it was: the
 * quota is closed until that is paid for. Time that passed unused is not saved up. Any thread,
 * without a lock: two that find it open at the same moment both copy, and both are paid for. */
#ifndef RUNTIME_QUOTA_H
#define RUNTIME_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#define QUOTA_UNLIMITED INT64_MAX

struct quota {
    _Atomic int64_t rate;               /* bytes a second; 0: nothing at all */
    _Atomic int64_t paid_at_us;         /* when all that was copied so far is paid for */
};

void quota_init(struct quota *quota, int64_t rate);
/* Another rate from now on; what is owed is forgotten. */
void quota_set(struct quota *quota, int64_t rate);

bool quota_is_open(const struct quota *quota, int64_t now_us);
/* `bytes` were copied. */
void quota_spend(struct quota *quota, int64_t bytes, int64_t now_us);
/* When to look again, in milliseconds from now, at least 1: when it opens, but not later than after
 * QUOTA_LOOK_MS, since it may be set meanwhile. */
int64_t quota_wait_ms(const struct quota *quota, int64_t now_us);
/* The most that one should copy at a time: what a second pays for. At least 1. */
int64_t quota_portion(const struct quota *quota);

enum { QUOTA_LOOK_MS = 1000 };

#endif
