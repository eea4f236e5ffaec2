/* mailbox.h - many senders, one receiver, first in first out.
 *
 * Posting takes a short lock and wakes the receiver only when the box was empty, so a burst costs
 * one wake-up. The receiver takes everything at once and delivers without the lock. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <pthread.h>
#include <stddef.h>

#include "common/mail.h"

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first, **last;
    int fd;                         /* an eventfd, readable while there may be mail */
};

int mailbox_init(struct mailbox *mailbox);          /* 0 or K_NOMEM */
void mailbox_fini(struct mailbox *mailbox);         /* mail still inside is not delivered */

/* Any thread; never blocks for longer than the lock, never refused. */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);

/* Deliver all mail that is there now, in the order of posting. The receiver's thread. */
void mailbox_drain(struct mailbox *mailbox);

/* Block until there may be mail: for receivers that are plain threads, without a loop. */
void mailbox_wait(struct mailbox *mailbox);

#endif
