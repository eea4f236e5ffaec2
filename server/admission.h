/* admission.h - whom a broker lets in: how many connections in all, how many of one address, and
 * how many new ones a second.
 *
 * Asked once for each connection that comes or goes, never for a request. Thread-safe: a mutex.
 * Where there is no room in all, or they come too fast, nobody is refused: who connects waits in
 * the system's queue. An address that has its share is refused, or it would block the others. */
#ifndef SERVER_ADMISSION_H
#define SERVER_ADMISSION_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/map.h"

enum { ADMISSION_OVERRIDES_MAX = 64 };

/* An address: 4 bytes, or 16 (IPv4 within IPv6 is IPv4). Size 0: none, as of a local socket. */
struct address_key { uint8_t size, bytes[16]; };

struct admission_limits {
    int64_t connections;            /* max.connections */
    int64_t per_address;            /* max.connections.per.ip, */
    struct { struct address_key address; int64_t limit; } overrides[ADMISSION_OVERRIDES_MAX];
    size_t override_count;          /* and its exceptions */
    int64_t per_second;             /* max.connection.creation.rate */
};

/* No limits. */
void admission_no_limits(struct admission_limits *limits);

/* "127.0.0.1:200,[::1]:10" into the overrides; NULL or "": none. 0, or K_INVALID_CONFIG with the
 * reason: no address (names are not looked up), no number, or too many. */
int admission_parse_overrides(struct admission_limits *limits, const char *text,
                              struct k_reason *reason);

struct admission {
    pthread_mutex_t mutex;
    struct admission_limits limits;
    int64_t open;
    struct map addresses;           /* struct address_key.bytes -> connections, as a pointer */
    int64_t credit;                 /* thousandths of connections that may come at once, */
    int64_t credit_ms;              /* as of then; at most a second's worth */
};

void admission_init(struct admission *admission, const struct admission_limits *limits);
void admission_fini(struct admission *admission);
/* From now on; who is in stays. */
void admission_set(struct admission *admission, const struct admission_limits *limits);

/* May the next one come in? 0: it may; else look again after so many ms. `privileged`: brokers
 * among themselves, for whom the number in all and the rate do not count. */
int64_t admission_wait_ms(struct admission *admission, bool privileged, int64_t now_ms);

/* One has come from this address. False: the address has its share (or no memory is left), and it
 * is not counted. */
bool admission_enter(struct admission *admission, const struct address_key *from, int64_t now_ms);
void admission_leave(struct admission *admission, const struct address_key *from);

/* The address at the other end of a socket. */
struct address_key address_of_peer(int fd);

#endif
