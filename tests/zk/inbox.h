/* inbox.h - a mail target that a test drains by itself, in its own thread. */
#ifndef TESTS_ZK_INBOX_H
#define TESTS_ZK_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/mail.h"

struct inbox {
    struct mail_target target; /* first */
    pthread_mutex_t mutex;
    pthread_cond_t arrived;
    struct mail *first, **last;
};

void inbox_init(struct inbox *inbox);
void inbox_fini(struct inbox *inbox); /* delivers what is left */

/* Deliver what is there; if nothing is, wait for it until `deadline_ms` (monotonic). False when
 * nothing came. */
bool inbox_turn(struct inbox *inbox, int64_t deadline_ms);

#endif
