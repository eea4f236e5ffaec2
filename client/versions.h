/* versions.h - which requests a broker serves, in which versions, as its answer to ApiVersions
 * said.
 *
 * Plain data without a thread. A request gets the highest version that both sides know; before the
 * answer is there, our lowest: what goes out together with the question need not wait for it. */
#ifndef CLIENT_VERSIONS_H
#define CLIENT_VERSIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/head.h"

enum { VERSIONS_BODIES_MAX = 64 };      /* field numbers of bodies are below this */

struct version_range {
    bool served;
    uint32_t lowest, highest;
};

struct versions {
    bool known;                         /* else nobody has told yet */
    struct version_range bodies[VERSIONS_BODIES_MAX];
    char software[32];                  /* of the broker, "" when it did not say */
};

/* The peer may be another program from now on. */
void versions_forget(struct versions *versions);

/* Take an answer. 0, or K_MALFORMED (nothing changes): it does not even have what was just
 * asked. */
int versions_learn(struct versions *versions, const Kairn__ApiVersionsResponse *answer);

/* The version to ask `body` (a field number of RequestHead that we know) in; 0, or
 * K_UNSUPPORTED_VERSION. */
int versions_choose(const struct versions *versions, uint32_t body, uint32_t *version);

/* Why there was none, for people. */
void versions_explain(const struct versions *versions, uint32_t body, char *text, size_t size);

#endif
