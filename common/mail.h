/* mail.h - a message to another thread, embedded in whatever it carries.
 *
 * The sender gives the whole object away with the post; the receiver's thread calls deliver()
 * exactly once. Posting never blocks, never allocates and is never refused: room was made when
 * the object that embeds the mail was made. */
#ifndef COMMON_MAIL_H
#define COMMON_MAIL_H

struct mail {
    struct mail *next;                      /* owned by the mailbox while in transit */
    void (*deliver)(struct mail *mail);     /* runs on the receiver's thread */
};

/* Somewhere mail can be sent: a loop, an io pool, a test's inbox. */
struct mail_target {
    void (*post)(struct mail_target *target, struct mail *mail);   /* any thread */
};

static inline void mail_post(struct mail_target *target, struct mail *mail)
{
    target->post(target, mail);
}

#endif
