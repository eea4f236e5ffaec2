/* runtime/changes_build.h - the controller's announcements as a ChangesResponse. */
#ifndef RUNTIME_CHANGES_BUILD_H
#define RUNTIME_CHANGES_BUILD_H

#include "proto/kairn.pb-c.h"

struct arena;
struct control;
struct controller_effect;

/* The news that a CONTROLLER_DO_ANSWER_CHANGES (without error) orders, into `response`, built in
 * `arena`: the oldest first, by topics, until CHANGES_SIZE_ENOUGH is reached; then `more` is set
 * and the asker asks for the rest. Strings are copied. Returns 0, NOMEM (also when the arena's
 * limit is hit) or FRAME_TOO_LARGE (a single topic that no head can carry; logged). */
enum { CHANGES_SIZE_ENOUGH = 256 * 1024 };
int changes_build(struct control *control, const struct controller_effect *news,
                  struct arena *arena, Kairn__ResponseHead *response);

#endif
