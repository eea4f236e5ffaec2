/* produce.h - what the parts of kairn produce share. */
#ifndef TOOLS_KAIRN_PRODUCE_H
#define TOOLS_KAIRN_PRODUCE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/klient.h"
#include "tools/kairn/command.h"
#include "tools/kairn/pauses.h"
#include "tools/kairn/record_input.h"

enum { PRODUCE_HEADERS_MAX = 64 };

struct producing {
    const struct args *args;
    klient_producer_t *producer;
    klient_record_t record;             /* topic, partition and headers are set */
    klient_header_t headers[PRODUCE_HEADERS_MAX];
    const char *separator;
    size_t separator_size;
    struct record_input json;
    bool reads_json, skips_bad;
    bool fixed;                         /* --partition: wherever lines say that they belong */
    uint64_t records, bytes, failed, skipped;
    uint64_t accepted, told;            /* records that were taken; of them, whose fate is known */
    int64_t block_ms;                   /* how long a send is tried */
    bool warned;                        /* an interrupt was explained */
    bool refused;                       /* a bad line ended it */
    double started, shown;
    bool terminal;
    bool pausing;                       /* --pauses: opaque tells when a record was handed over */
    struct pauses pauses;
};

/* --- produce.c -------------------------------------------------------------------------------- */

/* Hand a record over, and tell if that fails. False: no other will do better. */
bool produce_record(struct producing *producing, klient_record_t *record);
/* Tell of a line that is no record. False: it ends here. */
bool produce_bad_line(struct producing *producing, const char *name, uint64_t number,
                      const char *why);
void produce_show_progress(struct producing *producing, bool last);

/* --- produce_input.c -------------------------------------------------------------------------- */

/* Send what the files of --file, or standard input, have. Returns what to exit with. */
int produce_inputs(struct producing *producing);
/* Does a person type what is read? */
bool produce_reads_terminal(const struct args *args);

#endif
