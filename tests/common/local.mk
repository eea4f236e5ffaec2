# tests/common/
check_PROGRAMS += tests/common/test_common
TESTS += tests/common/test_common
tests_common_test_common_SOURCES = \
	tests/common/main.c \
	tests/common/suites.h \
	tests/common/test_compress.c
tests_common_test_common_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_common_test_common_LDADD = libtestlib.la libcommon.la $(CHECK_LIBS)
