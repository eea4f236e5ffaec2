/* The socket as it is. */
#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "net/transport.h"

static ssize_t failure(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK ? TRANSPORT_AGAIN : TRANSPORT_FAILED;
}

static ssize_t plain_receive(int fd, void *state, const struct iovec *to, int count)
{
    ssize_t size;

    (void)state;
    do
        size = readv(fd, to, count);
    while (size < 0 && errno == EINTR);
    return size > 0 ? size : size == 0 ? TRANSPORT_END : failure();
}

static ssize_t plain_send(int fd, void *state, const struct iovec *from, int count, int more)
{
    const struct msghdr message = { .msg_iov = (struct iovec *)from, .msg_iovlen = (size_t)count };
    ssize_t size;

    (void)state;
    do
        size = sendmsg(fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    while (size < 0 && errno == EINTR);
    return size >= 0 ? size : failure();
}

static ssize_t plain_send_file(int fd, void *state, int file, off_t position, size_t size)
{
    ssize_t sent;

    (void)state;
    do
        sent = sendfile(fd, file, &position, size);
    while (sent < 0 && errno == EINTR);
    return sent >= 0 ? sent : failure();
}

const struct transport transport_plain = { "plain", plain_receive, plain_send, plain_send_file };
