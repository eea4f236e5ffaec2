# tests/power/: the power goes while a log is written to. On a simulated disk as a unit test and by
# command; on ext4 in a loop device by tests/power/run.
check_PROGRAMS += tests/power/test_compaction tests/power/test_simulated tests/power/power
TESTS += tests/power/test_compaction tests/power/test_simulated
power_sources = \
	tests/power/sim_disk.h tests/power/sim_disk.c tests/power/sim_disk_private.h \
	tests/power/sim_cut.c \
	tests/power/story.h tests/power/story.c tests/power/story_life.c
tests_power_test_simulated_SOURCES = $(power_sources) tests/power/test_simulated.c
tests_power_test_simulated_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_power_test_simulated_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la $(CHECK_LIBS)
tests_power_test_compaction_SOURCES = \
	tests/power/sim_disk.h tests/power/sim_disk.c tests/power/sim_disk_private.h \
	tests/power/sim_cut.c \
	tests/server/storage/clean_rig.h tests/server/storage/clean_rig.c \
	tests/server/storage/fixture.h tests/server/storage/fixture.c \
	tests/power/test_compaction.c
tests_power_test_compaction_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_power_test_compaction_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la $(CHECK_LIBS)
tests_power_power_SOURCES = $(power_sources) \
	tests/power/loop_disk.h tests/power/loop_disk.c \
	tests/power/power.c
tests_power_power_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la
EXTRA_DIST += tests/power/run
