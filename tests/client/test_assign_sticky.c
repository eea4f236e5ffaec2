/* Groups that live: members join, leave, fall behind and change their minds, topics grow, several
 * of that at once; in every third life they are in racks, and leaders go from one to another.
 * After each rebalance the promises are looked at, with the plainest code that can tell: who is
 * balanced is found by walking all chains of moves. */
#include "client/assignor.h"

#include <stdlib.h>
#include <string.h>

#include "common/rand.h"
#include "tests/client/helpers.h"
#include "tests/lib/number.h"

enum {
    SEEDS = 2000, REBALANCES = 8,
    MEMBERS = 9, TOPICS = 5, TOPIC_PARTITIONS = 9, PARTITIONS = TOPICS * TOPIC_PARTITIONS,
    COPIES = 2
};

/* Partition p of topic t is number t * TOPIC_PARTITIONS + p here. */
struct world {
    uint64_t seed;
    struct rand rand;
    const struct assignor *assignor;
    int32_t partition_count[TOPICS];
    bool alive[MEMBERS], topics[MEMBERS][TOPICS];
    bool alike;                             /* all subscribe to everything */
    bool in_racks;                          /* members, and brokers to which leaders move */
    const char *rack[MEMBERS], *copies[PARTITIONS][COPIES];
    struct assign_place places[PARTITIONS];
    bool owns[MEMBERS][PARTITIONS];         /* what a member has, and says when it joins */
    int32_t generation[MEMBERS];            /* in which it got that */
    int32_t now;

    bool had[MEMBERS][PARTITIONS];          /* before the last rebalance */
    bool given[MEMBERS][PARTITIONS];        /* by it */
    uint32_t withheld;
    struct buffer metadata[MEMBERS];
};

static const char *const topic_names[TOPICS] = {"a", "b", "c", "d", "e"};
static const char member_names[] = "abcdefghi";

/* Where it is asked millions of times: Check's own assertions write to a pipe each. */
#define PROMISE(condition)                                                                        \
    do {                                                                                          \
        if (!(condition))                                                                         \
            ck_abort_msg("seed %llu: " #condition, (unsigned long long)world->seed);              \
    } while (0)

static bool exists(const struct world *world, int partition)
{
    return partition % TOPIC_PARTITIONS < world->partition_count[partition / TOPIC_PARTITIONS];
}

static bool subscribed(const struct world *world, int member, int partition)
{
    return world->alive[member] && world->topics[member][partition / TOPIC_PARTITIONS];
}

/* NULL is none. */
static const char *any_rack(struct world *world)
{
    static const char *const racks[] = {NULL, "north", "south", "east"};
    return world->in_racks ? racks[rand_below(&world->rand, 4)] : NULL;
}

static void place(struct world *world)
{
    for (int p = 0; p < PARTITIONS; p++) {
        for (int i = 0; i < COPIES; i++)
            world->copies[p][i] = any_rack(world);
        world->places[p] = (struct assign_place){world->copies[p][0], world->copies[p], COPIES};
    }
}

static struct assign_joined join(struct world *world, int member)
{
    struct consumer_text topics[TOPICS];
    struct consumer_partitions owned[TOPICS];
    int32_t numbers[TOPICS][TOPIC_PARTITIONS];
    struct assign_joining joining = {.topics = topics, .owned = owned,
                                     .generation = world->generation[member]};
    const char *rack = world->rack[member];
    joining.rack = (struct consumer_text){rack, rack != NULL ? strlen(rack) : 0};

    for (int t = 0; t < TOPICS; t++) {
        int32_t count = 0;
        if (world->topics[member][t])
            topics[joining.topic_count++] = (struct consumer_text){topic_names[t], 1};
        for (int32_t p = 0; p < TOPIC_PARTITIONS; p++)
            if (world->owns[member][t * TOPIC_PARTITIONS + p])
                numbers[t][count++] = p;
        if (count > 0)
            owned[joining.owned_count++] =
                (struct consumer_partitions){{topic_names[t], 1}, numbers[t], count};
    }
    world->metadata[member].size = 0;
    PROMISE(assignor_subscription_write(world->assignor, &joining, &world->metadata[member]) == 0);
    return (struct assign_joined){.id = {&member_names[member], 1},
                                  .metadata = world->metadata[member].bytes,
                                  .size = world->metadata[member].size};
}

static void learn(struct world *world, const struct assign_group *group, uint32_t index)
{
    int member = group->members[index].id.data[0] - 'a';
    struct consumer_assignment assignment;
    struct consumer_claim claim;
    struct buffer buffer = {0};

    PROMISE(assign_group_write(group, index, &buffer) == 0);
    PROMISE(consumer_assignment_read(buffer.bytes, buffer.size, &assignment) == 0);
    while (consumer_claim_next(&assignment.partitions, &claim))
        for (int32_t i = 0; i < claim.count; i++)
            world->given[member][(claim.topic.data[0] - 'a') * TOPIC_PARTITIONS +
                                 consumer_partition(&claim, i)] = true;
    buffer_fini(&buffer);
}

/* A whole round: all that live join, are assigned, and have what they were given. */
static void rebalance(struct world *world)
{
    struct assign_topic topics[TOPICS];
    struct assign_joined joined[MEMBERS];
    struct assign_group *group;
    uint32_t count = 0;

    place(world);
    for (int t = 0; t < TOPICS; t++)
        topics[t] = (struct assign_topic){topic_names[t], world->partition_count[t], 0,
                                          &world->places[t * TOPIC_PARTITIONS]};
    for (int m = 0; m < MEMBERS; m++)
        if (world->alive[m])
            joined[count++] = join(world, m);
    memcpy(world->had, world->owns, sizeof world->had);
    memset(world->given, 0, sizeof world->given);
    PROMISE(assign_group_new(topics, TOPICS, joined, count, &group) == 0);
    PROMISE(assignor_assign(world->assignor, group) == 0);
    for (uint32_t i = 0; i < count; i++)
        learn(world, group, i);
    world->withheld = group->withheld;
    assign_group_free(group);
    for (int m = 0; m < MEMBERS; m++)
        if (world->alive[m])
            memcpy(world->owns[m], world->given[m], sizeof world->owns[m]);
}

static void has_joined(struct world *world)
{
    world->now++;
    for (int m = 0; m < MEMBERS; m++)
        if (world->alive[m])
            world->generation[m] = world->now;
}

static int owner_of(const struct world *world, int partition)
{
    for (int m = 0; m < MEMBERS; m++)
        if (world->alive[m] && world->given[m][partition])
            return m;
    return ASSIGN_NOBODY;
}

/* Whose claim counts: among those who had it before the rebalance, by the generation in which. */
static int claimer_of(const struct world *world, int partition)
{
    int latest = ASSIGN_NOBODY;
    bool tied = false;

    for (int m = 0; m < MEMBERS; m++) {
        if (!world->alive[m] || !world->had[m][partition])
            continue;
        if (latest == ASSIGN_NOBODY || world->generation[m] > world->generation[latest]) {
            latest = m;
            tied = false;
        } else if (world->generation[m] == world->generation[latest]) {
            tied = true;
        }
    }
    return tied || latest == ASSIGN_NOBODY || !subscribed(world, latest, partition) ? ASSIGN_NOBODY
                                                                                   : latest;
}

static void check_owners(const struct world *world)
{
    uint32_t without = 0;

    for (int p = 0; p < PARTITIONS; p++) {
        int owners = 0, subscribers = 0;
        for (int m = 0; m < MEMBERS; m++) {
            owners += world->alive[m] && world->given[m][p];
            subscribers += subscribed(world, m, p);
            PROMISE(!world->given[m][p] || (exists(world, p) && subscribed(world, m, p)));
        }
        PROMISE(owners <= 1);
        without += owners == 0 && subscribers > 0 && exists(world, p);
    }
    PROMISE(without == world->withheld);
}

/* No chain of moves ends at a member with at least two less than where it begins. */
static void check_balance(const struct world *world)
{
    bool reaches[MEMBERS][MEMBERS] = {{false}};
    int load[MEMBERS] = {0};

    for (int p = 0; p < PARTITIONS; p++) {
        int owner = owner_of(world, p);
        for (int m = 0; m < MEMBERS && owner != ASSIGN_NOBODY; m++)
            reaches[owner][m] |= subscribed(world, m, p);
        if (owner != ASSIGN_NOBODY)
            load[owner]++;
    }
    for (int over = 0; over < MEMBERS; over++)
        for (int from = 0; from < MEMBERS; from++)
            for (int to = 0; to < MEMBERS; to++)
                reaches[from][to] |= reaches[from][over] && reaches[over][to];
    for (int from = 0; from < MEMBERS; from++)
        for (int to = 0; to < MEMBERS; to++)
            PROMISE(!reaches[from][to] || load[from] <= load[to] + 1);
}

/* In a group of equals, nobody loses more than an even spread takes. */
static int least_moves(const struct world *world)
{
    int claims[MEMBERS] = {0}, members = 0, partitions = 0, moves = 0, longer;

    for (int m = 0; m < MEMBERS; m++)
        members += world->alive[m];
    for (int p = 0; p < PARTITIONS; p++) {
        int claimer = claimer_of(world, p);
        partitions += exists(world, p);
        if (claimer != ASSIGN_NOBODY && exists(world, p))
            claims[claimer]++;
    }
    if (members == 0)
        return 0;
    longer = partitions % members;
    for (int m = 0; m < MEMBERS; m++) {
        int share = partitions / members;
        if (claims[m] > share && longer > 0) {
            longer--;
            share++;
        }
        moves += claims[m] > share ? claims[m] - share : 0;
    }
    return moves;
}

static int moves_of(const struct world *world)
{
    int moves = 0;

    for (int p = 0; p < PARTITIONS; p++) {
        int claimer = exists(world, p) ? claimer_of(world, p) : ASSIGN_NOBODY;
        moves += claimer != ASSIGN_NOBODY && !world->given[claimer][p];
    }
    return moves;
}

/* Who gets what it did not have gets it from nobody who still has it. */
static void check_nothing_is_shared(const struct world *world)
{
    for (int p = 0; p < PARTITIONS; p++) {
        int owner = owner_of(world, p);
        for (int m = 0; m < MEMBERS && owner != ASSIGN_NOBODY; m++)
            PROMISE(m == owner || !world->alive[m] || !world->had[m][p] ||
                      claimer_of(world, p) == owner);
    }
}

static void check_nothing_is_lost(const struct world *world)
{
    for (int m = 0; m < MEMBERS; m++)
        for (int p = 0; p < PARTITIONS; p++)
            PROMISE(!world->alive[m] || !world->had[m][p] || world->given[m][p]);
}

static void check_nothing_changes(struct world *world)
{
    has_joined(world);
    rebalance(world);
    PROMISE(world->withheld == 0);
    PROMISE(memcmp(world->had, world->given, sizeof world->had) == 0);
}

static void subscribe(struct world *world, int member)
{
    for (int t = 0; t < TOPICS; t++)
        world->topics[member][t] = world->alike || rand_below(&world->rand, 2) == 0;
}

static void start_member(struct world *world, int member)
{
    world->alive[member] = true;
    world->generation[member] = CONSUMER_GENERATION_NONE;
    memset(world->owns[member], 0, sizeof world->owns[member]);
    world->rack[member] = any_rack(world);
    subscribe(world, member);
}

/* It comes back with what it had some rounds ago, which others have by now. */
static void fall_behind(struct world *world, int member)
{
    world->generation[member] = world->now - 1 - (int32_t)rand_below(&world->rand, 2);
    for (int p = 0; p < PARTITIONS; p++)
        world->owns[member][p] |= rand_below(&world->rand, 8) == 0;
}

static void change(struct world *world)
{
    int member = (int)rand_below(&world->rand, MEMBERS);
    int topic = (int)rand_below(&world->rand, TOPICS);

    switch (rand_below(&world->rand, 6)) {
    case 0:
    case 1:
        if (!world->alive[member])
            start_member(world, member);
        break;
    case 2:
        world->alive[member] = false;
        memset(world->owns[member], 0, sizeof world->owns[member]);
        break;
    case 3:
        subscribe(world, member);
        break;
    case 4:
        world->partition_count[topic] = (int32_t)rand_below(&world->rand, TOPIC_PARTITIONS + 1);
        break;
    default:
        if (world->alive[member])
            fall_behind(world, member);
        break;
    }
}

static void world_new(struct world *world, const struct assignor *assignor, uint64_t seed)
{
    memset(world, 0, sizeof *world);
    world->seed = seed;
    rand_seed(&world->rand, seed);
    world->assignor = assignor;
    world->alike = seed % 2 == 0;
    world->in_racks = seed % 3 == 0;
    for (int t = 0; t < TOPICS; t++)
        world->partition_count[t] = (int32_t)rand_below(&world->rand, TOPIC_PARTITIONS + 1);
    for (int m = 0; m < MEMBERS; m++)
        if (rand_below(&world->rand, 2) == 0)
            start_member(world, m);
}

static void world_free(struct world *world)
{
    for (int m = 0; m < MEMBERS; m++)
        buffer_fini(&world->metadata[m]);
}

static void check_round(const struct world *world)
{
    check_owners(world);
    if (world->withheld == 0)
        check_balance(world);
    if (world->alike)
        PROMISE(moves_of(world) == least_moves(world));
}

/* Members of this assignor have given up what they had before they are assigned anything. */
static void live_eagerly(struct world *world)
{
    for (int i = 0; i < REBALANCES; i++) {
        for (uint64_t changes = rand_below(&world->rand, 4); changes > 0; changes--)
            change(world);
        rebalance(world);
        PROMISE(world->withheld == 0);
        check_round(world);
        check_nothing_changes(world);
        has_joined(world);
    }
}

static void live_cooperatively(struct world *world)
{
    for (int i = 0; i < REBALANCES; i++) {
        for (uint64_t changes = rand_below(&world->rand, 4); changes > 0; changes--)
            change(world);
        rebalance(world);
        check_round(world);
        check_nothing_is_shared(world);
        has_joined(world);
        if (world->withheld > 0) {
            rebalance(world);
            PROMISE(world->withheld == 0);
            check_round(world);
            check_nothing_is_shared(world);
            check_nothing_is_lost(world);
        }
        check_nothing_changes(world);
        has_joined(world);
    }
}

/* KAIRN_SEED replays one group, KAIRN_SEEDS sets how many live. */
static void live(const struct assignor *assignor, void (*each)(struct world *world))
{
    uint64_t first = number_from("KAIRN_SEED", 1);
    uint64_t count = getenv("KAIRN_SEED") != NULL ? 1 : number_from("KAIRN_SEEDS", SEEDS);
    struct world world;

    for (uint64_t seed = first; seed < first + count; seed++) {
        world_new(&world, assignor, seed);
        each(&world);
        world_free(&world);
    }
}

START_TEST(sticky_groups_are_even_and_move_little)
{
    live(&assignor_sticky, live_eagerly);
}
END_TEST

START_TEST(cooperative_groups_never_share_and_take_two_rounds)
{
    live(&assignor_cooperative_sticky, live_cooperatively);
}
END_TEST

/* Members 0 to `members` - 1, topics with `partitions` each. */
static void plain_world(struct world *world, const struct assignor *assignor, int members,
                        int32_t partitions)
{
    memset(world, 0, sizeof *world);
    rand_seed(&world->rand, 1);
    world->assignor = assignor;
    world->alike = true;
    for (int t = 0; t < TOPICS; t++)
        world->partition_count[t] = partitions;
    for (int m = 0; m < members; m++)
        start_member(world, m);
}

START_TEST(only_a_share_moves_to_a_member_that_joins)
{
    struct world world;

    plain_world(&world, &assignor_sticky, 3, 8);        /* 40 partitions: 14, 13, 13 */
    rebalance(&world);
    has_joined(&world);
    start_member(&world, 3);
    rebalance(&world);

    ck_assert_int_eq(moves_of(&world), 10);
    world_free(&world);
}
END_TEST

START_TEST(only_what_it_had_moves_when_a_member_leaves)
{
    struct world world;

    plain_world(&world, &assignor_cooperative_sticky, 4, 8);
    rebalance(&world);
    has_joined(&world);
    world.alive[1] = false;
    rebalance(&world);

    ck_assert_int_eq(moves_of(&world), 0);
    ck_assert_uint_eq(world.withheld, 0);
    check_nothing_is_lost(&world);
    world_free(&world);
}
END_TEST

START_TEST(the_latest_generation_is_believed)
{
    const struct assignor *assignors[] = {&assignor_sticky, &assignor_cooperative_sticky};

    for (int i = 0; i < 2; i++) {
        struct world world;
        plain_world(&world, assignors[i], 2, 2);
        for (int p = 0; p < PARTITIONS; p++)
            world.owns[0][p] = exists(&world, p);
        world.generation[0] = 4;
        memcpy(world.owns[1], world.owns[0], sizeof world.owns[1]);
        world.generation[1] = 5;

        rebalance(&world);

        for (int p = 0; p < PARTITIONS; p++)
            ck_assert(owner_of(&world, p) != 0 || i == 0);
        ck_assert_int_eq(moves_of(&world), 5);
        world_free(&world);
    }
}
END_TEST

START_TEST(what_two_claim_alike_neither_keeps_at_once)
{
    struct world world;

    plain_world(&world, &assignor_cooperative_sticky, 2, 2);
    world.owns[0][0] = world.owns[1][0] = true;
    world.generation[0] = world.generation[1] = 5;

    rebalance(&world);

    ck_assert_int_eq(owner_of(&world, 0), ASSIGN_NOBODY);
    ck_assert_uint_eq(world.withheld, 1);
    has_joined(&world);
    rebalance(&world);
    ck_assert_int_ne(owner_of(&world, 0), ASSIGN_NOBODY);
    world_free(&world);
}
END_TEST

START_TEST(who_can_not_take_helps_along_a_chain)
{
    static const bool topics[3][TOPICS] = {{true}, {true, true}, {false, true, false}};
    struct world world;

    /* Only the second member can pass on what the first has too much of: a and b meet in it. */
    plain_world(&world, &assignor_sticky, 3, 0);
    memcpy(world.topics, topics, sizeof topics);
    world.partition_count[0] = 9;
    world.partition_count[1] = 3;
    for (int p = 0; p < 9; p++)
        world.owns[p < 5 ? 0 : 1][p] = true;
    for (int p = 0; p < 3; p++)
        world.owns[1][TOPIC_PARTITIONS + p] = true;
    world.generation[0] = world.generation[1] = 1;

    rebalance(&world);

    check_owners(&world);
    check_balance(&world);
    ck_assert_int_eq(moves_of(&world), 3);
    world_free(&world);
}
END_TEST

START_TEST(a_topic_is_spread_over_its_members)
{
    struct world world;

    plain_world(&world, &assignor_sticky, 4, 8);
    rebalance(&world);

    for (int m = 0; m < 4; m++)
        for (int t = 0; t < TOPICS; t++) {
            int count = 0;
            for (int p = 0; p < TOPIC_PARTITIONS; p++)
                count += world.given[m][t * TOPIC_PARTITIONS + p];
            ck_assert_int_eq(count, 2);
        }
    world_free(&world);
}
END_TEST

START_TEST(user_data_that_is_no_memory_claims_nothing)
{
    static const struct assign_topic topics[] = {{"a", 2, 0, NULL}};
    static const struct consumer_text topic = {"a", 1};
    struct consumer_subscribing subscribing = {.topics = &topic, .topic_count = 1,
                                               .user_data = {"nonsense", 8}, .generation = 3};
    struct buffer metadata = {0};
    struct assign_group *group;

    ck_assert_int_eq(consumer_subscription_write(&metadata, 3, &subscribing), 0);
    struct assign_joined joined = {.id = {"m", 1}, .metadata = metadata.bytes,
                                   .size = metadata.size};
    ck_assert_int_eq(assign_group_new(topics, 1, &joined, 1, &group), 0);
    ck_assert_int_eq(assignor_assign(&assignor_sticky, group), 0);

    ck_assert_int_eq(group->owners[0], 0);
    ck_assert_int_eq(group->owners[1], 0);
    assign_group_free(group);
    buffer_fini(&metadata);
}
END_TEST

Suite *assign_sticky_suite(void)
{
    Suite *suite = suite_create("client/assign_sticky");
    TCase *tcase = tcase_create("assign_sticky");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, sticky_groups_are_even_and_move_little);
    tcase_add_test(tcase, cooperative_groups_never_share_and_take_two_rounds);
    tcase_add_test(tcase, only_a_share_moves_to_a_member_that_joins);
    tcase_add_test(tcase, only_what_it_had_moves_when_a_member_leaves);
    tcase_add_test(tcase, the_latest_generation_is_believed);
    tcase_add_test(tcase, what_two_claim_alike_neither_keeps_at_once);
    tcase_add_test(tcase, who_can_not_take_helps_along_a_chain);
    tcase_add_test(tcase, a_topic_is_spread_over_its_members);
    tcase_add_test(tcase, user_data_that_is_no_memory_claims_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
