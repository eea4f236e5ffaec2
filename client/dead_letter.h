/* dead_letter.h - how a record that failed is written down: as itself with headers that say what
 * happened, or in an envelope. docs/dead-letters.md has the format.
 *
 * No state: any thread. */
#ifndef CLIENT_DEAD_LETTER_H
#define CLIENT_DEAD_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"
#include "common/arena.h"

/* What a dead letter lacks that would be too large for its topic: each includes those before. */
enum dead_letter_lack {
    LETTER_LACKS_NOTHING, LETTER_LACKS_VALUE, LETTER_LACKS_KEY, LETTER_LACKS_HEADERS
};

/* What happened to it. */
struct dead_letter_facts {
    const char *group, *error;
    int32_t attempts;
    enum dead_letter_lack lack;
    int64_t due_ms;                 /* since 1970: a retry, not to be tried before; -1: none */
};

/* Make *out of a record, with what it needs in the arena. Headers that tell of an earlier life are
 * left out. `topic`, partition and opaque of *out are the caller's. 0 or K_NOMEM. */
int dead_letter_write(struct arena *arena, const klient_record_t *record,
                      const struct dead_letter_facts *facts, klient_record_t *out);
int dead_letter_envelope(struct arena *arena, const klient_record_t *record,
                         const struct dead_letter_facts *facts, klient_record_t *out);

/* How many bytes of the record it lacks then. */
size_t dead_letter_left_out(const klient_record_t *record, enum dead_letter_lack lack);

/* Of headers, those that are not ours: in the arena. NULL when out of memory. */
klient_header_t *dead_letter_strip(struct arena *arena, const klient_record_t *record,
                                   size_t *count);

/* When a retry is due (ms since 1970). False: it does not say so. */
bool dead_letter_due(const klient_record_t *record, int64_t *due_ms);

#endif
