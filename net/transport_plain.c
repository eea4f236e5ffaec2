/* transport_plain.c - bytes as they are. */
#include "net/transport.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

static ssize_t verdict(ssize_t moved)
{
    if (moved >= 0)
        return moved;
    return errno == EAGAIN || errno == EWOULDBLOCK ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static ssize_t plain_receive(int fd, void *state, const struct iovec *to, int count)
{
    (void)state;
    struct msghdr message = { .msg_iov = (struct iovec *)to, .msg_iovlen = (size_t)count };
    ssize_t got;
    do
        got = recvmsg(fd, &message, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    return got == 0 ? TRANSPORT_END : verdict(got);
}

static ssize_t plain_send(int fd, void *state, const struct iovec *from, int count, int more)
{
    (void)state;
    struct msghdr message = { .msg_iov = (struct iovec *)from, .msg_iovlen = (size_t)count };
    ssize_t sent;
    do
        sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (sent < 0 && errno == EINTR);
    return verdict(sent);
}

static ssize_t plain_send_file(int fd, void *state, int file, off_t position, size_t size)
{
    (void)state;
    ssize_t sent;
    do
        sent = sendfile(fd, file, &position, size);
    while (sent < 0 && errno == EINTR);
    /* Nothing although something was asked for: the file is shorter than the span. */
    return sent == 0 && size > 0 ? TRANSPORT_END : verdict(sent);
}

const struct transport transport_plain = { "plain", plain_receive, plain_send, plain_send_file };
