# server/core/: the rules, pure. Event in, effects out; tools/check-pure proves that nothing is called.
noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	server/core/alter.c \
	server/core/announcements.c \
	server/core/cluster.c server/core/cluster.h \
	server/core/controller.c server/core/controller.h server/core/controller_private.h \
	server/core/controller_check.c server/core/controller_copy.c \
	server/core/effects.c \
	server/core/election.c server/core/election.h \
	server/core/member.c server/core/member.h \
	server/core/placement.c server/core/placement.h \
	server/core/stores.c \
	server/core/topic_plan.c server/core/topic_plan.h
