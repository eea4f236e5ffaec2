#include "bench/null_crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "common/crc32c.h"
#include "common/endian.h"

enum { EVENTS = 256, FILES_MAX = 1024 };

struct file {
    int fd;
    off_t position;
};

struct asker {
    int fd, file;
    size_t have;
    uint8_t bytes[NULL_CROWD_PREFIX + NULL_CROWD_FRAME_MAX];
};

static void open_files(struct file *files, const char *directory, int count)
{
    char path[4096];

    for (int i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%d", directory, i);
        files[i].fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (files[i].fd < 0)
            bench_die(path);
    }
}

static void let_in(int poll, int listener, int file)
{
    struct asker *asker = calloc(1, sizeof *asker);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = asker };

    if (asker == NULL)
        bench_die("malloc");
    asker->file = file;
    asker->fd = accept(listener, NULL, NULL);
    setsockopt(asker->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    if (asker->fd < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, asker->fd, &event) != 0)
        bench_die("accept");
}

/* The first frame that lies whole in the buffer; its size with the prefix, 0: there is none. */
static size_t append_first(struct asker *asker, struct file *files)
{
    struct file *file = &files[asker->file];
    uint8_t answer[NULL_CROWD_ANSWER];

    if (asker->have < NULL_CROWD_PREFIX)
        return 0;
    size_t size = load_u32(asker->bytes);
    if (size > NULL_CROWD_FRAME_MAX ||
        (asker->have >= NULL_CROWD_PREFIX + size &&
         crc32c(0, asker->bytes + NULL_CROWD_PREFIX, size) != load_u32(asker->bytes + 4))) {
        fputs("null_crowd: checksum\n", stderr);
        exit(1);
    }
    if (asker->have < NULL_CROWD_PREFIX + size)
        return 0;
    if (pwrite(file->fd, asker->bytes + NULL_CROWD_PREFIX, size, file->position) != (ssize_t)size)
        bench_die("pwrite");
    store_u64(answer, (uint64_t)asker->file);
    store_u64(answer + 8, (uint64_t)file->position);
    file->position += (off_t)size;
    bench_write_whole(asker->fd, answer, sizeof answer);
    return NULL_CROWD_PREFIX + size;
}

static void serve(struct asker *asker, struct file *files)
{
    ssize_t got =
        recv(asker->fd, asker->bytes + asker->have, sizeof asker->bytes - asker->have, 0);
    size_t size;

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0) {
        close(asker->fd);
        free(asker);
        return;
    }
    asker->have += (size_t)got;
    while ((size = append_first(asker, files)) > 0) {
        asker->have -= size;
        memmove(asker->bytes, asker->bytes + size, asker->have);
    }
}

static void __attribute__((noreturn)) run(int listener, const char *directory, int files)
{
    static struct file open[FILES_MAX];
    struct epoll_event events[EVENTS], event = { .events = EPOLLIN };
    int poll = epoll_create1(EPOLL_CLOEXEC);
    int accepted = 0;

    if (files > FILES_MAX || poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event) != 0)
        bench_die("epoll");
    open_files(open, directory, files);
    for (;;) {
        int count = epoll_wait(poll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == NULL)
                let_in(poll, listener, accepted++ % files);
            else
                serve(events[i].data.ptr, open);
        }
    }
}

pid_t null_crowd_start(const char *directory, int files, char broker[32])
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (listener < 0 || bind(listener, (struct sockaddr *)&address, size) != 0 ||
        listen(listener, SOMAXCONN) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        bench_die("loopback");
    pid_t pid = fork();
    if (pid < 0)
        bench_die("fork");
    if (pid == 0) {
        /* It must not outlive who asks it. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        run(listener, directory, files);
    }
    close(listener);
    snprintf(broker, 32, "127.0.0.1:%d", ntohs(address.sin_port));
    return pid;
}
