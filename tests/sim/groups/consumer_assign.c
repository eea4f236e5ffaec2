/* What a consumer says of itself when it joins, and what it decides as a leader: by the assignors
 * of the client, in their own bytes. */
#include <stdlib.h>
#include <string.h>

#include "client/assignor.h"
#include "common/buffer.h"
#include "tests/sim/groups/club.h"

enum { LISTS = 6, LIST_MAX = 2 };

/* Those that every consumer of a life knows; the last ones are preferred by turns. */
static const struct assignor *const lists[LISTS][LIST_MAX] = {
    {&assignor_range},
    {&assignor_roundrobin},
    {&assignor_sticky},
    {&assignor_cooperative_sticky},
    {&assignor_cooperative_sticky, &assignor_range},
    {&assignor_sticky, &assignor_roundrobin},
};

static const struct assignor *listed(const struct consumer *consumer, int place)
{
    const struct assignor *const *list =
        lists[(uint64_t)consumer->club->plan.club.assignors % LISTS];
    bool turned = list[LIST_MAX - 1] != NULL && consumer->id % 2 == 1;

    return list[turned ? LIST_MAX - 1 - place : place];
}

/* Only if all that it knows do: it joins before one of them is chosen. */
bool consumer_cooperates(const struct consumer *consumer)
{
    for (int i = 0; i < LIST_MAX; i++)
        if (listed(consumer, i) != NULL && !listed(consumer, i)->cooperative)
            return false;
    return true;
}

static void check(int error)
{
    if (error != 0)
        abort(); /* out of memory, or a mistake of ours */
}

static struct consumer_text text_of(const char *text)
{
    return (struct consumer_text){text, strlen(text)};
}

static void tell(struct told *told, const char *name, const struct buffer *buffer)
{
    if (buffer->size > TOLD_MAX)
        abort();
    snprintf(told->name, NAME_SIZE, "%s", name);
    told->instance[0] = '\0';
    told->size = (uint32_t)buffer->size;
    if (buffer->size > 0)
        memcpy(told->bytes, buffer->bytes, buffer->size);
}

static int list_partitions(struct share share, int32_t numbers[TOPICS][WIDTH_MAX],
                           struct consumer_partitions out[TOPICS])
{
    int count = 0;

    for (int t = 0; t < TOPICS; t++) {
        int32_t taken = 0;
        for (int p = 0; p < WIDTH_MAX; p++)
            if (share_has(share, t, p))
                numbers[t][taken++] = p;
        if (taken > 0)
            out[count++] = (struct consumer_partitions){text_of(club_topics[t]), numbers[t], taken};
    }
    return count;
}

/* To an assignor that cooperates it names what it goes on with; to others, what it had. */
int assign_tell(const struct consumer *consumer, struct told told[MEMBERS_MAX])
{
    struct consumer_text topics[TOPICS];
    struct consumer_partitions owned[TOPICS];
    int32_t numbers[TOPICS][WIDTH_MAX];
    struct assign_joining joining = {.topics = topics, .owned = owned};
    int count = 0;

    for (int t = 0; t < TOPICS; t++)
        if (consumer->topics >> t & 1)
            topics[joining.topic_count++] = text_of(club_topics[t]);
    joining.generation = consumer->had_generation;
    for (; count < LIST_MAX && listed(consumer, count) != NULL; count++) {
        const struct assignor *assignor = listed(consumer, count);
        struct buffer buffer;
        joining.owned_count = list_partitions(
            assignor->cooperative ? consumer->owns : consumer->had, numbers, owned);
        buffer_init(&buffer);
        check(assignor_subscription_write(assignor, &joining, &buffer));
        tell(&told[count], assignor->name, &buffer);
        buffer_fini(&buffer);
    }
    return count;
}

static const struct assignor *find_assignor(const struct consumer *consumer, const char *name)
{
    for (int i = 0; i < LIST_MAX; i++)
        if (listed(consumer, i) != NULL && strcmp(listed(consumer, i)->name, name) == 0)
            return listed(consumer, i);
    return NULL;
}

int assign_all(const struct consumer *consumer, const struct message *answer,
               struct told told[MEMBERS_MAX], int *withheld)
{
    const struct assignor *assignor = find_assignor(consumer, answer->protocol);
    struct assign_topic topics[TOPICS] = {{.name = NULL}};
    struct assign_joined members[MEMBERS_MAX];
    struct assign_group *group;

    if (assignor == NULL)
        abort();
    for (int t = 0; t < TOPICS; t++)
        topics[t] = (struct assign_topic){.name = club_topics[t],
                                          .partition_count = consumer->club->width[t]};
    for (int i = 0; i < answer->told_count; i++) {
        const struct told *member = &answer->told[i];
        members[i] = (struct assign_joined){
            .id = text_of(member->name), .metadata = member->bytes, .size = member->size};
        if (member->instance[0] != '\0')
            members[i].instance = text_of(member->instance);
    }
    check(assign_group_new(topics, TOPICS, members, (uint32_t)answer->told_count, &group));
    check(assignor_assign(assignor, group));
    for (uint32_t m = 0; m < group->member_count; m++) {
        const struct assign_member *member = &group->members[m];
        struct buffer buffer;
        buffer_init(&buffer);
        check(assign_group_write(group, m, &buffer));
        tell(&told[m], answer->told[member->joined].name, &buffer);
        buffer_fini(&buffer);
    }
    *withheld = (int)group->withheld;
    assign_group_free(group);
    return answer->told_count;
}

struct share assign_share(const void *bytes, size_t size)
{
    struct share share = {{0}};
    struct consumer_assignment assignment;
    struct consumer_claim claim;

    if (size == 0 || consumer_assignment_read(bytes, size, &assignment) != 0)
        return share;
    while (consumer_claim_next(&assignment.partitions, &claim)) {
        int topic = claim.topic.size == 1 && claim.topic.data[0] == club_topics[1][0];
        for (int32_t i = 0; i < claim.count; i++)
            share.of[topic] |= 1u << (consumer_partition(&claim, i) % WIDTH_MAX);
    }
    return share;
}
