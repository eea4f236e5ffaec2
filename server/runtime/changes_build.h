/* runtime/changes_build.h - the controller's announcements as a ChangesResponse. */
#ifndef RUNTIME_CHANGES_BUILD_H
#define RUNTIME_CHANGES_BUILD_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/kairn.pb-c.h"

struct arena;
struct control;

/* Everything announced after `sequence`, or everything when `full`, into `response`, built in
 * `arena`. Strings are copied. Returns 0 or NOMEM (also when the arena's limit is hit). */
int changes_build(struct control *control, uint64_t sequence, bool full, struct arena *arena,
                  Kairn__ResponseHead *response);

#endif
