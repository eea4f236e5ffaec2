/* Who gets what when members and brokers are in racks. Topics are texts: for each partition the
 * rack of its leader, then those of other replicas, as digits: "12 21 1". Members are a letter and
 * the digit of a rack, or none: "a1 b2 c". */
#include <stdio.h>
#include <string.h>

#include "client/assignor.h"
#include "common/buffer.h"
#include "tests/client/members.h"

enum { TOPICS_MAX = 3, PARTITIONS_MAX = 12, COPIES_MAX = 4, OUT_MAX = 256 };

static const char *const rack_names[] = { "", "r1", "r2", "r3", "r4" };

struct scene {
    struct assign_topic topics[TOPICS_MAX];
    struct assign_place places[TOPICS_MAX][PARTITIONS_MAX];
    const char *copies[TOPICS_MAX][PARTITIONS_MAX][COPIES_MAX];
    struct assign_joined members[MEMBERS_MAX];
    struct buffer metadata[MEMBERS_MAX];
    uint32_t topic_count, member_count;
    char told[OUT_MAX];
};

static void add_topic(struct scene *scene, const char *text)
{
    static const char *const names[TOPICS_MAX] = { "t", "u", "v" };
    uint32_t t = scene->topic_count++;
    int32_t p = 0;

    for (; *text != '\0'; p++) {
        struct assign_place *place = &scene->places[t][p];
        place->replicas = scene->copies[t][p];
        for (; *text != '\0' && *text != ' '; text++)
            scene->copies[t][p][place->replica_count++] = rack_names[*text - '0'];
        place->leader = scene->copies[t][p][0];
        text += *text == ' ';
    }
    scene->topics[t] = (struct assign_topic){ names[t], p, 0, scene->places[t] };
}

/* `owned`: partitions of the first topic that it had, as digits. */
static void add_member(struct scene *scene, const struct assignor *assignor, const char *text,
                       const char *owned)
{
    struct consumer_text topics[TOPICS_MAX];
    int32_t numbers[PARTITIONS_MAX];
    struct consumer_partitions had = { { "t", 1 }, numbers, 0 };
    const char *rack = text[1] > '0' && text[1] <= '4' ? rack_names[text[1] - '0'] : NULL;
    uint32_t m = scene->member_count++;
    struct assign_joining joining = { .topics = topics, .owned = &had, .generation = 1,
                                      .rack = { rack, rack == NULL ? 0 : 2 } };

    for (; *owned != '\0'; owned++)
        numbers[had.count++] = *owned - '0';
    joining.owned_count = had.count > 0;
    for (uint32_t t = 0; t < scene->topic_count; t++)
        topics[joining.topic_count++] = (struct consumer_text){ scene->topics[t].name, 1 };
    ck_assert_int_eq(assignor_subscription_write(assignor, &joining, &scene->metadata[m]), 0);
    scene->members[m] = (struct assign_joined){ { text, 1 }, { NULL, 0 },
                                                scene->metadata[m].bytes,
                                                scene->metadata[m].size };
}

static void add_members(struct scene *scene, const struct assignor *assignor, const char *text)
{
    for (; text != NULL; text = strchr(text, ' ') == NULL ? NULL : strchr(text, ' ') + 1)
        add_member(scene, assignor, text, "");
}

/* Each member with its partitions, all topics after each other: "a=t0t2 b=t1". */
static const char *assigned(struct scene *scene, const struct assignor *assignor)
{
    struct assign_group *group;
    size_t used = 0;

    ck_assert_int_eq(assign_group_new(scene->topics, scene->topic_count, scene->members,
                                      scene->member_count, &group), 0);
    ck_assert_int_eq(assignor_assign(assignor, group), 0);
    for (uint32_t m = 0; m < group->member_count; m++) {
        used += (size_t)snprintf(scene->told + used, OUT_MAX - used, "%s%c=", m > 0 ? " " : "",
                                 group->members[m].id.data[0]);
        for (uint32_t t = 0; t < group->topic_count; t++)
            for (int32_t p = 0; p < group->topics[t].partition_count; p++)
                if (group->owners[group->topics[t].first + (uint32_t)p] == (int32_t)m)
                    used += (size_t)snprintf(scene->told + used, OUT_MAX - used, "%s%d",
                                             group->topics[t].name, p);
    }
    assign_group_free(group);
    for (uint32_t m = 0; m < scene->member_count; m++)
        buffer_fini(&scene->metadata[m]);
    return scene->told;
}

struct row { const char *topic, *members, *range, *sticky; };

/* clang-format off */
static const struct row rows[] = {
    /* By the leader's rack, */
    {"1 2 1 2", "a1 b2", "a=t0t2 b=t1t3", "a=t0t2 b=t1t3"},
    {"2 2 1 1", "a1 b2", "a=t2t3 b=t0t1", "a=t2t3 b=t0t1"},
    {"2 2 1 1 1 2", "a1 b1 c2 d2", "a=t2t3 b=t4 c=t0t1 d=t5", "a=t2t4 b=t3 c=t0t5 d=t1"},
    /* before that of another replica, */
    {"12 12 21 21", "a2 b1", "a=t2t3 b=t0t1", "a=t2t3 b=t0t1"},
    /* which comes before any other. */
    {"32 31 32 31", "a1 b2", "a=t1t3 b=t0t2", "a=t1t3 b=t0t2"},
    {"12 13 13 12", "a2 b3", "a=t0t3 b=t1t2", "a=t0t3 b=t1t2"},
    /* Nobody gets more because of it, */
    {"1 1 1 1", "a1 b2", "a=t0t1 b=t2t3", "a=t0t1 b=t2t3"},
    {"2 2 2 2 1", "a1 b2", "a=t3t4 b=t0t1t2", "a=t3t4 b=t0t1t2"},
    /* and those in no rack get what is left. */
    {"1 2 1 2", "a b1", "a=t1t3 b=t0t2", "a=t1t3 b=t0t2"},
    /* Where nobody is near anything, it is as without racks: */
    {"3 3 4 4", "a1 b2", "a=t0t1 b=t2t3", "a=t0t2 b=t1t3"},
    {"1 1 2 2", "a b", "a=t0t1 b=t2t3", "a=t0t2 b=t1t3"},
    {"0 0 0 0", "a1 b2", "a=t0t1 b=t2t3", "a=t0t2 b=t1t3"},
};
/* clang-format on */

START_TEST(range_prefers_who_is_near)
{
    struct scene scene = { .topic_count = 0 };

    add_topic(&scene, rows[_i].topic);
    add_members(&scene, &assignor_range, rows[_i].members);

    ck_assert_str_eq(assigned(&scene, &assignor_range), rows[_i].range);
}
END_TEST

START_TEST(sticky_prefers_who_is_near)
{
    const struct assignor *assignors[] = { &assignor_sticky, &assignor_cooperative_sticky };

    for (int i = 0; i < 2; i++) {
        struct scene scene = { .topic_count = 0 };
        add_topic(&scene, rows[_i].topic);
        add_members(&scene, assignors[i], rows[_i].members);
        ck_assert_str_eq(assigned(&scene, assignors[i]), rows[_i].sticky);
    }
}
END_TEST

START_TEST(topics_that_are_joined_by_number_stay_together)
{
    struct scene scene = { .topic_count = 0 };

    add_topic(&scene, "2 1 1 2");
    add_topic(&scene, "2 1 2 1");
    add_topic(&scene, "2 1 2");
    add_members(&scene, &assignor_range, "a1 b2");

    /* 0 and 1 are led in one rack in both topics; 2 and 3 are not, and are cut in runs. */
    ck_assert_str_eq(assigned(&scene, &assignor_range), "a=t1t2u1u2v1 b=t0t3u0u3v0v2");
}
END_TEST

START_TEST(what_a_member_has_is_not_moved_for_a_rack)
{
    struct scene scene = { .topic_count = 0 };

    add_topic(&scene, "1 1 2 2 1 2");
    add_member(&scene, &assignor_cooperative_sticky, "a1", "23");
    add_member(&scene, &assignor_cooperative_sticky, "b2", "01");

    ck_assert_str_eq(assigned(&scene, &assignor_cooperative_sticky), "a=t2t3t4 b=t0t1t5");
}
END_TEST

START_TEST(who_has_to_give_up_some_keeps_what_is_near)
{
    struct scene scene = { .topic_count = 0 };

    add_topic(&scene, "2 1 12 31 2 1");
    add_member(&scene, &assignor_cooperative_sticky, "a1", "012345");
    add_member(&scene, &assignor_cooperative_sticky, "b2", "");

    ck_assert_str_eq(assigned(&scene, &assignor_cooperative_sticky), "a=t1t2t5 b=");
}
END_TEST

START_TEST(racks_of_partitions_that_are_not_told_are_nobodys)
{
    struct scene scene = { .topic_count = 0 };

    add_topic(&scene, "1 2 1 2");
    add_topic(&scene, "1 2 1 2");
    scene.topics[1].places = NULL;
    scene.topics[1].partition_count = 3;
    add_members(&scene, &assignor_range, "a1 b2");

    ck_assert_str_eq(assigned(&scene, &assignor_range), "a=t0t2u0u1 b=t1t3u2");
}
END_TEST

/* Partition 0 and 1 are led in the one rack, 2 and 3 in the other. */
START_TEST(members_read_from_leaders_in_their_rack)
{
    static const char *const strategies[] = { "range", "sticky", "cooperative-sticky" };
    struct fake *fake = fake_new(2);
    struct member members[2] = { { .consumer = NULL } };
    klient_topic_partition_t held;

    fake_add_topic(fake, "t", 4);
    fake_set_rack(fake, 0, "north");
    fake_set_rack(fake, 1, "south");
    for (int i = 0; i < 4; i++)
        fake_set_leader(fake, "t", i, i / 2);
    for (int i = 0; i < 2; i++) {
        member_open(&members[i], fake, "partition.assignment.strategy", strategies[_i],
                    "client.rack", i == 0 ? "south" : "north", NULL);
        member_subscribe(&members[i], "t");
    }

    POLL_UNTIL(members, 2, member_holds(&members[0]) == 2 && member_holds(&members[1]) == 2);
    for (int i = 0; i < 2; i++) {
        for (size_t p = 0; p < 2; p++) {
            klient_consumer_assignment(members[i].consumer, p, &held, NULL);
            ck_assert_int_eq(held.partition / 2, i == 0);
        }
    }
    for (int i = 0; i < 2; i++)
        member_close(&members[i]);
    fake_free(fake);
}
END_TEST

Suite *assign_racks_suite(void)
{
    Suite *suite = suite_create("client/assign_racks");
    TCase *tcase = tcase_create("assign_racks");
    int count = (int)(sizeof rows / sizeof rows[0]);

    tcase_add_loop_test(tcase, range_prefers_who_is_near, 0, count);
    tcase_add_loop_test(tcase, sticky_prefers_who_is_near, 0, count);
    tcase_add_test(tcase, topics_that_are_joined_by_number_stay_together);
    tcase_add_test(tcase, what_a_member_has_is_not_moved_for_a_rack);
    tcase_add_test(tcase, who_has_to_give_up_some_keeps_what_is_near);
    tcase_add_test(tcase, racks_of_partitions_that_are_not_told_are_nobodys);
    tcase_add_loop_test(tcase, members_read_from_leaders_in_their_rack, 0, 3);
    tcase_set_timeout(tcase, 60);
    suite_add_tcase(suite, tcase);
    return suite;
}
