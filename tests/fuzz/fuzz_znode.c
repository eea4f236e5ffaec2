/* Every znode decoder: the first byte chooses which. What is understood is written and read back to
 * the same text; what is not comes with a reason. */
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "tests/fuzz/target.h"
#include "zk/znode.h"

/* A byte of 240 or more is a kind that came later than the corpus. */
enum { KINDS = 12, LATER = 240 };

/* Levels that are not for this build are read as none. */
static char *normalise_features(struct arena *arena, const char *data, size_t size, int *code,
                                struct k_reason *reason)
{
    const struct feature_ranges ranges = feature_ranges_built();
    struct feature_levels levels;
    struct znode_features features;

    memset(&levels, 0, sizeof levels);
    *code = znode_decode_features(arena, data, size, &features, reason);
    if (*code != 0)
        return NULL;
    znode_features_check(&features, &ranges, &levels, NULL);
    return znode_encode_features(arena, &levels);
}

/* The text that the node decodes to and is encoded as again; NULL with *code when refused. */
static char *normalise(struct arena *arena, int kind, const char *data, size_t size, int *code,
                       struct k_reason *reason)
{
    union {
        struct znode_broker broker;
        struct znode_kairn_broker kairn;
        struct znode_topic topic;
        struct znode_partition_state state;
        struct znode_config config;
        struct znode_controller controller;
        struct znode_producer_ids ids;
        struct znode_config_change change;
        struct znode_reassign reassign;
        char *id;
        int32_t epoch;
    } node;

#define TRY(decoder, encoder, field)                                                               \
    *code = decoder(arena, data, size, &node.field, reason);                                       \
    return *code == 0 ? encoder(arena, &node.field) : NULL
    switch (kind) {
    case 0:
        TRY(znode_decode_broker, znode_encode_broker, broker);
    case 1:
        TRY(znode_decode_kairn_broker, znode_encode_kairn_broker, kairn);
    case 2:
        TRY(znode_decode_topic, znode_encode_topic, topic);
    case 3:
        TRY(znode_decode_partition_state, znode_encode_partition_state, state);
    case 4:
        TRY(znode_decode_config, znode_encode_config, config);
    case 5:
        TRY(znode_decode_controller, znode_encode_controller, controller);
    case 6:
        *code = znode_decode_cluster_id(arena, data, size, &node.id, reason);
        return *code == 0 ? znode_encode_cluster_id(arena, node.id) : NULL;
    case 7:
        *code = znode_decode_epoch(data, size, &node.epoch, reason);
        return *code == 0 ? arena_printf(arena, "%d", (int)node.epoch) : NULL;
    case 8:
        TRY(znode_decode_producer_ids, znode_encode_producer_ids, ids);
    case 9:
        TRY(znode_decode_reassign, znode_encode_reassign, reassign);
    case 10:
        TRY(znode_decode_preferred, znode_encode_preferred, reassign);
    case KINDS:
        return normalise_features(arena, data, size, code, reason);
    default:
        TRY(znode_decode_config_change, znode_encode_config_change, change);
    }
#undef TRY
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct k_reason reason = { "" };
    struct arena arena;
    int code;

    if (size == 0)
        return 0;
    arena_init(&arena, NULL, 0, 64 * 1024 * 1024);
    int kind = data[0] >= LATER ? KINDS : data[0] % KINDS;
    char *once = normalise(&arena, kind, (const char *)data + 1, size - 1, &code, &reason);
    if (once != NULL) {
        char *twice = normalise(&arena, kind, once, strlen(once), &code, &reason);

        if (twice == NULL || strcmp(once, twice) != 0)
            abort();
    } else if (code != K_CORRUPT || reason.text[0] == '\0') {
        abort();
    }
    arena_fini(&arena);
    return 0;
}
