/* The results are those of Kafka 3.9.1's RangeAssignor and RoundRobinAssignor. */
#include "client/assignor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/client/helpers.h"

enum { TOPICS_MAX = 8, MEMBERS_MAX = 8, TEXT_MAX = 512 };

/* A group of text: topics "a:3,b:2", members "id/instance=topic+topic ...". */
struct sample {
    char topics_text[TEXT_MAX], members_text[TEXT_MAX];
    struct assign_topic topics[TOPICS_MAX];
    struct assign_joined members[MEMBERS_MAX];
    struct buffer metadata[MEMBERS_MAX];
    uint32_t topic_count, member_count;
    struct assign_group *group;
};

static struct consumer_text text_of(const char *text)
{
    return (struct consumer_text){text, text != NULL ? strlen(text) : 0};
}

static char *cut(char *text, char at)
{
    char *found = text != NULL ? strchr(text, at) : NULL;

    if (found != NULL)
        *found++ = '\0';
    return found;
}

static void read_member(struct sample *sample, const struct assignor *assignor, char *text)
{
    struct consumer_text topics[TOPICS_MAX];
    struct assign_joining joining = {.topics = topics, .generation = CONSUMER_GENERATION_NONE};
    struct buffer *metadata = &sample->metadata[sample->member_count];
    char *subscribed = cut(text, '='), *instance = cut(text, '/');

    for (char *next; subscribed != NULL && *subscribed != '\0'; subscribed = next) {
        next = cut(subscribed, '+');
        topics[joining.topic_count++] = text_of(subscribed);
    }
    ck_assert_int_eq(assignor_subscription_write(assignor, &joining, metadata), 0);
    sample->members[sample->member_count++] = (struct assign_joined){
        text_of(text), text_of(instance), metadata->bytes, metadata->size};
}

static void sample_new(struct sample *sample, const struct assignor *assignor, const char *topics,
                       const char *members)
{
    char *text = sample->topics_text;

    memset(sample, 0, sizeof *sample);
    snprintf(sample->topics_text, TEXT_MAX, "%s", topics);
    snprintf(sample->members_text, TEXT_MAX, "%s", members);
    for (char *next; text != NULL && *text != '\0'; text = next) {
        next = cut(text, ',');
        const char *count = cut(text, ':');
        sample->topics[sample->topic_count++] =
            (struct assign_topic){text, (int32_t)strtol(count, NULL, 10), 0, NULL};
    }
    text = sample->members_text;
    for (char *next; text != NULL && *text != '\0'; text = next) {
        next = cut(text, ' ');
        read_member(sample, assignor, text);
    }
    ck_assert_int_eq(assign_group_new(sample->topics, sample->topic_count, sample->members,
                                      sample->member_count, &sample->group),
                     0);
}

static void sample_free(struct sample *sample)
{
    assign_group_free(sample->group);
    for (uint32_t i = 0; i < sample->member_count; i++)
        buffer_fini(&sample->metadata[i]);
}

/* What the member reads, appended: "a0,a1,b0". */
static void tell_member(const struct assign_group *group, uint32_t member, char *out, size_t size)
{
    struct consumer_assignment assignment;
    struct consumer_claim claim;
    struct buffer buffer = {0};
    const char *separator = "";

    ck_assert_int_eq(assign_group_write(group, member, &buffer), 0);
    ck_assert_int_eq(consumer_assignment_read(buffer.bytes, buffer.size, &assignment), 0);
    while (consumer_claim_next(&assignment.partitions, &claim))
        for (int32_t i = 0; i < claim.count; i++) {
            size_t used = strlen(out);
            snprintf(out + used, size - used, "%s%.*s%d", separator, (int)claim.topic.size,
                     claim.topic.data, consumer_partition(&claim, i));
            separator = ",";
        }
    buffer_fini(&buffer);
}

/* In the order in which members were given: "id=a0,a1 id=". */
static void tell_all(const struct sample *sample, char *out, size_t size)
{
    const struct assign_group *group = sample->group;

    *out = '\0';
    for (uint32_t joined = 0; joined < group->member_count; joined++)
        for (uint32_t m = 0; m < group->member_count; m++) {
            size_t used = strlen(out);
            if (group->members[m].joined != joined)
                continue;
            snprintf(out + used, size - used, "%s%.*s=", used > 0 ? " " : "",
                     (int)group->members[m].id.size, group->members[m].id.data);
            tell_member(group, m, out, size);
        }
}

struct golden { const char *topics, *members, *range, *roundrobin; };

/* clang-format off */
static const struct golden golden[] = {
    {"a:1", "c1=a", "c1=a0", "c1=a0"},
    {"a:0", "c1=a", "c1=", "c1="},
    {"a:3", "c1=b", "c1=", "c1="},
    {"a:3", "c1=", "c1=", "c1="},
    {"a:3", "c1=a", "c1=a0,a1,a2", "c1=a0,a1,a2"},
    {"a:3,b:2", "c1=a+b", "c1=a0,a1,a2,b0,b1", "c1=a0,a1,a2,b0,b1"},
    {"a:1", "c1=a c2=a", "c1=a0 c2=", "c1=a0 c2="},
    {"a:2", "c1=a c2=a", "c1=a0 c2=a1", "c1=a0 c2=a1"},
    {"a:3", "c1=a c2=a", "c1=a0,a1 c2=a2", "c1=a0,a2 c2=a1"},
    {"a:3,b:3", "c1=a+b c2=a+b", "c1=a0,a1,b0,b1 c2=a2,b2", "c1=a0,a2,b1 c2=a1,b0,b2"},
    {"a:3,b:2", "c1=a c2=a+b c3=a", "c1=a0 c2=a1,b0,b1 c3=a2", "c1=a0 c2=a1,b0,b1 c3=a2"},
    /* subscriptions that differ, topics of unequal size */
    {"a:2,b:3,c:1", "c1=a+b+c c2=a c3=a+c c4=b",
     "c1=a0,b0,b1,c0 c2=a1 c3= c4=b2", "c1=a0,b1,c0 c2=a1 c3= c4=b0,b2"},
    {"a:7,b:1,c:4", "c2=a+b+c c1=a+b+c c3=c",
     "c2=a4,a5,a6,c2 c1=a0,a1,a2,a3,b0,c0,c1 c3=c3", "c2=a1,a3,a5,b0,c2 c1=a0,a2,a4,a6,c1 c3=c0,c3"},
    {"b:2,a:5,c:10", "c1=c+b+a c2=a+d c3=d+c",
     "c1=a0,a1,a2,b0,b1,c0,c1,c2,c3,c4 c2=a3,a4 c3=c5,c6,c7,c8,c9",
     "c1=a0,a2,a4,b0,b1,c1,c3,c5,c7,c9 c2=a1,a3 c3=c0,c2,c4,c6,c8"},
    /* more members than partitions */
    {"a:5", "c1=a c2=a c3=a c4=a c5=a c6=a c7=a",
     "c1=a0 c2=a1 c3=a2 c4=a3 c5=a4 c6= c7=", "c1=a0 c2=a1 c3=a2 c4=a3 c5=a4 c6= c7="},
    /* static members: first, and by their instance */
    {"a:3,b:3", "m9/x1=a+b m1/x2=a+b m5=a+b",
     "m9=a0,b0 m1=a1,b1 m5=a2,b2", "m9=a0,b0 m1=a1,b1 m5=a2,b2"},
    {"a:3,b:3", "m9/x1=a+b m1=a m5/x0=b m2=a+b",
     "m9=a0,b1 m1=a1 m5=b0 m2=a2,b2", "m9=a0,b1 m1=a1 m5=b0 m2=a2,b2"},
    /* the order of bytes, of ids and of topics; a topic twice */
    {"a:4", "c10=a c9=a c1=a", "c10=a2 c9=a3 c1=a0,a1", "c10=a1 c9=a2 c1=a0,a3"},
    {"a:3,ab:2,b:1", "c1=a+ab+b c2=ab", "c1=a0,a1,a2,ab0,b0 c2=ab1", "c1=a0,a1,a2,ab1,b0 c2=ab0"},
    {"a:2", "c1=a+a c2=a", "c1=a0 c2=a1", "c1=a0 c2=a1"},
};
/* clang-format on */

static void check_golden(const struct assignor *assignor, const struct golden *row,
                         const char *expected)
{
    struct sample sample;
    char told[TEXT_MAX];

    sample_new(&sample, assignor, row->topics, row->members);
    ck_assert_int_eq(assignor_assign(assignor, sample.group), 0);
    tell_all(&sample, told, sizeof told);
    ck_assert_str_eq(told, expected);
    sample_free(&sample);
}

START_TEST(range_assigns_as_javas_does)
{
    check_golden(&assignor_range, &golden[_i], golden[_i].range);
}
END_TEST

START_TEST(roundrobin_assigns_as_javas_does)
{
    check_golden(&assignor_roundrobin, &golden[_i], golden[_i].roundrobin);
}
END_TEST

START_TEST(a_member_that_can_not_be_read_keeps_nobody_from_reading)
{
    static const struct assign_topic topics[] = {{"a", 2, 0, NULL}};
    struct sample sample;
    struct assign_group *group;

    sample_new(&sample, &assignor_range, "a:2", "c1=a c2=a");
    sample.members[0].size--;

    ck_assert_int_eq(assign_group_new(topics, 1, sample.members, 2, &group), 0);
    ck_assert_int_eq(assignor_assign(&assignor_range, group), 0);

    ck_assert(group->members[0].unreadable && !group->members[1].unreadable);
    ck_assert_int_eq(group->owners[0], 1);
    ck_assert_int_eq(group->owners[1], 1);
    assign_group_free(group);
    sample_free(&sample);
}
END_TEST

START_TEST(more_partitions_than_can_be_numbered_are_refused)
{
    static const struct assign_topic topics[] = {{"a", INT32_MAX, 0, NULL}, {"b", 1, 0, NULL}};
    struct assign_group *group = NULL;

    ck_assert_int_eq(assign_group_new(topics, 2, NULL, 0, &group), K_INVALID_ARGUMENT);
    ck_assert_ptr_null(group);
}
END_TEST

/* One's own: whoever wishes the loudest gets everything, and hears of it. */
struct loud { char wish, heard; int32_t generation; };

static int loud_tell(void *context, const struct assign_joining *joining, struct buffer *out)
{
    const struct loud *loud = context;
    (void)joining;
    return buffer_copy(out, &loud->wish, 1);
}

static int loud_assign(void *context, struct assign_group *group)
{
    struct assign_member *loudest = &group->members[0];

    (void)context;
    for (uint32_t m = 1; m < group->member_count; m++)
        if (group->members[m].told.user_data.data[0] > loudest->told.user_data.data[0])
            loudest = &group->members[m];
    for (uint32_t p = 0; p < group->partition_count; p++)
        group->owners[p] = (int32_t)(loudest - group->members);
    loudest->answer = (struct consumer_text){"!", 1};
    return 0;
}

static void loud_learn(void *context, int32_t generation,
                       const struct consumer_assignment *assignment)
{
    struct loud *loud = context;
    loud->heard = assignment->user_data.data != NULL ? assignment->user_data.data[0] : '-';
    loud->generation = generation;
}

static const struct assignor loud_assignor = {
    .name = "loud", .tell = loud_tell, .assign = loud_assign, .learn = loud_learn};

START_TEST(an_assignor_of_ones_own_carries_what_it_likes)
{
    struct loud members[] = {{'1', 0, 0}, {'9', 0, 0}, {'5', 0, 0}};
    struct consumer_text topic = {"a", 1};
    struct assign_joining joining = {.topics = &topic, .topic_count = 1, .generation = 6};
    struct buffer metadata[3] = {{0}};
    struct assign_joined joined[3];
    struct assign_topic topics[] = {{"a", 4, 0, NULL}};
    struct assign_group *group;

    for (int i = 0; i < 3; i++) {
        struct assignor own = loud_assignor;
        own.context = &members[i];
        ck_assert_int_eq(assignor_subscription_write(&own, &joining, &metadata[i]), 0);
        joined[i] = (struct assign_joined){
            {&"abc"[i], 1}, {NULL, 0}, metadata[i].bytes, metadata[i].size};
    }
    ck_assert_int_eq(assign_group_new(topics, 1, joined, 3, &group), 0);
    ck_assert_int_eq(assignor_assign(&loud_assignor, group), 0);

    for (uint32_t i = 0; i < 3; i++) {
        struct buffer out = {0};
        struct consumer_assignment assignment;
        ck_assert_int_eq(assign_group_write(group, i, &out), 0);
        ck_assert_int_eq(consumer_assignment_read(out.bytes, out.size, &assignment), 0);
        loud_assignor.learn(&members[i], 7, &assignment);
        ck_assert_int_eq(assignment.partitions.count, i == 1);
        ck_assert_int_eq(members[i].heard, i == 1 ? '!' : '-');
        buffer_fini(&out);
        buffer_fini(&metadata[i]);
    }
    assign_group_free(group);
}
END_TEST

static int wild_assign(void *context, struct assign_group *group)
{
    group->owners[0] = *(int32_t *)context;
    return 0;
}

START_TEST(an_assignor_of_ones_own_names_members_that_there_are)
{
    static const int32_t wild[] = {-2, 1, INT32_MAX, INT32_MIN};
    struct sample sample;

    sample_new(&sample, &assignor_range, "a:1", "c1=a");
    for (size_t i = 0; i < sizeof wild / sizeof wild[0]; i++) {
        int32_t owner = wild[i];
        struct assignor assignor = {.name = "wild", .context = &owner, .assign = wild_assign};
        ck_assert_int_eq(assignor_assign(&assignor, sample.group), K_INVALID_ARGUMENT);
    }
    sample_free(&sample);
}
END_TEST

Suite *assignor_suite(void)
{
    Suite *suite = suite_create("client/assignor");
    TCase *tcase = tcase_create("assignor");
    int rows = (int)(sizeof golden / sizeof golden[0]);

    tcase_add_loop_test(tcase, range_assigns_as_javas_does, 0, rows);
    tcase_add_loop_test(tcase, roundrobin_assigns_as_javas_does, 0, rows);
    tcase_add_test(tcase, a_member_that_can_not_be_read_keeps_nobody_from_reading);
    tcase_add_test(tcase, more_partitions_than_can_be_numbered_are_refused);
    tcase_add_test(tcase, an_assignor_of_ones_own_carries_what_it_likes);
    tcase_add_test(tcase, an_assignor_of_ones_own_names_members_that_there_are);
    suite_add_tcase(suite, tcase);
    return suite;
}
