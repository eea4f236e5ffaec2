#include "server/runtime/scatter.h"

#include <assert.h>

#include "common/arena.h"
#include "common/error.h"
#include "server/runtime/metadata.h"
#include "server/runtime/shard.h"

int scatter_init(struct scatter *scatter, struct shard *home, struct arena *arena)
{
    struct shards *shards = shard_owner(home);
    int count = shards_count(shards);
    struct scatter_part *parts = arena_calloc(arena, (size_t)count, sizeof *parts);
    if (parts == NULL)
        return K_NOMEM;

    for (int i = 0; i < count; i++) {
        parts[i].scatter = scatter;
        parts[i].shard = shards_at(shards, i);
        list_init(&parts[i].entries);
    }
    *scatter = (struct scatter){ .home = home, .parts = parts, .part_count = count };
    return 0;
}

struct scatter_part *scatter_add(struct scatter *scatter, const struct uuid *topic_id,
                                 int32_t partition, struct list *entry)
{
    int32_t owner = metadata_loop_of(topic_id, partition, scatter->part_count);
    struct scatter_part *part = &scatter->parts[owner];

    list_append(&part->entries, entry);
    part->left++;
    return part;
}

static void one_back(struct scatter *scatter)
{
    assert(scatter->pending > 0);
    if (--scatter->pending == 0)
        scatter->done(scatter);
}

static void part_came_back(struct mail *mail)
{
    one_back(LIST_OWNER(mail, struct scatter_part, mail)->scatter);
}

static void part_arrived(struct mail *mail)
{
    struct scatter_part *part = LIST_OWNER(mail, struct scatter_part, mail);

    part->scatter->run(part);
}

void scatter_ask(struct scatter *scatter)
{
    struct scatter_part *own = &scatter->parts[shard_index(scatter->home)];

    /* The others first: they work while we do. */
    scatter->pending = 1;
    for (int i = 0; i < scatter->part_count; i++) {
        struct scatter_part *part = &scatter->parts[i];
        if (part == own || list_empty(&part->entries))
            continue;
        scatter->pending++;
        part->mail.deliver = part_arrived;
        mail_post(shard_mail_target(part->shard), &part->mail);
    }
    if (!list_empty(&own->entries)) {
        scatter->pending++;
        scatter->run(own);
    }
    one_back(scatter);
}

void scatter_part_done(struct scatter_part *part)
{
    struct scatter *scatter = part->scatter;

    if (part->shard == scatter->home) {
        one_back(scatter);
        return;
    }
    part->mail.deliver = part_came_back;
    mail_post(shard_mail_target(scatter->home), &part->mail);
}
