# tests/explore/: everything that can happen to three replicas, and to a group of three, as far as
# memory reaches.
check_PROGRAMS += tests/explore/explore tests/explore/explore_groups
tests_explore_explore_SOURCES = \
	tests/explore/actions.c \
	tests/explore/check.c \
	tests/explore/explore.c \
	tests/explore/machine.c tests/explore/machine.h \
	tests/explore/search.c tests/explore/search.h \
	tests/explore/state.h
tests_explore_explore_LDADD = libcore.la libcommon.la
tests_explore_explore_groups_SOURCES = \
	tests/explore/groups/actions.c \
	tests/explore/groups/check.c \
	tests/explore/groups/explore_groups.c \
	tests/explore/groups/machine.c \
	tests/explore/groups/state.h \
	tests/explore/groups/topic.c \
	tests/explore/search.c tests/explore/search.h
tests_explore_explore_groups_LDADD = libcore.la libcommon.la

EXTRA_DIST += tests/explore/run
