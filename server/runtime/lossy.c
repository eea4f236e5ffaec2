/* lossy.c - the controller takes the mark from a broker, once nothing stored relies on what the
 * broker may have lost: read the record, and write it without the mark if it is still the same
 * process's. However that ends, the registrations are read again, which tells the core. */
#include "server/runtime/control_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "zk/fence.h"

struct clearing {
    struct control *control;
    uint64_t life;
    struct controller_member broker;
};

static void end(struct clearing *clearing, int code)
{
    struct control *control = clearing->control;

    if (clearing->life == control->life && code == 0)
        watch_read_live(control);
    else if (clearing->life == control->life)
        watch_read_live_later(control);
    free(clearing);
}

static void written(void *context, const struct zk_reply *reply)
{
    struct clearing *clearing = context;

    if (reply->code == 0)
        LOG_INFO("lossy-mark-cleared",
                 "broker=%d reason=\"nothing relies on what it may have lost\"",
                 (int)clearing->broker.id);
    end(clearing, reply->code);
}

static int write_without(struct clearing *clearing, struct arena *arena,
                         struct znode_kairn_broker *record, int32_t version)
{
    struct control *control = clearing->control;

    record->lossy = false;
    record->missing_count = 0;
    char *data = znode_encode_kairn_broker(arena, record);
    char *path = znode_path(arena, ZNODE_KAIRN_BROKER, (int)clearing->broker.id);
    if (data == NULL || path == NULL)
        return K_NOMEM;
    const struct zk_op set = { .kind = ZK_OP_SET, .path = path, .data = data,
                               .size = strlen(data), .version = version };
    return zk_fenced(control->session, control->chair.epoch_version, &set, 1, written, clearing);
}

static void record_read(void *context, const struct zk_reply *reply)
{
    struct clearing *clearing = context;
    struct znode_kairn_broker record;
    struct arena arena;
    int code = reply->code;

    arena_init(&arena, NULL, 0, SIZE_MAX);
    if (code == 0)
        code = znode_decode_kairn_broker(&arena, reply->data, reply->size, &record, NULL);
    bool wanted = code == 0 && clearing->life == clearing->control->life && record.lossy &&
                  uuid_equal(&record.incarnation, &clearing->broker.incarnation);
    if (wanted)
        code = write_without(clearing, &arena, &record, reply->stat.version);
    arena_fini(&arena);
    if (!wanted || code != 0)
        end(clearing, code);
}

void lossy_clear(struct control *control, const struct controller_member *broker)
{
    /* Nobody knows what the states say that could not be read: the mark stays until they can. */
    if (control->chair.topics_missing || control->chair.states_missing)
        return;
    struct clearing *clearing = malloc(sizeof *clearing);
    char path[64];

    snprintf(path, sizeof path, "/kairn/brokers/%d", (int)broker->id);
    if (clearing != NULL)
        *clearing = (struct clearing){ control, control->life, *broker };
    if (clearing == NULL ||
        zk_get(control->session, path, NULL, record_read, clearing) != 0) {
        free(clearing);
        watch_read_live_later(control);
    }
}
