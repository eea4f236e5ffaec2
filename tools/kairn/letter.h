/* letter.h - a dead letter, whichever form it has, and which of them are wanted. */
#ifndef TOOLS_KAIRN_LETTER_H
#define TOOLS_KAIRN_LETTER_H

#include <jansson.h>
#include <stdbool.h>

#include "client/klient.h"
#include "common/arena.h"
#include "tools/kairn/command.h"

struct letter {
    const char *topic, *group, *error;
    int64_t attempts;
    int64_t left_out;               /* bytes of the record that were too large; 0: it is whole */
    /* The record as it was, but for its place: where it came from. Not its topic. */
    klient_record_t record;
    struct arena arena;             /* of all that the dead letter itself does not hold */
};

/* Read one: by its headers, or as an envelope. False: it is no dead letter (or there is no memory),
 * and there is nothing to free. Views into the dead letter stay. */
bool letter_read(const klient_record_t *from, struct letter *out);
void letter_free(struct letter *letter);

/* One JSON object for it, with where it lies. NULL when out of memory. */
json_t *letter_json(const klient_record_t *from, const struct letter *letter);

/* --source, --group, --error, --key, --since, --until; NULL and -1: any. */
struct letter_filter {
    const char *topic, *group, *error, *key;
    int64_t since_ms, until_ms;     /* of the dead letter */
};

/* False: said, wrong usage. */
bool letter_filter_read(const struct args *args, struct letter_filter *out);
bool letter_filter_is_open(const struct letter_filter *filter);     /* everything passes */
bool letter_filter_passes(const struct letter_filter *filter, const klient_record_t *from,
                          const struct letter *letter);

/* The filter as text, the same for the same filter. */
uint64_t letter_filter_hash(const struct letter_filter *filter);

#endif
