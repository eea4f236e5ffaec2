# server/core/: the rules, pure. Event in, effects out; tools/check-pure proves that nothing is called.
noinst_LTLIBRARIES += libcore.la
libcore_la_SOURCES = \
	server/core/alter.c \
	server/core/asks.c \
	server/core/announcements.c \
	server/core/config_plan.c \
	server/core/cluster.c server/core/cluster.h \
	server/core/controller.c server/core/controller.h server/core/controller_private.h \
	server/core/partition_state.h \
	server/core/controller_check.c server/core/controller_copy.c \
	server/core/decide.c \
	server/core/effects.c \
	server/core/election.c server/core/election.h \
	server/core/groups.c server/core/groups.h server/core/groups_private.h \
	server/core/groups_check.c server/core/groups_commit.c server/core/groups_effects.c \
	server/core/groups_expiry.c server/core/groups_forget.c server/core/groups_gone.c \
	server/core/groups_join.c server/core/groups_members.c server/core/groups_offsets.c \
	server/core/groups_rebalance.c server/core/groups_replay.c server/core/groups_sync.c \
	server/core/features.c server/core/features.h \
	server/core/member.c server/core/member.h \
	server/core/placement.c server/core/placement.h \
	server/core/replica.c server/core/replica.h server/core/replica_private.h \
	server/core/replica_follow.c server/core/replica_isr.c server/core/replica_lead.c \
	server/core/reassign.c \
	server/core/reports.c \
	server/core/stores.c \
	server/core/topic_plan.c server/core/topic_plan.h \
	server/core/topic_policy.c server/core/topic_policy.h \
	server/core/upkeep.c
