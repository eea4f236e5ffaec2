# tests/valgrind/: unit test programs under memcheck; tests/valgrind/run.
check_PROGRAMS += tests/valgrind/sick
tests_valgrind_sick_SOURCES = tests/valgrind/sick.c
tests_valgrind_sick_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_valgrind_sick_LDADD = libtestlib.la $(CHECK_LIBS)

TESTS += tests/valgrind/test_run.sh
EXTRA_DIST += tests/valgrind/run tests/valgrind/suppressions tests/valgrind/test_run.sh
