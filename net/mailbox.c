#include "net/mailbox.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/error.h"

int mailbox_init(struct mailbox *mailbox)
{
    mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox->fd < 0)
        return K_NOMEM;
    pthread_mutex_init(&mailbox->lock, NULL);
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
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
    int was_empty = mailbox->first == NULL;
    *mailbox->last = mail;
    mailbox->last = &mail->next;
    pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        /* Fails only when the counter is full, and then the descriptor is readable already. */
        ssize_t ignored = write(mailbox->fd, &(uint64_t){ 1 }, sizeof(uint64_t));
        (void)ignored;
    }
}

void mailbox_deliver(struct mailbox *mailbox)
{
    uint64_t count;
    ssize_t ignored = read(mailbox->fd, &count, sizeof count);
    (void)ignored;

    pthread_mutex_lock(&mailbox->lock);
    struct mail *mail = mailbox->first;
    mailbox->first = NULL;
    mailbox->last = &mailbox->first;
    pthread_mutex_unlock(&mailbox->lock);
    while (mail != NULL) {
        struct mail *next = mail->next;      /* delivering may free it */
        mail->deliver(mail);
        mail = next;
    }
}
