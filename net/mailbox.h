/* mailbox.h - many senders, one receiver: a list behind a mutex and an eventfd to wake by.
 *
 * Posting takes the lock for three assignments; the receiver takes the whole list at once. The
 * descriptor is written only when the box was empty. */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include <pthread.h>

#include "common/mail.h"

struct mailbox {
    pthread_mutex_t lock;
    struct mail *first, **last;       /* guarded */
    int fd;                           /* readable while there may be mail */
};

int mailbox_init(struct mailbox *mailbox);               /* 0 or K_NOMEM (no descriptor left too) */
void mailbox_fini(struct mailbox *mailbox);              /* mail that is still in it is not delivered */
void mailbox_post(struct mailbox *mailbox, struct mail *mail);     /* any thread */

/* Deliver everything that is there now, in the order of posting. The receiver's thread. */
void mailbox_deliver(struct mailbox *mailbox);

#endif
