# tests/: mirrors the tree. One Check program per folder; `make check` runs them all.
check_LTLIBRARIES += libtestlib.la
libtestlib_la_SOURCES = \
	tests/lib/number.h \
	tests/lib/runner.h tests/lib/runner.c \
	tests/lib/scratch.h tests/lib/scratch.c \
	tests/lib/wait.h
libtestlib_la_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)

# With tests/torture/memory.c: the allocations of all our objects go through it.
memory_ldflags = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup,--wrap=strndup \
	-Wl,--wrap=asprintf,--wrap=open_memstream

include tests/common/local.mk
include tests/proto/local.mk
include tests/net/local.mk
include tests/zk/local.mk
include tests/server/local.mk
include tests/client/local.mk
include tests/tools/local.mk
include tests/integration/local.mk
include tests/peers/local.mk
include tests/power/local.mk
include tests/sim/local.mk
include tests/explore/local.mk
include tests/chaos/local.mk
include tests/mutants/local.mk
include tests/fuzz/local.mk
include tests/torture/local.mk
include tests/valgrind/local.mk
