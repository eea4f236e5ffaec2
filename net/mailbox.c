#include "net/mailbox.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/error.h"

int mailbox_init(struct mailbox *mailbox)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return K_NOMEM;
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    mailbox->fd = fd;
    return 0;
}

void mailbox_fini(struct mailbox *mailbox)
{
    close(mailbox->fd);
    pthread_mutex_destroy(&mailbox->lock);
}

void mailbox_post(struct mailbox *mailbox, struct mail *mail)
{
    mail->next = NULL;
    pthread_mutex_lock(&mailbox->lock);
    bool was_empty = mailbox->first == NULL;
    *mailbox->last = mail;
    mailbox->last = &mail->next;
    if (was_empty) {
        /* Under the lock: once it is dropped the receiver may deliver this mail and end, taking the
         * descriptor with it. The write can not block: the counter is reset before every drain. */
        const uint64_t one = 1;
        while (write(mailbox->fd, &one, sizeof one) < 0 && errno == EINTR)
            continue;
    }
    pthread_mutex_unlock(&mailbox->lock);
}

void mailbox_drain(struct mailbox *mailbox)
{
    uint64_t count;

    /* The counter first: mail posted after this finds either a box that we are about to empty, or
     * an empty one, and then wakes us again. */
    while (read(mailbox->fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;

    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);

    while (mail != NULL) {
        struct mail *next = mail->next;     /* delivery may free the mail */
        mail->deliver(mail);
        mail = next;
    }
}

void mailbox_wait(struct mailbox *mailbox)
{
    struct pollfd ready = { .fd = mailbox->fd, .events = POLLIN };

    while (poll(&ready, 1, -1) < 0 && errno == EINTR)
        continue;
}
