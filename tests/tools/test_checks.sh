#!/bin/sh
# test_checks.sh - the checkers of tools/ see what they are there to see: each gets a small tree or
# archive that breaks one rule, and must name it; and one that breaks none, and must be silent.
set -eu
LC_ALL=C
export LC_ALL

top=$(cd "${srcdir-$(dirname "$0")/../..}" && pwd)
unset srcdir top_builddir
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

# expect STATUS TEXT COMMAND...: the exit status, and a piece of the output ("" for none at all).
expect() {
    status=$1 text=$2
    shift 2
    got=0
    output=$("$@" 2>&1) || got=$?
    if [ "$got" -ne "$status" ]; then
        echo "FAIL: $* ended with $got instead of $status: $output"
        failed=1
    elif [ -z "$text" ] && [ -n "$output" ]; then
        echo "FAIL: $* should have been silent: $output"
        failed=1
    else
        case $output in
        *"$text"*) ;;
        *) echo "FAIL: $* did not say '$text': $output"; failed=1 ;;
        esac
    fi
}

# fresh: an empty tree with the real tables, and a core that is well-behaved.
fresh() {
    rm -rf "$work/tree"
    mkdir -p "$work/tree/docs" "$work/tree/server/core" "$work/tree/common"
    cp "$top/docs/layers.txt" "$work/tree/docs/"
    printf '# none\n' > "$work/tree/docs/style-exceptions.txt"
    printf '#include "common/a.h"\n#include <string.h>\n' > "$work/tree/server/core/good.c"
}

# layers FILE LINE: what check-layers finds when FILE holds LINE.
layers() {
    fresh
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '\n%s\n' "$2" > "$work/tree/$1"
    "$top/tools/check-layers" "$work/tree"
}

expect 0 '' layers server/core/a.c '#include "common/map.h"'
expect 0 '' layers tests/net/a.c '#include <event2/event.h>'
expect 0 '' layers build-x/anywhere/a.c '#include "what/ever.h"'
expect 1 'server/core/a.c:2: server/core must not include "net/loop.h"' \
    layers server/core/a.c '#include "net/loop.h"'
expect 1 'must not include "common/log.h"' layers server/core/a.h '  #  include  "common/log.h"'
expect 1 'must not include <time.h>' layers server/core/a.c '#include <time.h>'
expect 1 'must not include <pthread.h>' layers server/core/deep/er/a.c '#include <pthread.h>'
expect 1 'must not include <event2/event.h>' layers zk/a.c '#include <event2/event.h>'
expect 1 'must not include "proto/frame.h"' layers common/a.h '#include "proto/frame.h"'
expect 1 'must not include "../zk/session.h"' layers client/a.c '#include "../zk/session.h"'
expect 1 'must not include "client/config.h"' layers tools/a.c '#include "client/config.h"'
expect 1 'no row of docs/layers.txt' layers attic/a.c 'int x;'
expect 1 'can not be checked' layers common/a.c '#include HEADER'

# A broken table is noticed.
table() {
    fresh
    printf '%s\n' "$1" >> "$work/tree/docs/layers.txt"
    "$top/tools/check-layers" "$work/tree"
}
expect 1 'no group magic' table 'attic: common/ ; magic'
expect 1 'a second row for common' table 'common: * ; *'
expect 1 'needs a semicolon' table 'attic: common/'

# style FILE TEXT: what check-style finds when FILE holds TEXT.
style() {
    fresh
    mkdir -p "$work/tree/$(dirname "$1")"
    printf '%b' "$2" > "$work/tree/$1"
    "$top/tools/check-style" "$work/tree"
}

# repeat COUNT TEXT
repeat() { awk -v count="$1" -v text="$2" 'BEGIN { while (count-- > 0) printf "%s", text }'; }

expect 0 '' style common/a.c "int f(void)\n{\n$(repeat 68 '    g();\\n')}\n"
expect 1 'common/a.c:2: f() has more than 70 lines' \
    style common/a.c "int f(void)\n{\n$(repeat 69 '    g();\\n')}\n"
expect 0 '' style common/a.c "$(repeat 600 'int x;\\n')"
expect 1 'more than 600 lines' style common/a.h "$(repeat 601 'int x;\\n')"
expect 0 '' style common/a.c "$(repeat 100 x)\n"
expect 1 'common/a.c:2: the line has more than 100' style common/a.c "\n$(repeat 101 x)\n"
expect 0 '' style common/a.c "/* $(repeat 60 'é') */\n"
expect 0 '' style common/a.h "/* clang-format off */\n$(repeat 120 x)\n/* clang-format on */\n"
expect 1 'a.h:3: the line has' style common/a.h "/* clang-format off */\n/* clang-format on */\n\
$(repeat 120 x)\n"
expect 1 'sprintf() is banned' style common/a.c 'void f(void) { sprintf(a, b); }\n'
expect 1 'sleep() is banned' style tests/a.c '    sleep(1);\n'
expect 1 'common/a.c:3: time() is banned' style common/a.c '/*\n*/\nint t = time(NULL);\n'
expect 0 '' style common/a.c '/* strcpy() is\n * not gets() */ // time(0)\nchar *a = "\\" rand()";\n'
expect 0 '' style common/a.c 'wall_time(); x->time(y); x.gets(z); snprintf(a); sleepy();\n'
expect 1 'no mutex belongs here' style zk/a.c '    pthread_mutex_lock(&x);\n'
expect 0 '' style tests/a.c '    pthread_mutex_lock(&x);\n'

# excepted EXCEPTION: what check-style says about a mutex in common/a.c.
excepted() {
    fresh
    printf 'pthread_mutex_lock(&x);\n' > "$work/tree/common/a.c"
    printf '%s\n' "$1" > "$work/tree/docs/style-exceptions.txt"
    "$top/tools/check-style" "$work/tree"
}
expect 0 '' excepted 'mutex common/a.c a reason'
expect 1 'not of the form' excepted 'mutex common/a.c'
expect 1 'nothing needs this exception' excepted 'mutex common/b.c a reason'

# archive NAME C-TEXT: a library of one object, as libtool would leave it.
archive() {
    rm -rf "$work/build"
    mkdir -p "$work/build/.libs"
    printf '%s\n' "$2" > "$work/build/a.c"
    "${CC-cc}" -fPIC -c -o "$work/build/$1_la-a.o" "$work/build/a.c"
    "${AR-ar}" rc "$work/build/.libs/$1.a" "$work/build/$1_la-a.o"
}

# state C-TEXT [EXCEPTION]: what check-state finds in a library made of it.
state() {
    archive libx "$1"
    printf '%s\n' "${2-}" > "$work/list"
    "$top/tools/check-state" "$work/build" "$work/list"
}

# pure C-TEXT: what check-pure finds in a library made of it.
pure() {
    archive libcore "$1"
    "$top/tools/check-pure" "$work/build/.libs/libcore.a" "$top/docs/pure-symbols.txt"
}

if command -v "${CC-cc}" > /dev/null && command -v "${NM-nm}" > /dev/null; then
    expect 0 '' state 'const int a = 1; const char *const b[] = { "x" }; int f(void) { return a; }'
    expect 1 'libx/a.c: a is a variable' state 'int a;'
    expect 1 'libx/a.c: a is a variable' state 'static int a = 3; int f(void) { return a++; }'
    expect 1 'libx/a.c: count is a variable' state 'int f(void) { static int count; return count++; }'
    expect 1 'libx/a.c: a is a variable' state 'const char *a = "x";'
    expect 1 'libx/a.c: a is a variable' state '_Thread_local int a;'
    expect 0 '' state 'int a;' 'state libx/a.c:a a reason'
    expect 1 'nothing needs' state 'int f(void);' 'state libx/a.c:b a reason'
    expect 77 'no libraries' "$top/tools/check-state" "$work/nowhere" "$work/list"

    expect 0 '' pure 'void *malloc(unsigned long); int g(void) { return 1; }
                      int f(void) { return malloc(9) != 0 && g(); }'
    expect 1 'not pure: getenv, called by libcore_la-a.o' \
        pure 'char *getenv(const char *); char *f(void) { return getenv("x"); }'
    expect 1 'not pure: clock_gettime' \
        pure 'int clock_gettime(int, void *); int f(void) { return clock_gettime(0, 0); }'
    expect 1 'not pure: map_init,' pure 'void map_init(void *); void f(void) { map_init(0); }'
    expect 1 'defines nothing' pure 'extern int x;'
    expect 77 'no ' "$top/tools/check-pure" "$work/nowhere.a"
fi

# compat ROW [ARG...]: what check-compat finds in a page with this row.
compat() {
    fresh
    mkdir -p "$work/tree/tests/a"
    : > "$work/tree/tests/a/test_x.c"
    : > "$work/tree/tests/a/test_alone.c"
    : > "$work/tree/tests/a/test_y.sh"
    printf 'check_PROGRAMS += tests/a/test_a\ntests_a_test_a_SOURCES = tests/a/main.c \\\n\ttests/a/test_x.c\n' \
        > "$work/tree/tests/a/local.mk"
    printf '| what | | test | note |\n|---|---|---|---|\n%s\n' "$1" > "$work/tree/docs/compatibility.md"
    shift
    "$top/tools/check-compat" "$@" "$work/tree"
}
printf 'tests/a/test_a\n' > "$work/passed"

expect 0 '' compat '| roll | yes | `tests/a/test_x.c`, `tests/a/test_y.sh` | |'
expect 0 '' compat '| roll | no | | not planned |'
expect 1 'no such test: tests/a/test_z.c' compat '| roll | yes | `tests/a/test_z.c` | |'
expect 1 '"roll" names no test' compat '| roll | different | | it rolls backwards |'
expect 1 '"roll" does not say why' compat '| roll | not yet | | |'
expect 1 'is part of no test program' compat '| roll | yes | `tests/a/test_alone.c` | |'
expect 0 '' compat '| roll | yes | `tests/a/test_x.c` | |' --passed "$work/passed"
expect 1 'tests/a/test_y.sh did not pass' compat '| roll | yes | `tests/a/test_y.sh` | |' \
    --passed "$work/passed"

# ordering ROW: what check-compat finds in docs/ordering.md with this row.
ordering() {
    compat '| roll | no | | not planned |' > /dev/null
    printf '| what | keeps | test |\n|---|---|---|\n%s\n' "$1" > "$work/tree/docs/ordering.md"
    "$top/tools/check-compat" "$work/tree"
}
expect 0 '' ordering '| a key | its order | `tests/a/test_x.c` |'
expect 1 '"a key" names no test' ordering '| a key | its order | |'
expect 1 'no such test: tests/a/test_z.c' ordering '| a key | its order | `tests/a/test_z.c` |'

# man HEADER PAGE [UNWRITTEN]: what check-man finds with this klient.h and this page of klient_a().
man() {
    fresh
    mkdir -p "$work/tree/client" "$work/tree/docs/man"
    printf '%b' "$1" > "$work/tree/client/klient.h"
    printf '%b' "$2" > "$work/tree/docs/man/klient_a.3"
    printf '%s\n' "${3-}" > "$work/tree/docs/man/unwritten.txt"
    printf 'dist_man_MANS += docs/man/klient_a.3\n' > "$work/tree/docs/local.mk"
    "$top/tools/check-man" "$work/tree"
}
page='.Sh NAME\n.Nm klient_a\n.Sh SYNOPSIS\n.Ft const char *\n.Fn klient_a "int b" "char **c"\n'
expect 0 '' man 'const char *klient_a(int b,\n    char **c);  /* it */\n' "$page"
expect 0 '' man '/* int klient_b(void);\n * int klient_c(void); */\nconst char *klient_a(int b, char **c);\n' "$page"
expect 1 'klient_b() has no page' man 'const char *klient_a(int b, char **c);\nint klient_b(void);\n' "$page"
expect 0 '' man 'const char *klient_a(int b, char **c);\nint klient_b(void);\n' "$page" 'klient_b*'
expect 1 'nothing needs klient_b' man 'const char *klient_a(int b, char **c);\n' "$page" 'klient_b'
expect 1 'in klient.h "const char *|int b"' man 'const char *klient_a(int b);\n' "$page"
expect 1 'there is no call klient_a()' man 'int klient_b(void);\n' "$page" 'klient_b'
expect 1 'refers to a page that is not there: klient_x' \
    man 'const char *klient_a(int b, char **c);\n' "$page.Sh SEE ALSO\n.Xr klient_x 3\n"
expect 1 'there is no page klient_x' man 'const char *klient_a(int b, char **c);\n' '.so man3/klient_x.3\n'

# options TABLE MANUAL: what check-man finds with these rows of docs/configuration.md, and this kairnd.conf.5.
options() {
    man 'int klient_a(void);\n' '.Sh NAME\n.Nm klient_a\n.Sh SYNOPSIS\n.Ft int\n.Fn klient_a void\n' > /dev/null
    printf '%b' "$1" > "$work/tree/docs/configuration.md"
    printf '%b' ".Dd November 30, 2026\n.Dt KAIRND.CONF 5\n.Os\n$2" > "$work/tree/docs/man/kairnd.conf.5"
    [ -n "${3-}" ] || echo 'dist_man_MANS += docs/man/kairnd.conf.5' >> "$work/tree/docs/local.mk"
    "$top/tools/check-man" "$work/tree"
}
items='.Bl -tag -width Ds\n.It Va a.b\nOne.\n.It Va c\nTwo.\n.El\n'
expect 0 '' options '| Name |\n|---|\n| `a.b` | int |\n| `c` | int |\n' "$items"
expect 1 'other options than docs/configuration.md' options '| `a.b` | int |\n| `c` | int |\n| `d` | int |\n' "$items"
expect 1 'kairnd.conf.5: not in docs/local.mk' options '| `a.b` | int |\n| `c` | int |\n' "$items" unlisted

# events PAGE: what check-events finds in this page of a tree whose broker logs "broker-ready".
events() {
    fresh
    for folder in net zk client; do mkdir -p "$work/tree/$folder"; done
    printf 'LOG_INFO("broker-ready", "broker=%%d", id);\n' > "$work/tree/server/core/good.c"
    printf '%s\n' "$1" > "$work/tree/docs/operations.md"
    "$top/tools/check-events" "$work/tree"
}
expect 0 '' events 'it serves: `event=broker-ready`, `event=broker-ready broker=1`'
expect 1 'docs/operations.md:1:nobody logs event=broker-read' events 'it serves: `event=broker-read`'

# effects LINE...: what check-options finds with this list, of one broker's, one topic's and one
# client's option, and one of each kind that has no effect to be shown.
effects() {
    fresh
    mkdir -p "$work/tree/server/runtime" "$work/tree/client" "$work/tree/tests"
    cat > "$work/tree/server/config_table.h" << 'TABLE'
#define CONFIG_TABLE(X)                          \
    X(INT, roll_ms, "log.roll.ms", "5", 0, 9, NULL, OPTION_RUNTIME, NULL, \
      "Age (at most), in milliseconds.")

#define CONFIG_OTHER_TABLE(Y) \
    Y("num.io.threads", OPTION_NO_EFFECT, "See X(1).")
TABLE
    cat > "$work/tree/server/runtime/topic_config_table.h" << 'TABLE'
#define TOPIC_TABLE(W)                           \
    W(THROTTLED,                                 \
      "partition:broker,...: partitions.")
#define THROTTLED "throttled.replicas"
TABLE
    cat > "$work/tree/client/config_table.h" << 'TABLE'
#define CONFIG_TABLE(X) \
    X("linger.ms", LONG, linger_ms, "5", 0, 900, NULL, 0, "queue.ms", \
      "Wait.") \
    X("security", ENUM, security, "PLAIN", 0, 0, "PLAIN", 0, NULL, \
      "One value.") \
    X("api.ms", LONG, api_ms, "5", 0, 900, NULL, OPTION_NO_EFFECT, NULL, \
      "Without effect.") \
    CONFIG_NOT_YET(X, "sasl")
TABLE
    printf 'START_TEST(it_rolls)\n{ config.roll_ms = 1; }\nEND_TEST\n' > "$work/tree/tests/test_a.c"
    printf 'kairn --set linger.ms=5 --set throttled.replicas.too=1\n' > "$work/tree/tests/test_b.sh"
    echo 'throttled.replicas=*' > "$work/tree/tests/test_c.sh"
    printf '# a list\n\n' > "$work/tree/tests/option_effects.txt"
    printf '%s\n' "$@" >> "$work/tree/tests/option_effects.txt"
    "$top/tools/check-options" "$work/tree"
}
rolls='log.roll.ms tests/test_a.c:it_rolls'
broker=$(printf 'running %s\nbroker %s' "$rolls" "$rolls")
topic='topic throttled.replicas tests/test_c.sh'
client='client linger.ms tests/test_b.sh'
expect 0 '' effects "$broker" "$topic" "$client"
expect 0 '' effects "$broker tests/test_b.sh" "$topic" "$client"
expect 1 'no line for running log.roll.ms' effects "broker $rolls" "$topic" "$client"
expect 1 'no line for client linger.ms' effects "$broker" "$topic"
expect 1 'no table serves such an option with an effect: broker num.io.threads' \
    effects "$broker" "$topic" "$client" 'broker num.io.threads tests/test_b.sh'
expect 1 'with an effect: client security' effects "$broker" "$topic" "$client" 'client security tests/test_b.sh'
expect 1 'with an effect: client api.ms' effects "$broker" "$topic" "$client" 'client api.ms tests/test_b.sh'
expect 1 'a second line for client linger.ms' effects "$broker" "$topic" "$client" "$client"
expect 1 'client linger.ms names no test' effects "$broker" "$topic" 'client linger.ms'
expect 1 'no such test: tests/test_d.sh' effects "$broker" "$topic" 'client linger.ms tests/test_d.sh'
expect 1 'no test it_lingers in tests/test_a.c' effects "$broker" "$topic" 'client linger.ms tests/test_a.c:it_lingers'
expect 1 'no test of client linger.ms mentions it' effects "$broker" "$topic" 'client linger.ms tests/test_a.c:it_rolls'
expect 1 'no test of topic throttled.replicas mentions it' \
    effects "$broker" 'topic throttled.replicas tests/test_b.sh' "$client"

[ "$failed" -eq 0 ] && echo "the checkers see what they should"
exit "$failed"
