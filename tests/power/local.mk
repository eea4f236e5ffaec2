# tests/power/: the power goes while a log is written to.
check_PROGRAMS += tests/power/test_simulated
TESTS += tests/power/test_simulated
power_sources = \
	tests/power/sim_disk.h tests/power/sim_disk.c \
	tests/power/story.h tests/power/story.c
tests_power_test_simulated_SOURCES = $(power_sources) tests/power/test_simulated.c
tests_power_test_simulated_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_power_test_simulated_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la $(CHECK_LIBS)
