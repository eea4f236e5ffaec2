#include "server/runtime/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/chain.h"
#include "common/list.h"
#include "net/loop.h"
#include "server/runtime/io_pool.h"

enum {
    READ_SIZE = 64 << 10,               /* on the stack of a pool's thread */
    AHEAD_MAX = 1 << 20                 /* a reader mostly comes back for what follows */
};

static bool is_cold(int fd, off_t position)
{
    uint8_t byte;
    const struct iovec to = { .iov_base = &byte, .iov_len = 1 };

    return preadv2(fd, &to, 1, position, RWF_NOWAIT) < 0 && errno == EAGAIN;
}

bool warm_is_needed(const struct chain *chain)
{
    for (const struct chain_piece *piece = chain->first; piece != NULL; piece = piece->next) {
        if (piece->kind != CHAIN_FILE || piece->size == 0)
            continue;
        if (is_cold(piece->fd, piece->position) ||
            is_cold(piece->fd, piece->position + (off_t)piece->size - 1))
            return true;
    }
    return false;
}

/* By reading, because advice is cut to what one request of the device can carry. */
static void read_span(const struct chain_piece *piece)
{
    uint8_t scratch[READ_SIZE];
    off_t end = piece->position + (off_t)piece->size;
    size_t ahead = piece->size < AHEAD_MAX ? piece->size : AHEAD_MAX;

    for (off_t at = piece->position; at < end;) {
        size_t size = end - at < READ_SIZE ? (size_t)(end - at) : READ_SIZE;
        ssize_t got = pread(piece->fd, scratch, size, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return;
        at += got;
    }
    (void)posix_fadvise(piece->fd, end, (off_t)ahead, POSIX_FADV_WILLNEED);
}

static void warmed(struct mail *mail)
{
    struct warming *warming = LIST_OWNER(mail, struct warming, mail);

    warming->done(warming);
}

static void read_all(struct mail *mail)
{
    struct warming *warming = LIST_OWNER(mail, struct warming, mail);

    for (const struct chain_piece *piece = warming->chain->first; piece != NULL;
         piece = piece->next)
        if (piece->kind == CHAIN_FILE)
            read_span(piece);
    warming->mail.deliver = warmed;
    loop_post(warming->answer_to, &warming->mail);
}

void warm_start(struct warming *warming, const struct chain *chain, struct io_pool *pool,
                struct loop *answer_to, void (*done)(struct warming *warming))
{
    warming->chain = chain;
    warming->answer_to = answer_to;
    warming->done = done;
    warming->mail.deliver = read_all;
    mail_post(io_pool_urgent(pool), &warming->mail);
}
