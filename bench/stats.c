/* stats - all arithmetic of bench/run: what rounds of measurements amount to.
 *
 *   stats valid FILE WORKLOAD ROUND   may the round count? Exit status 1 and the reason if not
 *   stats table FILE                  medians with quartiles, and each target's verdict
 *   stats json FILE                   the same for programs
 *   stats history FILE                one line for each workload: medians alone
 *   stats floor FILE FRACTION         exit status 1 when a target's ratio is below that part of it
 *
 * FILE has one fact a line:
 *
 *   sample WORKLOAD ROUND SERIES METRIC VALUE
 *   yardstick WORKLOAD SERIES METRIC                 a round in which it is slow does not count
 *   target WORKLOAD METRIC SERIES OTHER at-least|at-most BOUND
 *   void WORKLOAD ROUND                              does not count
 *   note WORKLOAD SERIES WORDS...                    how the series was measured
 *
 * Two samples of one series and round are averaged (it is measured twice, around the others). A
 * target compares SERIES / OTHER of the same round; OTHER "-" compares the value itself. Its
 * verdict comes from the quartiles of the rounds: "met" when the worse one is on the right side of
 * the bound, "missed" when the better one is not, and "open" between. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD = 40, LINES_MAX = 100000, ROUNDS_MAX = 200, LINE = 512 };

#define STEAL_PERMILLE_MAX 20           /* of the processors' time in a round */
#define YARDSTICK_MIN 0.7               /* of its best round */

enum kind { SAMPLE, YARDSTICK, TARGET, VOID, NOTE };

struct fact {
    enum kind kind;
    int round;
    char workload[WORD], series[WORD], metric[WORD], other[WORD];
    char words[LINE];                   /* of a note */
    int at_most;
    double value;                       /* of a sample; the bound of a target */
};

struct facts {
    struct fact *items;
    size_t count;
};

/* --- reading ---------------------------------------------------------------------------------- */

static int parse(char *line, struct fact *fact)
{
    char way[WORD] = "";
    int at = 0;

    memset(fact, 0, sizeof *fact);
    if (sscanf(line, "sample %39s %d %39s %39s %lf", fact->workload, &fact->round, fact->series,
               fact->metric, &fact->value) == 5) {
        fact->kind = SAMPLE;
        return 1;
    }
    if (sscanf(line, "yardstick %39s %39s %39s", fact->workload, fact->series, fact->metric) == 3) {
        fact->kind = YARDSTICK;
        return 1;
    }
    if (sscanf(line, "target %39s %39s %39s %39s %39s %lf", fact->workload, fact->metric,
               fact->series, fact->other, way, &fact->value) == 6) {
        fact->kind = TARGET;
        fact->at_most = strcmp(way, "at-most") == 0;
        return fact->at_most || strcmp(way, "at-least") == 0;
    }
    if (sscanf(line, "void %39s %d", fact->workload, &fact->round) == 2) {
        fact->kind = VOID;
        return 1;
    }
    if (sscanf(line, "note %39s %39s %n", fact->workload, fact->series, &at) == 2 && at > 0) {
        fact->kind = NOTE;
        snprintf(fact->words, sizeof fact->words, "%.*s", (int)strcspn(line + at, "\n"), line + at);
        return 1;
    }
    return 0;
}

static struct facts load(const char *path)
{
    struct facts facts = { calloc(LINES_MAX, sizeof *facts.items), 0 };
    FILE *file = fopen(path, "r");
    char line[LINE];

    if (file == NULL || facts.items == NULL) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        struct fact *fact = &facts.items[facts.count];
        if (facts.count == LINES_MAX) {
            fprintf(stderr, "stats: %s has more than %d lines\n", path, LINES_MAX);
            exit(2);
        }
        if (!parse(line, fact) || fact->round < 0 || fact->round >= ROUNDS_MAX) {
            fprintf(stderr, "stats: %s: not understood: %s", path, line);
            exit(2);
        }
        facts.count++;
    }
    fclose(file);
    return facts;
}

/* --- arithmetic ------------------------------------------------------------------------------- */

static int is_void(const struct facts *facts, const char *workload, int round)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind == VOID && fact->round == round && strcmp(fact->workload, workload) == 0)
            return 1;
    }
    return 0;
}

/* The mean of a series in a round; NAN when there is none. */
static double in_round(const struct facts *facts, const char *workload, int round,
                       const char *series, const char *metric)
{
    double sum = 0, count = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind == SAMPLE && fact->round == round &&
            strcmp(fact->workload, workload) == 0 && strcmp(fact->series, series) == 0 &&
            strcmp(fact->metric, metric) == 0) {
            sum += fact->value;
            count++;
        }
    }
    return count > 0 ? sum / count : NAN;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

struct spread {
    double low, median, high;           /* quartiles, interpolated */
    size_t rounds;
};

static double quantile(const double *sorted, size_t count, double q)
{
    double at = q * (double)(count - 1), below = floor(at);
    size_t i = (size_t)below;
    return i + 1 < count ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

/* Of series / other (NULL or "-": of the series itself) over the rounds that count. */
static struct spread spread_of(const struct facts *facts, const char *workload,
                               const char *series, const char *other, const char *metric)
{
    double values[ROUNDS_MAX];
    struct spread spread = { NAN, NAN, NAN, 0 };

    for (int round = 0; round < ROUNDS_MAX; round++) {
        double value = in_round(facts, workload, round, series, metric);
        if (other != NULL && strcmp(other, "-") != 0)
            value /= in_round(facts, workload, round, other, metric);
        if (isfinite(value) && !is_void(facts, workload, round))
            values[spread.rounds++] = value;
    }
    if (spread.rounds == 0)
        return spread;
    qsort(values, spread.rounds, sizeof *values, compare);
    spread.low = quantile(values, spread.rounds, 0.25);
    spread.median = quantile(values, spread.rounds, 0.5);
    spread.high = quantile(values, spread.rounds, 0.75);
    return spread;
}

static const char *verdict(const struct fact *target, struct spread spread)
{
    double bound = target->value;

    if (spread.rounds == 0)
        return "not measured";
    if (target->at_most)
        return spread.high <= bound ? "met" : spread.low > bound ? "missed" : "open";
    return spread.low >= bound ? "met" : spread.high < bound ? "missed" : "open";
}

/* --- valid ------------------------------------------------------------------------------------ */

static int valid(const struct facts *facts, const char *workload, int round)
{
    double steal = in_round(facts, workload, round, "machine", "steal-permille");

    if (steal > STEAL_PERMILLE_MAX) {
        printf("the host took %.1f %% of the processors' time\n", steal / 10);
        return 1;
    }
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        double best = 0, here = NAN;
        if (fact->kind != YARDSTICK || strcmp(fact->workload, workload) != 0)
            continue;
        for (int other = 0; other < ROUNDS_MAX; other++) {
            double value = in_round(facts, workload, other, fact->series, fact->metric);
            best = value > best ? value : best;
        }
        here = in_round(facts, workload, round, fact->series, fact->metric);
        if (here < YARDSTICK_MIN * best) {
            printf("%s did %.0f, %.2f of its best: the machine was busy with other work\n",
                   fact->series, here, here / best);
            return 1;
        }
    }
    return 0;
}

/* --- output ----------------------------------------------------------------------------------- */

/* Has a series been measured at all? */
static int has_series(const struct facts *facts, const char *workload, const char *series)
{
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind == SAMPLE && strcmp(fact->workload, workload) == 0 &&
            strcmp(fact->series, series) == 0)
            return 1;
    }
    return 0;
}

/* The first fact of its workload, or of its workload, series and metric? */
static int is_first(const struct facts *facts, size_t index, int whole)
{
    const struct fact *fact = &facts->items[index];

    for (size_t i = 0; i < index; i++) {
        const struct fact *before = &facts->items[i];
        if (strcmp(before->workload, fact->workload) == 0 &&
            (!whole || (before->kind == SAMPLE && strcmp(before->series, fact->series) == 0 &&
                        strcmp(before->metric, fact->metric) == 0)))
            return 0;
    }
    return 1;
}

/* Four digits that matter. */
static const char *number(double value, char text[24])
{
    snprintf(text, 24, fabs(value) >= 1000 ? "%.0f" : fabs(value) >= 100 ? "%.1f" : "%.3g", value);
    return text;
}

static void print_series(const struct facts *facts, const char *workload)
{
    char low[24], median[24], high[24];

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind != SAMPLE || strcmp(fact->workload, workload) != 0 ||
            !is_first(facts, i, 1) || strcmp(fact->series, "machine") == 0)
            continue;
        struct spread spread = spread_of(facts, workload, fact->series, NULL, fact->metric);
        if (spread.rounds > 0)
            printf("  %-16s %-24s %10s  [%s..%s]\n", fact->series, fact->metric,
                   number(spread.median, median), number(spread.low, low),
                   number(spread.high, high));
    }
}

static void print_target(const struct facts *facts, const struct fact *target)
{
    struct spread spread =
        spread_of(facts, target->workload, target->series, target->other, target->metric);
    char low[24], median[24], high[24], bound[24];
    int alone = strcmp(target->other, "-") == 0;

    if (spread.rounds == 0)
        return;
    printf("  %s of %s%s%s: %s [%s..%s], wanted %s %s: %s\n", target->metric, target->series,
           alone ? "" : " / ", alone ? "" : target->other, number(spread.median, median),
           number(spread.low, low), number(spread.high, high),
           target->at_most ? "at most" : "at least", number(target->value, bound),
           verdict(target, spread));
}

static void table(const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        const char *workload = facts->items[i].workload;
        int voided = 0;
        if (!is_first(facts, i, 0))
            continue;
        for (int round = 0; round < ROUNDS_MAX; round++)
            voided += is_void(facts, workload, round);
        printf("%s", workload);
        if (voided > 0)
            printf(" (%d rounds void)", voided);
        puts("");
        for (size_t j = 0; j < facts->count; j++) {
            const struct fact *fact = &facts->items[j];
            if (fact->kind == NOTE && strcmp(fact->workload, workload) == 0 &&
                has_series(facts, workload, fact->series))
                printf("  %-16s %s\n", fact->series, fact->words);
        }
        print_series(facts, workload);
        for (size_t j = 0; j < facts->count; j++) {
            const struct fact *fact = &facts->items[j];
            if (fact->kind == TARGET && strcmp(fact->workload, workload) == 0)
                print_target(facts, fact);
        }
    }
}

static void print_json(const char *separator, const char *head, struct spread spread)
{
    printf("%s{%s, \"rounds\": %zu", separator, head, spread.rounds);
    if (spread.rounds > 0)
        printf(", \"median\": %.6g, \"low\": %.6g, \"high\": %.6g", spread.median, spread.low,
               spread.high);
}

static void json(const struct facts *facts)
{
    const char *separator = "";
    char head[LINE];

    printf("{\"series\": [");
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind != SAMPLE || !is_first(facts, i, 1))
            continue;
        snprintf(head, sizeof head, "\"workload\": \"%s\", \"series\": \"%s\", \"metric\": \"%s\"",
                 fact->workload, fact->series, fact->metric);
        print_json(separator, head,
                   spread_of(facts, fact->workload, fact->series, NULL, fact->metric));
        printf("}");
        separator = ", ";
    }
    printf("], \"targets\": [");
    separator = "";
    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *fact = &facts->items[i];
        if (fact->kind != TARGET)
            continue;
        struct spread spread =
            spread_of(facts, fact->workload, fact->series, fact->other, fact->metric);
        snprintf(head, sizeof head,
                 "\"workload\": \"%s\", \"series\": \"%s\", \"other\": \"%s\", \"metric\": \"%s\"",
                 fact->workload, fact->series, fact->other, fact->metric);
        print_json(separator, head, spread);
        printf(", \"%s\": %.6g, \"verdict\": \"%s\"}", fact->at_most ? "at_most" : "at_least",
               fact->value, verdict(fact, spread));
        separator = ", ";
    }
    puts("]}");
}

static void history(const struct facts *facts)
{
    char median[24];

    for (size_t i = 0; i < facts->count; i++) {
        const char *workload = facts->items[i].workload;
        if (!is_first(facts, i, 0))
            continue;
        printf("%s", workload);
        for (size_t j = 0; j < facts->count; j++) {
            const struct fact *fact = &facts->items[j];
            if (fact->kind != SAMPLE || strcmp(fact->workload, workload) != 0 ||
                !is_first(facts, j, 1) || strcmp(fact->series, "machine") == 0)
                continue;
            struct spread spread = spread_of(facts, workload, fact->series, NULL, fact->metric);
            if (spread.rounds > 0)
                printf(" %s.%s=%s", fact->series, fact->metric, number(spread.median, median));
        }
        puts("");
    }
}

static int below_floor(const struct facts *facts, double fraction)
{
    int failed = 0;

    for (size_t i = 0; i < facts->count; i++) {
        const struct fact *target = &facts->items[i];
        if (target->kind != TARGET)
            continue;
        struct spread spread =
            spread_of(facts, target->workload, target->series, target->other, target->metric);
        if (spread.rounds == 0 || (target->at_most ? spread.median * fraction <= target->value
                                                  : spread.median >= fraction * target->value))
            continue;
        printf("%s: %s of %s is not even at %.2g of its target\n", target->workload,
               target->metric, target->series, fraction);
        failed = 1;
    }
    return failed;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "valid") == 0) {
        struct facts facts = load(argv[2]);
        return valid(&facts, argv[3], atoi(argv[4]));
    }
    if (argc == 4 && strcmp(argv[1], "floor") == 0) {
        struct facts facts = load(argv[2]);
        return below_floor(&facts, atof(argv[3]));
    }
    if (argc == 3) {
        struct facts facts = load(argv[2]);
        if (strcmp(argv[1], "table") == 0)
            return table(&facts), 0;
        if (strcmp(argv[1], "json") == 0)
            return json(&facts), 0;
        if (strcmp(argv[1], "history") == 0)
            return history(&facts), 0;
    }
    fputs("usage: stats valid FILE WORKLOAD ROUND\n       stats table|json|history FILE\n"
          "       stats floor FILE FRACTION\n",
          stderr);
    return 2;
}
