/* assign.c - how much processor time a group's leader needs to assign partitions.
 *
 *   bench/assign
 *
 * One JSON line per assignor, size and change: everything at the start (cold), one member leaves,
 * one joins. The time covers all that a leader does: reading what members said, assigning, writing
 * what each is told. "mixed": each member subscribes to half of the topics, as a coin fell. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/assignor.h"
#include "common/rand.h"

struct size { uint32_t members, topics; int32_t partitions; bool mixed; };

struct member {
    char id[24];
    struct consumer_text *topics;
    int32_t topic_count;
    struct consumer_partitions *owned;
    int32_t owned_count;
    struct buffer metadata, assignment;
};

struct bench {
    const struct assignor *assignor;
    struct size size;
    char (*names)[24];
    struct assign_topic *topics;
    struct member *members;
    struct assign_joined *joined;
    int32_t generation;
};

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count + 1, size);
    if (memory == NULL)
        exit(EXIT_FAILURE);
    return memory;
}

static void check(int error)
{
    if (error == 0)
        return;
    fprintf(stderr, "bench/assign: error %d\n", error);
    exit(EXIT_FAILURE);
}

static double processor_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void forget(struct member *member)
{
    for (int32_t i = 0; i < member->owned_count; i++)
        free((void *)member->owned[i].numbers);
    free(member->owned);
    member->owned = NULL;
    member->owned_count = 0;
}

static void remember(const struct bench *bench, struct member *member)
{
    struct consumer_assignment read;
    struct consumer_claim claim;

    forget(member);
    check(consumer_assignment_read(member->assignment.bytes, member->assignment.size, &read));
    member->owned = need((size_t)read.partitions.count, sizeof *member->owned);
    while (consumer_claim_next(&read.partitions, &claim)) {
        int32_t *numbers = need((size_t)claim.count, sizeof *numbers);
        for (int32_t i = 0; i < claim.count; i++)
            numbers[i] = consumer_partition(&claim, i);
        /* The name outlives the bytes. */
        for (uint32_t t = 0; t < bench->size.topics; t++)
            if (strlen(bench->names[t]) == claim.topic.size &&
                memcmp(bench->names[t], claim.topic.data, claim.topic.size) == 0)
                claim.topic.data = bench->names[t];
        member->owned[member->owned_count++] =
            (struct consumer_partitions){claim.topic, numbers, claim.count};
    }
}

static void join(struct bench *bench, uint32_t index)
{
    struct member *member = &bench->members[index];
    struct assign_joining joining = {member->topics, member->topic_count, member->owned,
                                     member->owned_count, bench->generation, {NULL, 0}};

    member->metadata.size = 0;
    check(assignor_subscription_write(bench->assignor, &joining, &member->metadata));
    bench->joined[index] = (struct assign_joined){{member->id, strlen(member->id)},
                                                  {NULL, 0},
                                                  member->metadata.bytes,
                                                  member->metadata.size};
}

/* The first `count` members are there. Returns the processor time of the leader. */
static double round_of(struct bench *bench, uint32_t count, uint32_t *withheld)
{
    struct assign_group *group;

    for (uint32_t m = 0; m < count; m++)
        join(bench, m);
    double start = processor_ms();
    check(assign_group_new(bench->topics, bench->size.topics, bench->joined, count, &group));
    check(assignor_assign(bench->assignor, group));
    for (uint32_t m = 0; m < count; m++) {
        struct buffer *out = &bench->members[group->members[m].joined].assignment;
        out->size = 0;
        check(assign_group_write(group, m, out));
    }
    *withheld = group->withheld;
    assign_group_free(group);
    double spent = processor_ms() - start;
    for (uint32_t m = 0; m < count; m++)
        remember(bench, &bench->members[m]);
    bench->generation++;
    return spent;
}

static void measure(struct bench *bench, const char *change, uint32_t count)
{
    uint32_t withheld, again;
    double spent = round_of(bench, count, &withheld);

    printf("{\"assignor\": \"%s\", \"members\": %u, \"topics\": %u, \"partitions\": %u, "
           "\"mixed\": %s, \"change\": \"%s\", \"withheld\": %u, \"processor_ms\": %.3f",
           bench->assignor->name, bench->size.members, bench->size.topics,
           bench->size.topics * (uint32_t)bench->size.partitions,
           bench->size.mixed ? "true" : "false", change, withheld, spent);
    if (withheld > 0)
        printf(", \"second_round_ms\": %.3f", round_of(bench, count, &again));
    printf("}\n");
    fflush(stdout);
}

static void subscribe(struct bench *bench, struct member *member, struct rand *rand)
{
    member->topics = need(bench->size.topics, sizeof *member->topics);
    for (uint32_t t = 0; t < bench->size.topics; t++)
        if (!bench->size.mixed || rand_below(rand, 2) == 0)
            member->topics[member->topic_count++] =
                (struct consumer_text){bench->names[t], strlen(bench->names[t])};
}

static void run(const struct assignor *assignor, const struct size *size)
{
    struct bench bench = {.assignor = assignor, .size = *size,
                          .generation = CONSUMER_GENERATION_NONE};
    struct rand rand;

    rand_seed(&rand, 1);
    bench.names = need(size->topics, sizeof *bench.names);
    bench.topics = need(size->topics, sizeof *bench.topics);
    bench.members = need(size->members, sizeof *bench.members);
    bench.joined = need(size->members, sizeof *bench.joined);
    for (uint32_t t = 0; t < size->topics; t++) {
        snprintf(bench.names[t], sizeof bench.names[t], "topic-%u", t);
        bench.topics[t] = (struct assign_topic){bench.names[t], size->partitions, 0, NULL};
    }
    for (uint32_t m = 0; m < size->members; m++) {
        snprintf(bench.members[m].id, sizeof bench.members[m].id, "member-%u", m);
        subscribe(&bench, &bench.members[m], &rand);
    }
    measure(&bench, "cold", size->members);
    measure(&bench, "leaves", size->members - 1);
    forget(&bench.members[size->members - 1]);
    measure(&bench, "joins", size->members);
    for (uint32_t m = 0; m < size->members; m++) {
        forget(&bench.members[m]);
        free(bench.members[m].topics);
        buffer_fini(&bench.members[m].metadata);
        buffer_fini(&bench.members[m].assignment);
    }
    free(bench.names);
    free(bench.topics);
    free(bench.members);
    free(bench.joined);
}

int main(void)
{
    static const struct assignor *const assignors[] = {
        &assignor_range, &assignor_roundrobin, &assignor_sticky, &assignor_cooperative_sticky};
    static const struct size sizes[] = {
        {100, 10, 100, false}, {100, 10, 100, true},    {100, 1000, 1, true},
        {1000, 10, 1000, false}, {1000, 100, 100, true}, {1000, 1000, 10, true},
    };

    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++)
        for (size_t a = 0; a < sizeof assignors / sizeof assignors[0]; a++)
            run(assignors[a], &sizes[s]);
    return EXIT_SUCCESS;
}
