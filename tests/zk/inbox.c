#include "tests/zk/inbox.h"

#include <time.h>

static void inbox_post(struct mail_target *target, struct mail *mail)
{
    struct inbox *inbox = (struct inbox *)target;

    pthread_mutex_lock(&inbox->mutex);
    mail->next = NULL;
    *inbox->last = mail;
    inbox->last = &mail->next;
    pthread_cond_signal(&inbox->arrived);
    pthread_mutex_unlock(&inbox->mutex);
}

void inbox_init(struct inbox *inbox)
{
    pthread_condattr_t monotonic;

    inbox->target.post = inbox_post;
    pthread_mutex_init(&inbox->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&inbox->arrived, &monotonic);
    pthread_condattr_destroy(&monotonic);
    inbox->first = NULL;
    inbox->last = &inbox->first;
}

void inbox_fini(struct inbox *inbox)
{
    while (inbox_turn(inbox, 0))
        ;
    pthread_cond_destroy(&inbox->arrived);
    pthread_mutex_destroy(&inbox->mutex);
}

bool inbox_turn(struct inbox *inbox, int64_t deadline_ms)
{
    const struct timespec deadline = { .tv_sec = deadline_ms / 1000,
                                       .tv_nsec = deadline_ms % 1000 * 1000000 };

    pthread_mutex_lock(&inbox->mutex);
    while (inbox->first == NULL)
        if (pthread_cond_timedwait(&inbox->arrived, &inbox->mutex, &deadline) != 0)
            break;
    struct mail *mail = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    pthread_mutex_unlock(&inbox->mutex);

    bool any = mail != NULL;
    while (mail != NULL) {
        struct mail *next = mail->next;

        mail->deliver(mail);
        mail = next;
    }
    return any;
}
