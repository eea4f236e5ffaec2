/* proxy.h - a man in the middle who loses the answer to one multi and cuts the line. */
#ifndef TESTS_ZK_PROXY_H
#define TESTS_ZK_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct proxy {
    pthread_t thread;
    int listener, stop; /* stop: an eventfd */
    int port, server_port;
    atomic_bool lose_next_multi; /* set by the test; cleared when it was done */
};

void proxy_start(struct proxy *proxy, const char *server); /* "127.0.0.1:port" */
void proxy_stop(struct proxy *proxy);

#endif
