/* runtime/batch_rules.h - what a topic asks of the batches that producers send: codec, timestamps,
 * keys. Pure: no state, any thread. Opening what is compressed takes long: not on a loop.
 *
 * A batch is opened only when a rule needs its records: it has another codec than the topic's, the
 * topic bounds timestamps, or wants keys. What is opened is looked at as a whole: every record can
 * be read, their offsets count from 0 without a gap, and the header names their largest timestamp
 * (else it is put right). */
#ifndef RUNTIME_BATCH_RULES_H
#define RUNTIME_BATCH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;

enum {
    BATCH_RULES_UNFOLDED_MAX = 128 << 20,   /* bytes of one opened batch */
    BATCH_RULES_OUT_MAX = 64 << 20          /* bytes of one entry's batches, if they are several */
};

/* topic_config_for_batches() fills it. */
struct batch_rules {
    int codec;                          /* of stored batches; -1: as the producer sent them */
    int level;                          /* of that codec, or COMPRESS_LEVEL_DEFAULT */
    bool keys;                          /* every record needs one */
    bool bounded;                       /* timestamps are the producer's, and have bounds: */
    int64_t before_max_ms, after_max_ms;    /* ... this far from the broker's clock */
    size_t batch_bytes_max;             /* max.message.bytes */
};

/* Must one of these checked batches be opened that is compressed, or be compressed, or are there
 * very many records to look at? Then it takes long, and batch_rules_apply() is needed; otherwise
 * batch_rules_check() does it all. */
bool batch_rules_need_work(const struct batch_rules *rules, const uint8_t *batches, size_t size);

/* Check uncompressed records where a rule asks for it; a wrong largest timestamp is put right in
 * place. 0; INVALID_TIMESTAMP, INVALID_RECORD (without a key), CORRUPT_MESSAGE (the records can not
 * be read). */
int batch_rules_check(const struct batch_rules *rules, uint8_t *batches, size_t size,
                      int64_t now_ms);

/* Check, and write to `out` (appended) what is to be stored: each batch in the topic's codec.
 * Nothing is written when all of them may stay as they are. `out` holds whole batches only after
 * success. As batch_rules_check(); also MESSAGE_TOO_LARGE (a batch unfolds beyond all reason, or is
 * larger than max.message.bytes in its new codec), RECORD_LIST_TOO_LARGE (all together are over
 * BATCH_RULES_OUT_MAX), UNSUPPORTED_COMPRESSION_TYPE, NOMEM. */
int batch_rules_apply(const struct batch_rules *rules, uint8_t *batches, size_t size,
                      int64_t now_ms, struct buffer *out);

#endif
